#pragma once

#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::kube {

// The flags that give each node its part of cluster.podCIDR; none where that is empty. Errors
// (invalid): no ranges, or one that is too small to be divided.
Result<Flags> node_cidr_flags(NodeConfig const& config);

// The manifest. `kubeconfig` is the file that it reads.
RenderedFile render_controller_manager(Node const& node, RenderedFile const& kubeconfig);

}  // namespace haagent::bootstrap::kube
