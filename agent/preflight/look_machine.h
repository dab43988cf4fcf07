// Reads what image.h judges: files below a root, and what programs say of themselves. It changes
// nothing.
#pragma once

#include <stop_token>
#include <string>

#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/process.h"
#include "agent/preflight/finding.h"
#include "agent/preflight/image.h"

namespace haagent::preflight {

struct MachineLook {
  Root root;
  Process& process;
  bool image = false;
  // Its defaults where the image has none.
  NodeConfig config;
  For role = For::any;
  std::string kubernetes;  // kubernetes.version where it is known
};

Findings look_at_machine(MachineLook const& look, std::stop_token stop);

}  // namespace haagent::preflight
