#include "agent/commands/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/yaml.h"
#include "agent/config/checks.h"
#include "agent/config/json_schema.h"

namespace haagent {
namespace {

// Lines of YAML, each with the origin of the value that begins in it.
struct Line {
  std::string text;
  std::string origin;
};

// True for what other sources can add to key by key; a list is replaced as a whole.
bool is_merged(Tree const& value) {
  return value.is_map() && !value.entries().empty();
}

void add_lines(LoadedConfig const& loaded, Tree const& map, std::string const& indent,
               std::vector<Line>& lines) {
  for (auto const& entry : map.entries()) {
    bool merged = is_merged(entry.value);
    auto printed = yaml::print(Tree::map({{entry.key, merged ? Tree() : entry.value}}));
    // yaml::print gives "key: ~" for the null that stands in for the map.
    if (merged) printed = printed.substr(0, printed.rfind(':') + 1) + '\n';
    bool first = true;
    for (std::string_view rest = printed; !rest.empty();) {
      auto end = rest.find('\n');
      lines.push_back({indent + std::string(rest.substr(0, end)),
                       first && !merged ? origin_of(loaded, entry.value) : ""});
      first = false;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (merged) add_lines(loaded, entry.value, indent + "  ", lines);
  }
}

std::string yaml_with_origins(LoadedConfig const& loaded, Tree const& shown) {
  std::vector<Line> lines;
  add_lines(loaded, shown, "", lines);
  // Aligned, but not by the one line that is very long.
  std::size_t width = 0;
  for (auto const& line : lines) {
    if (!line.origin.empty() && line.text.size() <= 72) width = std::max(width, line.text.size());
  }
  std::string out;
  for (auto const& line : lines) {
    out += line.origin.empty() ? line.text + '\n'
                               : fmt::format("{:<{}}  # {}\n", line.text, width, line.origin);
  }
  return out;
}

void add_origins(LoadedConfig const& loaded, Tree const& map, std::string const& path,
                 Tree& origins) {
  for (auto const& entry : map.entries()) {
    auto below = path.empty() ? entry.key : fmt::format("{}.{}", path, entry.key);
    if (is_merged(entry.value)) {
      add_origins(loaded, entry.value, below, origins);
    } else {
      origins.set(below, origin_of(loaded, entry.value));
    }
  }
}

std::string summary(LoadedConfig const& loaded) {
  auto const& config = loaded.config;
  return fmt::format("ok: {} of {}, Kubernetes {} (from {})\n",
                     config.role == Role::master ? "a master" : "a worker", config.cluster.name,
                     config.kubernetes.version, fmt::join(loaded.sources.names(), ", "));
}

}  // namespace

CommandResult config_check(Root const& root, ConfigCommandOptions const& options) {
  auto const gathered = gather_config(root, options.request);
  auto loaded = read_config(gathered);
  // A file that is asked about may be for another machine, which has what this one has not.
  if (loaded.ok())
    add_host_files(root, loaded,
                   options.request.files.empty() ? Severity::error : Severity::warning);
  CommandResult result;
  result.exit_code = loaded.ok() ? kExitOk : kExitBadConfig;
  if (options.format == OutputFormat::text) {
    result.err = loaded.page(options.colour);
    if (!loaded.ok()) return result;
    for (auto const& note : gathered.notes)
      result.err += fmt::format("note: {}\n", printable(note));
    result.out = summary(loaded);
    return result;
  }
  auto number = [&](Severity severity) {
    return static_cast<std::uint64_t>(count(loaded.diagnostics, severity));
  };
  auto answer = Tree::map({{"ok", loaded.ok()},
                           {"errors", number(Severity::error)},
                           {"warnings", number(Severity::warning)},
                           {"problems", to_tree(loaded.sources, loaded.diagnostics)}});
  result.out = options.format == OutputFormat::json ? json::print(answer, 2) : yaml::print(answer);
  return result;
}

CommandResult config_show(Root const& root, ConfigCommandOptions const& options) {
  auto loaded = read_config(gather_config(root, options.request));
  CommandResult result{.err = loaded.page(options.colour)};
  if (!loaded.ok()) {
    result.exit_code = kExitBadConfig;
  } else {
    result.out = print_effective(loaded, options.format, options.origins);
  }
  return result;
}

CommandResult config_schema() {
  return {.out = json::print(json_schema(), 2)};
}

std::string print_effective(LoadedConfig const& loaded, OutputFormat format, bool origins,
                            ConfigKeys const& keys) {
  auto shown = effective_config(loaded, keys);
  if (format != OutputFormat::json) {
    return origins ? yaml_with_origins(loaded, shown) : yaml::print(shown);
  }
  if (!origins) return json::print(shown, 2);
  auto list = Tree::map();
  add_origins(loaded, shown, "", list);
  return json::print(Tree::map({{"config", shown}, {"origins", list}}), 2);
}

}  // namespace haagent
