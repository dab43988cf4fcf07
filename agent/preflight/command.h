// `haagent preflight`: whether a node would come up here, before it is one.
#pragma once

#include "agent/base/files.h"
#include "agent/config/load.h"
#include "agent/preflight/finding.h"
#include "agent/runtime/terminal.h"

namespace haagent::preflight {

struct PreflightOptions {
  Root root;
  ConfigRequest config;
  bool image = false;
  OutputFormat form = OutputFormat::text;
};

// Ok, with warnings as well; failed where there is a problem.
int run_preflight(PreflightOptions const& options);

// Each error and warning of a configuration that was read; one sentence where it is right. An image
// may lack what user-data brings, but what it has must be right.
Findings judge_config(LoadedConfig const& loaded, bool image);

}  // namespace haagent::preflight
