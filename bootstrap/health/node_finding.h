// What is made of what the apiserver has of this node, decided.
#pragma once

#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/step.h"
#include "agent/base/tree.h"

namespace haagent::bootstrap::health {

struct NodeSeen {
  std::string name;
  std::optional<Tree> lease;  // in kube-node-lease; nothing: there is none
  std::optional<Tree> node;   // the same
  UtcTime now{};              // by the clock of this machine, which is the kubelet's too
};

// Done where the kubelet has registered the node and renews its Lease, whatever the condition Ready
// says: that needs a pod network, which is not haagent's. Else Waiting.
Finding node_finding(NodeSeen const& seen);

// "Ready is False: container runtime network not ready: cni plugin not initialized"; empty where
// the Node has no such condition.
std::string ready_words(Tree const& node);

}  // namespace haagent::bootstrap::health
