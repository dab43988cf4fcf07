// What can be said against a node config before anything is rendered from it.
#pragma once

#include <string>
#include <vector>

#include "agent/base/kube_versions.h"
#include "agent/base/node_config.h"

namespace haagent::bootstrap::kube {

struct Complaint {
  std::string path;  // in the node config: "apiserver.extraArgs.cloud-provider"
  std::string what;  // a sentence that says what to do
};

// Everything in the users' overlays, labels, taints and ranges that the stated version or the
// components' own rules would stop at. Pure, and needs no identity, so that `config check` can
// tell before there is a machine.
std::vector<Complaint> lint(NodeConfig const& config, KubeVersion const& version);

}  // namespace haagent::bootstrap::kube
