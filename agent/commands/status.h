#pragma once

#include "agent/base/files.h"
#include "agent/config/load.h"
#include "agent/runtime/terminal.h"

namespace haagent {

struct StatusOptions {
  Root root;
  ConfigRequest config;  // for --cluster: where EC2 is
  OutputFormat form = OutputFormat::text;
  bool watch = false;    // draw again each second, until interrupted
  bool cluster = false;  // ask every node's agent
  bool all = false;      // every step in full
};

// Exit codes as in exit_codes.h: 0 ready, 1 degraded, failed, refused or not running, 3 working, 4
// no status for this boot.
int run_status(StatusOptions const& options);

// The agent goes on where it cannot write the page, and what is here is then the last one that
// could be written: why that is so, and what to do. Empty: it can be written.
std::string cannot_be_written(Root const& root);

}  // namespace haagent
