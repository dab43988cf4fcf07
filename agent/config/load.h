// The node's configuration: how its sources are merged, and what is wrong with it. `config check`,
// `config show` and the boot all come through here.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/result.h"
#include "agent/base/tree.h"
#include "agent/config/diagnostics.h"
#include "agent/config/keys.h"
#include "agent/config/sources.h"

namespace haagent {

struct LoadedConfig {
  NodeConfig config;  // to be used only where ok()
  Tree merged;        // what the sources say; marks are shifted, so that origins can be told
  SourceMap sources;
  Diagnostics diagnostics;

  bool ok() const { return count(diagnostics, Severity::error) == 0; }
  std::string page(bool colour = false) const { return print_page(sources, diagnostics, colour); }
};

// It says which keys nobody has set. Of an image these may still come, with user-data. A source
// that cannot be read stands nowhere either, and no user-data mend that.
bool is_of_missing_keys(Diagnostic const& diagnostic);

// Pure: reads, merges and checks. All problems are in the answer, never the first alone.
LoadedConfig read_config(ConfigSources const& gathered, ConfigKeys const& keys = config_keys());

// Every key that is set or has a default, in the table's order. Secrets are replaced by "***".
Tree effective_config(LoadedConfig const& loaded, ConfigKeys const& keys = config_keys());
// Where a value of that tree comes from: "/etc/haagent/haagent.yaml:5:9", "--set", "default".
std::string origin_of(LoadedConfig const& loaded, Tree const& value);

}  // namespace haagent
