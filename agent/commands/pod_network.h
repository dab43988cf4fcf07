#pragma once

#include "agent/base/files.h"

namespace haagent {

// `haagent pod-network`: connects this node's pods with those of the other nodes, until it is told
// to end. What it has made stays, so that it can be started anew while pods run.
int run_pod_network(Root const& root);

}  // namespace haagent
