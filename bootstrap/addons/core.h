// What haagent itself needs in the cluster: the add-on "core", which cannot be switched off.
#pragma once

#include <vector>

#include "bootstrap/addons/object.h"

namespace haagent::bootstrap::addons {

inline constexpr char kCore[] = "core";

// A kubelet asks the apiserver for its next client certificate, and nothing approves that unless
// the group of nodes is bound to the role that lets it.
std::vector<WantedObject> core_objects();

}  // namespace haagent::bootstrap::addons
