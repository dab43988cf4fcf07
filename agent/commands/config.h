// What `haagent config check|show|schema` do, from parsed options to text and exit code.
#pragma once

#include <string>

#include "agent/config/load.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/terminal.h"

namespace haagent {

struct CommandResult {
  int exit_code = kExitOk;
  std::string out{};
  std::string err{};
};

struct ConfigCommandOptions {
  ConfigRequest request;  // no files: the machine's own
  OutputFormat format = OutputFormat::text;
  bool origins = false;  // show: where each value comes from
  bool colour = false;   // of the page of problems
};

// 0 with a sentence on out, or 78. The page of problems, warnings too, goes to err. As JSON all of
// it goes to out: {"ok", "errors", "warnings", "problems": [...]}.
CommandResult config_check(Root const& root, ConfigCommandOptions const& options);

// The merged configuration, defaults in place and secrets hidden; 78 with the page where it is bad.
// YAML (text is YAML too) with origins has them as comments, JSON as {"config", "origins"}.
CommandResult config_show(Root const& root, ConfigCommandOptions const& options);

// The JSON Schema; always JSON.
CommandResult config_schema();

// The pure halves of `show`, for the support bundle and for tests.
std::string print_effective(LoadedConfig const& loaded, OutputFormat format, bool origins,
                            ConfigKeys const& keys = config_keys());

}  // namespace haagent
