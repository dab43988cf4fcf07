// The boot, from metadata to the last row: `haagent run` stays, `haagent bootstrap` converges once,
// `haagent plan` only looks.
#pragma once

#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/config/load.h"
#include "agent/runtime/terminal.h"

namespace haagent {

struct BootOptions {
  Root root;
  ConfigRequest config;
  Duration deadline{900'000};  // bootstrap: all in all
};

// Exit codes as in exit_codes.h.
int run_daemon(BootOptions const& options);
int run_bootstrap(BootOptions const& options);
int run_plan(BootOptions const& options, OutputFormat form);
// `haagent hand-over`: tells the running daemon, and follows it until it has.
int run_hand_over(BootOptions const& options, bool undo);

}  // namespace haagent
