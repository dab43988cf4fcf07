#include "agent/cli/manual.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "agent/base/reason.h"
#include "agent/runtime/version.h"

namespace haagent {
namespace {

// A text as troff prints it: '-' as the one that people copy, no macro at the begin of a line.
std::string plain(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += std::string("\\&") + c;
    else
      out += c;
  }
  return out;
}
std::string bold(std::string_view text) {
  return "\\fB" + plain(text) + "\\fR";
}
std::string italic(std::string_view text) {
  return "\\fI" + plain(text) + "\\fR";
}
std::string section(std::string_view name) {
  return fmt::format(".SH {}\n", name);
}
std::string entry(std::string_view head, std::string_view text) {
  return fmt::format(".TP\n{}\n{}\n", head, text);
}
std::string example(std::string_view text) {
  return fmt::format(".PP\n.nf\n.RS\n{}\n.RE\n.fi\n", plain(text));
}
std::string title(std::string_view name, int number, std::string_view subject) {
  return fmt::format(".TH \"{}\" {} \"\" \"haagent {}\" \"haagent\"\n.nh\n.ad l\n{}{} \\- {}\n",
                     name, number, kVersion, section("NAME"), plain(name), plain(subject));
}

// ---- haagent(1)

std::string option_head(CommandOption const& option) {
  std::vector<std::string> names;
  for (auto const& name : option.names) names.push_back(bold(name));
  auto head = fmt::format("{}", fmt::join(names, ", "));
  if (!option.value.empty()) head += (head.empty() ? "" : " ") + italic(option.value);
  return head;
}
std::string option_text(CommandOption const& option) {
  auto text = plain(option.what);
  if (!option.choices.empty() && option.names.empty())
    text = plain(fmt::format("{}", fmt::join(option.choices, ", ")));
  if (!option.by_default.empty()) text += plain("; by default " + option.by_default);
  return text + '.';
}

// What many commands take is described once.
std::set<std::string> const kCommon = {"--help", "--help-all", "--config",
                                       "--set",  "--output",   "--root"};
bool is_common(CommandOption const& option) {
  return std::ranges::any_of(option.names, [](auto const& n) { return kCommon.contains(n); });
}
bool is_help(CommandOption const& option) {
  return std::ranges::any_of(option.names, [](auto const& n) { return n.starts_with("--help"); });
}

std::string synopsis_of(CommandOption const& option) {
  auto text = option.names.empty() ? "" : bold(option.names.front());
  if (!option.value.empty()) text += (text.empty() ? "" : " ") + italic(option.value);
  if (!option.required) text = '[' + text + ']';
  return option.repeated ? text + "..." : text;
}

void add_commands(std::string const& before, Command const& command, std::string& out,
                  std::vector<CommandOption>& common) {
  auto const name = before.empty() ? command.name : before + ' ' + command.name;
  for (auto const& each : command.options) {
    auto const known = [&](auto const& other) { return other.names == each.names; };
    if (is_common(each) && std::ranges::none_of(common, known)) common.push_back(each);
  }
  for (auto const& each : command.commands) add_commands(name, each, out, common);
  if (!command.commands.empty()) return;
  auto line = bold(name);
  for (auto const& each : command.options)
    if (!is_help(each)) line += ' ' + synopsis_of(each);
  out += fmt::format(".TP\n{}\n{}.\n", line, plain(command.what));
  auto const own = [](auto const& each) { return !is_common(each); };
  if (std::ranges::none_of(command.options, own)) return;
  out += ".RS\n";
  for (auto const& each : command.options)
    if (own(each)) out += entry(option_head(each), option_text(each));
  out += ".RE\n";
}

// ---- haagent.yaml(5)

std::string type_name(ValueType type) {
  switch (type) {
    case ValueType::text:
      return "text";
    case ValueType::choice:
      return "a choice";
    case ValueType::boolean:
      return "true or false";
    case ValueType::duration:
      return "a duration: 500ms, 30s, 5m, 1h";
    case ValueType::size:
      return "a size: 512MiB, 8GiB, or bytes";
    case ValueType::count:
      return "a number";
    case ValueType::texts:
      return "a list of texts";
    case ValueType::flags:
      return "a map of flags without their dashes";
    case ValueType::labels:
      return "a map of labels";
    case ValueType::choices:
      return "a map of names";
    case ValueType::taints:
      return "a list of {key, value, effect}";
    case ValueType::overlay:
      return "a map, laid over what haagent renders";
  }
  return "";
}

std::string key_entry(ConfigKey const& key) {
  auto text = plain(key.description) + ".\n";
  auto const words = fmt::format("{}", fmt::join(key.allowed, ", "));
  text += plain(key.allowed.empty()              ? "Takes " + type_name(key.type)
                : key.type == ValueType::choices ? "Takes a map of names, each with one of " + words
                                                 : "One of " + words);
  if (key.required)
    text += "; required";
  else if (auto value = key.load(NodeConfig{}); value.is_scalar() && !value.text().empty())
    text += plain("; by default " + value.text());
  if (!key.example.empty()) text += plain("; for example " + key.example);
  if (key.who != "all") text += "; " + key.who + " alone read it";
  return entry(bold(key.path), text + '.');
}

}  // namespace

std::string manual_of_commands(Command const& table) {
  std::string commands;
  std::vector<CommandOption> common;
  add_commands("", table, commands, common);
  auto out = title("haagent", 1, "make a Kubernetes node on AWS come up, and come back, by itself");
  out += section("SYNOPSIS") + bold("haagent") + " [" + bold("--root") + ' ' + italic("DIR") +
         "] " + italic("COMMAND") + " [" + italic("OPTION") + "...]\n";
  out += section("DESCRIPTION") +
         "haagent is baked into the machine image of a highly available Kubernetes cluster's "
         "masters and workers.\n"
         "A master finds its zone from instance metadata, finds and attaches its zone's tagged EBS "
         "volumes of etcd, mounts them, joins both etcd clusters (main and events), and writes "
         "every Kubernetes config so that it points at the replicated endpoint.\n"
         "A worker's configs point there too.\n"
         "Then it keeps all of that right, backs etcd up, and hands over when its instance goes.\n"
         ".PP\n"
         "It never formats a disk that might hold data, and never forms a second cluster.\n"
         "What it cannot do safely it refuses, with a sentence that says what to do.\n";
  out += section("COMMANDS") + commands;
  out += section("OPTIONS OF MANY COMMANDS");
  for (auto const& each : common) out += entry(option_head(each), option_text(each));
  out += section("EXIT STATUS");
  for (auto const& [code, what] : std::vector<std::pair<std::string, std::string>>{
           {"0",
            "Done. Of status: ready; with --cluster: every master is ready and every voter of "
            "etcd is healthy, by pages that came over mutual TLS, and no worker says that it is "
            "not "
            "ready."},
           {"1", "Failed. Of status: not ready."},
           {"2", "Usage."},
           {"3", "Of status: it boots. Of support-bundle --cluster: a master's bundle is missing."},
           {"4", "Of status: not started since the last boot."},
           {"0, 1, 2, 3",
            "Of check: OK, WARNING, CRITICAL, UNKNOWN, as monitoring plugins have it."},
           {"77", "Refused: a risk to data."},
           {"78", "Bad configuration."}})
    out += entry(bold(code), plain(what));
  out +=
      section("REASONS") +
      "Each row of \\fBhaagent status\\fR that is not done, the status file, the metrics and the "
      "journal have a reason.\n";
  for (auto const& each : explanations())
    out += entry(bold(to_string(each.reason)),
                 fmt::format("{}\n.br\n{}: {}\n.br\n{}: {}", plain(each.means), italic("haagent"),
                             plain(each.haagent_does), italic("you"), plain(each.operator_does)));
  out += section("FILES");
  for (auto const& [file, what] : std::vector<std::pair<std::string, std::string>>{
           {"/etc/haagent/haagent.yaml", "The configuration: haagent.yaml(5)."},
           {"/etc/haagent/conf.d/*.yaml", "Laid over it, in the order of their names."},
           {"/run/haagent/status.json", "How this node is; what haagent status shows."},
           {"/var/lib/haagent", "What it remembers over a reboot."},
           {"/var/lib/haagent-etcd/main, /var/lib/haagent-etcd/events",
            "The volumes' mount points."},
           {"/etc/kubernetes", "What it renders, at kubeadm's paths."}})
    out += entry(italic(file), plain(what));
  out += section("ENVIRONMENT") +
         entry(bold("NO_COLOR"), "Pages have no colour, on a terminal either.");
  out += section("SEE ALSO") + "\\fBhaagent.yaml\\fR(5), \\fBhaagent.service\\fR(8)\n";
  return out;
}

std::string manual_of_config(ConfigKeys const& keys) {
  auto out = title("haagent.yaml", 5, "the configuration of a node");
  out += section("SYNOPSIS") + italic("/etc/haagent/haagent.yaml") + "\n.br\n" +
         italic("/etc/haagent/conf.d/*.yaml") + "\n.br\nuser-data of the instance\n";
  out += section("DESCRIPTION") + "One YAML document, made of several: the packaged defaults, " +
         italic("/etc/haagent/haagent.yaml") + ", the files of " + italic("/etc/haagent/conf.d") +
         " in the order of their names, the instance's user-data, and the command line.\n"
         "A later one counts over an earlier one, key by key.\n"
         "User-data is the bare document, or the part of type " +
         italic("application/vnd.haagent.node+yaml") +
         " of a MIME message beside a cloud-config and scripts; gzip is taken.\n"
         "User-data that is for cloud-init or Ignition alone says nothing here; what nobody "
         "understands is an error.\n"
         "Indentation of all lines, a second base64 and blank lines in front of a message are "
         "taken off, with a warning.\n"
         ".PP\n"
         "Unknown keys are errors.\n" +
         bold("haagent config check") + " tells every problem at once, with its place; " +
         bold("haagent config show --origins") +
         " shows what came of all sources, and where from.\n";
  out += section("EXAMPLE") + "All that has no default:\n" +
         example(
             "apiVersion: haagent.io/v1\n"
             "kind: NodeConfig\n"
             "role: master                      # or worker\n"
             "cluster:\n"
             "  name: prod.example.com\n"
             "  endpoint: https://prod-api-123.elb.eu-west-1.amazonaws.com\n"
             "  state: s3://prod-haagent/prod.example.com\n"
             "kubernetes: {version: \"1.33.2\"}");
  out += section("KEYS");
  for (auto const& key : keys) out += key_entry(key);
  out += section("SEE ALSO") + "\\fBhaagent\\fR(1), \\fBhaagent.service\\fR(8)\n";
  return out;
}

}  // namespace haagent
