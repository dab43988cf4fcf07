#include "agent/config/node_document.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "agent/base/yaml.h"
#include "agent/config/keys.h"
#include "agent/config/text_lines.h"

namespace haagent {
namespace {

using Is = NodeDocument::Is;
using text::lower;
using text::shown;
using text::take_line;
using text::trim;

constexpr auto kBegin = "a NodeConfig begins with the line 'apiVersion: haagent.io/v1'";

NodeDocument not_understood(std::string what, std::string advice = kBegin) {
  return {.is = Is::not_understood, .what = std::move(what), .advice = std::move(advice)};
}

bool is_our_api_version(std::string_view value) {
  return value.starts_with("haagent.io/") || value == "haagent.io";
}

// "apiVersion: haagent.io/..." at the beginning of a line, for texts that are no YAML.
bool mentions_our_api_version(std::string_view text, bool at_the_margin = false) {
  while (!text.empty()) {
    auto line = take_line(text);
    if (!at_the_margin) line = trim(line);
    constexpr std::string_view kMarks = "{\"'";
    line.remove_prefix(std::min(line.find_first_not_of(kMarks), line.size()));
    if (!line.starts_with("apiVersion")) continue;
    line.remove_prefix(10);
    line.remove_prefix(std::min(line.find_first_not_of("\"': \t"), line.size()));
    if (line.starts_with("haagent.io/")) return true;
  }
  return false;
}

std::vector<std::string> const& our_names() {
  static auto const names = names_below(config_keys(), "");
  return names;
}

bool has_key_of_ours(Tree const& map) {
  return std::ranges::any_of(map.entries(), [](Tree::Entry const& entry) {
    return std::ranges::find(our_names(), entry.key) != our_names().end();
  });
}

// Every key is one of ours, or was meant to be.
bool has_only_near_keys(Tree const& map) {
  return !map.entries().empty() && std::ranges::all_of(map.entries(), [](Tree::Entry const& entry) {
    return !closest(entry.key, our_names()).empty();
  });
}

// The first key whose value is a NodeConfig: someone else's envelope around it.
std::string key_around_ours(Tree const& map) {
  for (auto const& [key, mark, value] : map.entries()) {
    if (value.is_map() && is_surely_ours(value)) return key;
    if (value.is_string() && mentions_our_api_version(value.text())) return key;
  }
  return {};
}

std::string key_list(Tree const& map) {
  std::vector<std::string> keys;
  for (auto const& entry : map.entries()) {
    if (keys.size() == 3) break;
    keys.push_back(shown(entry.key));
  }
  return fmt::format("{}{}", fmt::join(keys, ", "), map.entries().size() > 3 ? ", ..." : "");
}

bool has_any(Tree const& map, std::initializer_list<std::string_view> keys) {
  return std::ranges::any_of(keys, [&](auto key) { return map.find(key) != nullptr; });
}

// A document that names its kind, as Kubernetes' own and its relatives do.
NodeDocument of_another_api(std::string const& api, std::string const& kind) {
  struct Known {
    std::string_view group;
    std::string_view whose;
    std::string_view advice;
  };
  static constexpr std::array kKnown = {
      Known{"node.eks.aws/", "EKS' nodeadm", kBegin},
      Known{"kubeadm.k8s.io/", "kubeadm", kBegin},
      Known{"kops.k8s.io/", "kops", kBegin},
      Known{"eksctl.io/", "eksctl", kBegin},
      Known{"kubelet.config.k8s.io/", "the kubelet", "put its fields below 'kubelet.config'"},
      Known{"kubeproxy.config.k8s.io/", "kube-proxy", "put its fields below 'kubeProxy.config'"},
      Known{"kubescheduler.config.k8s.io/", "kube-scheduler",
            "put its fields below 'scheduler.config'"},
  };
  auto const name = fmt::format("(apiVersion: {}, kind: {})", shown(api), shown(kind));
  for (auto const& [group, whose, advice] : kKnown) {
    if (api.starts_with(group))
      return not_understood(fmt::format("a configuration of {} {}", whose, name),
                            std::string(advice));
  }
  return not_understood(fmt::format("another kind of document {}", name));
}

std::optional<NodeDocument> known_map(Tree const& map) {
  if (auto const* ignition = map.find("ignition"); ignition && ignition->is_map())
    return NodeDocument{.is = Is::for_others, .what = "for Ignition"};
  if (map.find("variant") && map.find("version") && map.find("variant")->is_string()) {
    return not_understood(
        fmt::format("a Butane config (variant: {})", shown(map.text_at("variant"))),
        "Ignition reads what 'butane' makes of it");
  }
  if (map.find("machine") && has_any(map, {"version", "cluster"}))
    return not_understood("a machine configuration of Talos");
  if (has_any(map, {"ClusterName", "ConfigBase", "InstanceGroupName", "InstanceGroupRole",
                    "NodeupConfigHash"})) {
    return not_understood("a configuration of kops' nodeup");
  }
  if (has_any(map, {"Fn::Base64", "Fn::Sub", "Fn::Join", "!Sub"})) {
    return not_understood("a function of CloudFormation, as text",
                          "use it in the template itself, where it is resolved");
  }
  return {};
}

std::optional<NodeDocument> foreign_map(Tree const& map) {
  if (has_any(map, {"write_files", "runcmd", "bootcmd", "packages", "package_update", "users",
                    "ssh_authorized_keys", "cloud_final_modules", "ntp", "chpasswd"})) {
    return not_understood("a cloud-config without its first line",
                          "begin with the line '#cloud-config', else cloud-init reads it neither");
  }
  if (has_any(map, {"node-label", "node-taint", "cluster-init", "tls-san", "agent-token",
                    "kubelet-arg", "kube-apiserver-arg", "write-kubeconfig-mode", "token-file"}) ||
      (map.find("server") && map.find("token"))) {
    return not_understood("a configuration of k3s or RKE2");
  }
  return {};
}

NodeDocument of_map(Tree const& map, std::string text) {
  if (map.entries().empty()) return {};
  NodeDocument ours{.is = Is::ours, .text = std::move(text)};
  auto const api = map.text_at("apiVersion");
  if (is_our_api_version(api)) return ours;
  if (auto known = known_map(map)) return *std::move(known);
  if (auto key = key_around_ours(map); !key.empty()) {
    return not_understood(
        fmt::format("a document with a NodeConfig below its key '{}'", shown(key)),
        "hand over what stands below that key, and nothing around it");
  }
  if (!api.empty() && !is_surely_ours(map)) return of_another_api(api, map.text_at("kind"));
  if (has_key_of_ours(map)) return ours;
  if (auto foreign = foreign_map(map)) return *std::move(foreign);
  if (has_only_near_keys(map)) return ours;
  auto other = not_understood(
      fmt::format("a document without a key of a NodeConfig (its keys are {})", key_list(map)));
  other.unknown = true;
  return other;
}

// What cloud-init tells its formats by; it passes over blanks in front of them, and over their
// case.
std::optional<NodeDocument> for_cloud_init(std::string_view line) {
  if (line.starts_with("#!"))
    return NodeDocument{.is = Is::for_others, .what = fmt::format("a script ({})", shown(line))};
  auto const low = lower(line);
  for (auto const* mark : {"#cloud-config", "#cloud-boothook", "#include", "#part-handler",
                           "#upstart-job", "## template:"}) {
    if (low.starts_with(mark)) {
      return NodeDocument{.is = Is::for_others,
                          .what = fmt::format("for cloud-init ({})", shown(line))};
    }
  }
  return {};
}

// Cloud-init would take this and haagent would not, and yet a NodeConfig stands in it.
bool hides_ours(std::string_view text, bool script) {
  auto parsed = yaml::parse(text);
  if (parsed) {
    return is_surely_ours(*parsed) ||
           std::ranges::any_of(parsed->entries(), [](Tree::Entry const& entry) {
             return entry.value.is_map() && is_our_api_version(entry.value.text_at("apiVersion"));
           });
  }
  // In a script it stands in a here document, and is on its way to a file. What else is written
  // from within a cloud-config is indented.
  return !script && mentions_our_api_version(text, /*at_the_margin=*/true);
}

// What the first line gives away.
std::optional<NodeDocument> by_first_line(std::string_view line) {
  auto const low = lower(line);
  if (low.starts_with("<!doctype html") || low.starts_with("<html")) {
    return not_understood("an HTML page",
                          "it was probably fetched from an address that answered with a page for "
                          "people; look at where it comes from");
  }
  if (low.starts_with("<powershell>") || low.starts_with("<script>"))
    return not_understood("a script for Windows", kBegin);
  if (low.starts_with("<no value>")) {
    return not_understood("what a template leaves where a value is missing (<no value>)",
                          "look at the template that it comes from");
  }
  if (low.starts_with("<?xml") || low.starts_with("<error>")) {
    return not_understood("an XML document",
                          "S3 and other services answer with one where they refuse; look at where "
                          "it comes from");
  }
  if (line.size() > 1 && line[0] == '<' &&
      (std::string_view("!?/").contains(line[1]) ||
       std::isalpha(static_cast<unsigned char>(line[1])))) {
    return not_understood(fmt::format("HTML or XML ({})", shown(line)),
                          "look at where it comes from");
  }
  if (line.starts_with("-----BEGIN ")) return not_understood("a PEM block (a key or certificate)");
  if (line.starts_with("ssh-") || line.starts_with("ecdsa-sha2-"))
    return not_understood("an SSH key", "cloud-init takes keys from a cloud-config");
  return {};
}

bool is_name_of_a_place(std::string_view text) {
  if (text.find_first_of(" \t\n") != text.npos) return false;
  for (auto const* scheme : {"file://", "fileb://", "http://", "https://", "s3://", "ssm:", "/"})
    if (text.starts_with(scheme)) return true;
  for (auto const* end : {".yaml", ".yml", ".json", ".txt", ".tpl", ".tftpl", ".sh"})
    if (text.ends_with(end)) return true;
  return false;
}

bool is_assignment(std::string_view line) {
  if (line.starts_with("export ")) line.remove_prefix(7);
  auto const equals = line.find('=');
  return equals != line.npos && equals > 0 &&
         std::ranges::all_of(line.substr(0, equals),
                             [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

bool is_command(std::string_view line) {
  static constexpr std::array<std::string_view, 14> kWords = {
      "set",  "export", "sudo",  "apt-get", "apt", "yum",       "dnf",
      "curl", "wget",   "mkdir", "echo",    "cat", "systemctl", "snap"};
  return std::ranges::find(kWords, line.substr(0, line.find_first_of(" \t"))) != kWords.end();
}

// A text that is no YAML, or one plain word or sentence of it.
NodeDocument of_words(std::string_view text, std::string_view parser_says) {
  auto const start = trim(text);
  auto rest = start;
  auto const line = trim(take_line(rest));
  if (is_name_of_a_place(start)) {
    return not_understood(fmt::format("the name of a file or an address ({})", shown(line)),
                          "hand over what stands in it: with the AWS CLI 'file://PATH', in "
                          "Terraform 'file(\"PATH\")'");
  }
  if (start.contains("\\n") && start.contains("haagent.io/")) {
    return not_understood("a text whose line breaks are written as '\\n'",
                          "hand over real line breaks");
  }
  if (is_command(line) && !is_assignment(line)) {
    return not_understood(fmt::format("shell commands without a first line '#!' ({})", shown(line)),
                          "begin with the line '#!/bin/sh', else cloud-init runs them neither");
  }
  if (is_assignment(line))
    return not_understood("lines of NAME=value, as for a shell or ECS", kBegin);
  if (line.starts_with('[') && line.ends_with(']'))
    return not_understood(fmt::format("TOML or INI ({}), as Bottlerocket reads", shown(line)));
  if (start.contains("${") || start.contains("{{") || start.contains("<no value>")) {
    return not_understood(fmt::format("a template that was not filled in ({})", shown(line)),
                          "look at the tool that fills it in");
  }
  auto other = not_understood(fmt::format("text that is no NodeConfig ('{}'{}{})", shown(line),
                                          parser_says.empty() ? "" : "; as YAML: ", parser_says));
  other.unknown = true;
  return other;
}

Problem indentation(std::string_view what) {
  return {fmt::format("is indented {}; that is taken off here", what),
          "in Terraform write '<<-EOF' instead of '<<EOF'; other readers of it do not take it off",
          Severity::warning};
}

std::string indent_name(std::string_view indent) {
  bool const tabs = indent.contains('\t'), spaces = indent.contains(' ');
  return fmt::format("by {} {}{}", indent.size(),
                     tabs && spaces ? "tabs and spaces"
                     : tabs         ? "tab"
                                    : "space",
                     (tabs && spaces) || indent.size() == 1 ? "" : "s");
}

// The text with an indentation off that no YAML can have, where a NodeConfig comes out.
std::optional<NodeDocument> without_indentation(std::string const& text) {
  auto const parsed_as_ours = [](std::string candidate,
                                 Problem warning) -> std::optional<NodeDocument> {
    auto parsed = yaml::parse(candidate);
    bool const marked = mentions_our_api_version(candidate, /*at_the_margin=*/true);
    if (!parsed && !marked) return {};
    if (parsed && (!parsed->is_map() || of_map(*parsed, "").is != Is::ours)) return {};
    NodeDocument ours{.is = Is::ours, .text = std::move(candidate)};
    ours.warnings.push_back(std::move(warning));
    return ours;
  };
  if (auto const indent = text::common_indent(text); !indent.empty()) {
    return parsed_as_ours(text::dedented(text, indent.size()), indentation(indent_name(indent)));
  }
  // The first line stands at the margin, where a template's expression put it.
  std::string_view rest = text;
  auto const first = take_line(rest);
  if (auto const indent = text::common_indent(rest);
      !indent.empty() && mentions_our_api_version(first)) {
    auto candidate = fmt::format("{}\n{}", first, text::dedented(rest, indent.size()));
    if (!yaml::parse(candidate)) return {};
    return parsed_as_ours(
        std::move(candidate),
        indentation(fmt::format("{} from its second line on", indent_name(indent))));
  }
  return {};
}

NodeDocument of_parsed(Tree const& parsed, std::string text) {
  if (parsed.is_null()) return {};
  if (parsed.is_map()) {
    auto document = of_map(parsed, std::move(text));
    auto const column = parsed.entries().empty() ? 1 : parsed.entries().front().key_mark.column;
    if (document.is == Is::ours && column > 1 && !trim(document.text).starts_with('{')) {
      document.warnings.push_back(
          indentation(indent_name(std::string(static_cast<std::size_t>(column) - 1, ' '))));
    }
    return document;
  }
  if (parsed.is_list()) {
    bool const any = std::ranges::any_of(
        parsed.items(), [](Tree const& item) { return item.is_map() && is_surely_ours(item); });
    auto list = not_understood(any ? "a list with a NodeConfig in it" : "a list",
                               any ? "take the '-' away: a NodeConfig is a map" : kBegin);
    list.unknown = !any;
    return list;
  }
  if (mentions_our_api_version(parsed.text())) {
    return not_understood("a NodeConfig in quotes, one single text",
                          "hand it over as it stands, not as a JSON string of it");
  }
  return of_words(text, {});
}

}  // namespace

bool is_surely_ours(Tree const& document) {
  if (!document.is_map()) return false;
  auto const api = document.text_at("apiVersion");
  if (is_our_api_version(api)) return true;
  if (!api.empty() && api.contains('/')) return false;
  auto const role = document.text_at("role");
  return document.text_at("kind") == kConfigKind || role == "master" || role == "worker";
}

NodeDocument read_node_document(std::string_view raw) {
  auto text = text::normalised(raw);
  auto start = trim(text);
  if (start.empty()) return {};
  if (text.contains('\0')) return not_understood("binary data");
  auto rest = start;
  auto const line = take_line(rest);
  if (auto others = for_cloud_init(line)) {
    bool const jinja = lower(line).starts_with("## template:");
    auto const mark = lower(jinja ? take_line(rest) : line);
    bool const script = mark.starts_with('#') && !mark.starts_with("#cloud-config");
    if (!hides_ours(text, script)) return *std::move(others);
    auto hidden = not_understood(
        fmt::format("a NodeConfig behind the line '{}', which makes it cloud-init's", shown(line)),
        jinja ? "take that line away; haagent fills in no templates"
              : "take that line away, or make a MIME message of both");
    hidden.hides_ours = true;
    return hidden;
  }
  if (auto known = by_first_line(line)) return *std::move(known);
  auto parsed = yaml::parse(text);
  if (parsed) return of_parsed(*parsed, std::move(text));
  if (auto ours = without_indentation(text)) return *std::move(ours);
  // The YAML reader says where it is broken.
  bool const commands = is_command(line) && !is_assignment(line);
  if (!commands && mentions_our_api_version(text)) return {.is = Is::ours, .text = std::move(text)};
  return of_words(text, parsed.error().what);
}

}  // namespace haagent
