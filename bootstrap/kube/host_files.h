// Files of the host that the users' flags and documents name, in the pods that are to read them:
// which they are, how they are mounted, and which are missing. A static pod sees what is mounted
// into it and nothing else, and a component that does not find its file does not start.
#pragma once

#include <string_view>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "bootstrap/kube/host_view.h"
#include "bootstrap/kube/lint.h"
#include "bootstrap/kube/static_pod.h"

namespace haagent::bootstrap::kube {

// Pure: by the component's extraArgs and, for kube-proxy and the scheduler, its document. None for
// the kubelet, which is no pod.
std::vector<NamedPath> named_paths(NodeConfig const& config, Component component);

// Pure: those that are not absolute, which no pod finds.
std::vector<Complaint> relative_paths(NodeConfig const& config);

// Pure: what a file of that name and content names. Text that is no YAML names nothing: the
// component says what is wrong with it.
std::vector<NamedPath> named_in(NamedPath const& file, std::string_view text);

// Pure: the mounts that are missing for these, read-only but where it writes. `has` is what the pod
// mounts anyway, and `overlay` the user's, whose own mounts count as well. A folder is mounted
// rather than a file, since a file that is replaced stays the old one in the pod; but for folders
// that hold what is none of the pod's business (/etc, /etc/kubernetes): there the file alone.
std::vector<HostPath> mounts_for(std::vector<NamedPath> const& paths,
                                 std::vector<HostPath> const& has, Tree const& overlay);

// Adds these to a pod of ours, with what host.named_inside has for it.
void mount_host_files(Node const& node, StaticPod& pod);

struct HostFiles {
  std::map<Component, std::vector<NamedPath>> named_inside;
  std::vector<Complaint> missing;  // each by the key that names it
};
// Reads them, and what they name. Errors where a file cannot be read.
Result<HostFiles> look_at_host_files(Root const& root, NodeConfig const& config);

}  // namespace haagent::bootstrap::kube
