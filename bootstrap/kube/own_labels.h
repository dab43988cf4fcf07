#pragma once

#include <string_view>

namespace haagent::bootstrap::kube {

// Whether a kubelet may give its own node the label: it does not start when it is told to give
// another, and the apiserver would refuse it.
bool kubelet_may_set_label(std::string_view key);

}  // namespace haagent::bootstrap::kube
