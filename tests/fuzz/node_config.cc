// The node config through the whole reader: as user-data, as a file and as a --set, then what is
// shown of it and what is rendered from it.
#include <algorithm>

#include "agent/base/yaml.h"
#include "agent/commands/config.h"
#include "agent/config/load.h"
#include "agent/config/user_data.h"
#include "bootstrap/kube/lint.h"
#include "bootstrap/kube/render.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/support/kube_nodes.h"

namespace haagent::fuzz {
namespace {

LoadedConfig read(std::vector<ConfigSource> sources) {
  return read_config({.sources = std::move(sources), .problems = {}, .notes = {}});
}

void hold_diagnostics(LoadedConfig const& loaded, std::vector<ConfigSource> const& sources) {
  for (auto const& diagnostic : loaded.diagnostics) {
    hold(!diagnostic.message.empty(), "a problem says what is wrong");
    auto place = loaded.sources.locate(diagnostic.mark);
    if (place.source.empty()) continue;
    auto source = std::ranges::find(sources, place.source, &ConfigSource::name);
    hold(source != sources.end(), "a problem stands in a source that was read");
    hold_mark({place.line, place.column}, source->text);
  }
  hold(loaded.diagnostics.empty() == loaded.page().empty(), "what is wrong is told");
  hold(loaded.ok() == (count(loaded.diagnostics, Severity::error) == 0), "errors make it bad");
  hold_printable(loaded.page());
}

void hold_good(LoadedConfig const& loaded) {
  auto shown = print_effective(loaded, OutputFormat::yaml, /*origins=*/true);
  auto again = read({{"shown", shown, ConfigSource::Form::document}});
  hold(again.ok(), fmt::format("what is shown is a good config: {}{}", again.page(), shown));
  auto plain = print_effective(loaded, OutputFormat::yaml, /*origins=*/false);
  hold(print_effective(again, OutputFormat::yaml, /*origins=*/false) == plain,
       fmt::format("what is shown is the same config: {}", plain));

  auto version = parse_kube_version(loaded.config.kubernetes.version);
  hold(version.has_value(), "a good config has a good version");
  for (auto const& complaint : bootstrap::kube::lint(loaded.config, *version))
    hold(!complaint.path.empty() && !complaint.what.empty(), "a complaint says what and where");
  auto files = bootstrap::kube::render(loaded.config, test::kube_identity());
  if (!files) return hold_error(files.error(), {Kind::invalid});
  for (auto const& file : *files) {
    // logind's is not: systemd reads it.
    if (file.path.ends_with(".yaml") ||
        (file.path.ends_with(".conf") && file.path.starts_with("/etc/kubernetes/")))
      hold(yaml::parse(file.bytes).has_value(), file.path + " is YAML");
  }
}

}  // namespace

void node_config(std::string_view bytes) {
  std::string text(bytes);
  std::vector<ConfigSource> sources;
  for (auto const& document : read_user_data(bytes).documents)
    sources.push_back({document.name, document.text, ConfigSource::Form::document});
  sources.push_back({"file.yaml", text, ConfigSource::Form::document});
  auto alone = read({sources.back()});
  hold_diagnostics(alone, {sources.back()});
  print_effective(alone, OutputFormat::json, /*origins=*/true);
  if (alone.ok()) hold_good(alone);

  sources.push_back({"--set", text.substr(0, text.find('\n')), ConfigSource::Form::setting});
  hold_diagnostics(read(sources), sources);
}

}  // namespace haagent::fuzz
