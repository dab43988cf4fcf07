// What can be said against a node config before anything is rendered from it.
#pragma once

#include "agent/base/kube_versions.h"
#include "agent/base/node_config.h"
#include "bootstrap/kube/complaint.h"

namespace haagent::bootstrap::kube {

// Everything in the users' overlays, labels, taints and ranges that the stated version or the
// components' own rules would stop at, and, as warnings, what a component starts with and complains
// of. Pure, and needs no identity, so that `config check` can tell before there is a machine.
Complaints lint(NodeConfig const& config, KubeVersion const& version);

}  // namespace haagent::bootstrap::kube
