#pragma once

#include <optional>

#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::kube {

// The settings of `haagent pod-network`. Nothing where cluster.podNetwork is none, or
// cluster.podCIDR has no range of IPv4.
std::optional<RenderedFile> render_pod_network(Node const& node);

}  // namespace haagent::bootstrap::kube
