// This node's own apiserver, seen from outside: its processes, as /proc tells them.
#pragma once

#include <string>
#include <vector>

#include "agent/base/running.h"

namespace haagent::bootstrap::kube {

// A pod may run an apiserver of another cluster. Ours is the one with our authority of etcd; one in
// a pod that has it at the very same path is taken for ours, which costs a wait and no more. `now`
// is what starts are counted back from.
Result<std::vector<RunningProgram>> own_apiservers(Root const& root, UtcTime now);

}  // namespace haagent::bootstrap::kube
