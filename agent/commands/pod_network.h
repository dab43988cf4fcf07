#pragma once

#include "agent/base/files.h"

namespace haagent {

// `haagent pod-network`: connects this node's pods with the pods of other nodes, until it receives
// SIGTERM. The network stays when it ends, so that it can restart while pods run.
int run_pod_network(Root const& root);

}  // namespace haagent
