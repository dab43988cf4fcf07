// Every node's agent, asked: what `status --cluster` and `timeline --cluster` begin with.
#pragma once

#include <stop_token>

#include "agent/boot/collaborators.h"
#include "agent/status/cluster.h"

namespace haagent {

// All nodes are asked at once. A master that is busy with a boot or a backup takes a while to
// answer.
inline constexpr Duration kAnswers{5'000};

// Where EC2 cannot be asked, the masters that this node knows, and a note that says so.
ClusterView ask_cluster(Collaborators& machine, Root const& root, ConfigRequest const& config,
                        StatusReport const& own, std::stop_token stop);

}  // namespace haagent
