#pragma once

#include <string>
#include <vector>

#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::kube {

// KubeletConfiguration, with the users' overlay.
Tree kubelet_document(Node const& node);
RenderedFile render_kubelet_config(Tree const& document);

// What has no field in it: KUBELET_KUBEADM_ARGS for the unit. /etc/default/kubelet and its
// KUBELET_EXTRA_ARGS stay the operator's.
RenderedFile render_kubelet_flags(Node const& node);

// The whole command line after "kubelet", as the unit gives it: the files' paths and the flags
// above. For where there is no systemd to read the file.
std::vector<std::string> kubelet_arguments(Node const& node);

}  // namespace haagent::bootstrap::kube
