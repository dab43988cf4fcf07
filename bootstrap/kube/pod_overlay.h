// The user's overlay over a static pod (apiserver.config, controllerManager.config), and what of it
// the component's program is started with.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/base/node_config.h"
#include "agent/base/tree.h"
#include "bootstrap/kube/component.h"

namespace haagent::bootstrap::kube {

// Null for components whose overlay is a document of their own.
Tree const& pod_overlay(NodeConfig const& config, Component component);

struct OwnCommandLine {
  bool replaces = false;  // a command, in the place of the one with all of haagent's flags
  // Name (as flag_name has it) and value, in their order: the last one counts.
  std::vector<std::pair<std::string, std::string>> flags;
};

// Of the component's own container alone: another container's command line is its own affair. Read
// are "--flag=value" and "--flag value".
OwnCommandLine own_command_line(NodeConfig const& config, Component component);

}  // namespace haagent::bootstrap::kube
