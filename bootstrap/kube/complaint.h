// What can be said against a piece of a node config.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agent/base/tree.h"

namespace haagent::bootstrap::kube {

struct Complaint {
  std::string path;         // in the node config: "kubelet.config.evictionHard[0]"
  std::string what;         // a sentence that says what to do
  std::string hint = {};    // "did you mean 'maxPods'?"; may be empty
  Mark mark = {};           // where it stands; {} where only the path says it
  std::size_t length = 1;   // of what stands there, in bytes
  bool is_warning = false;  // the component starts all the same
};

using Complaints = std::vector<Complaint>;

}  // namespace haagent::bootstrap::kube
