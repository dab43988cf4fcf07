#pragma once

#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::kube {

// KubeProxyConfiguration.
RenderedFile render_kube_proxy_config(Node const& node);

// The manifest: a static pod on every node and not a DaemonSet, since the first add-on already
// needs the services' addresses, and a node must come up with no apiserver in reach.
RenderedFile render_kube_proxy(Node const& node, RenderedFile const& kubeconfig,
                               RenderedFile const& configuration);

}  // namespace haagent::bootstrap::kube
