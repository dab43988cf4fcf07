#pragma once

#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::kube {

// KubeSchedulerConfiguration: pods spread over zones, then over nodes, where they say nothing else.
RenderedFile render_scheduler_config(Node const& node);

// The manifest. It reads the kubeconfig and the configuration.
RenderedFile render_scheduler(Node const& node, RenderedFile const& kubeconfig,
                              RenderedFile const& configuration);

}  // namespace haagent::bootstrap::kube
