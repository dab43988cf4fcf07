// The images of a node's own pods, by the configuration.
#pragma once

#include <string>
#include <vector>

#include "agent/base/kube_versions.h"
#include "agent/base/node_config.h"
#include "bootstrap/kube/component.h"

namespace haagent::bootstrap::kube {

// "registry.k8s.io/kube-apiserver:v1.37.2", or what the configuration says in its place.
std::string image_of(NodeConfig const& config, KubeVersion const& version, Component component);

// Of every component that runs as a pod, on masters and on workers.
std::vector<std::string> component_images(NodeConfig const& config, KubeVersion const& version);

}  // namespace haagent::bootstrap::kube
