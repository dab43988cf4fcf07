// Every Kubernetes file of a node, in the order in which they are written.
#pragma once

#include <vector>

#include "agent/base/facts.h"
#include "agent/base/node_config.h"
#include "agent/base/result.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::kube {

// Pure: the same config and identity always give the same bytes. A manifest stands after the files
// that it mounts, the apiserver's before its clients'. Errors (invalid): an unsupported version, an
// overlay that the version refuses (all of them in one sentence, by path), an identity with a gap.
Result<std::vector<RenderedFile>> render(NodeConfig const& config, Identity const& identity,
                                         OnDisk const& on_disk = {});

// The kubelet's command line after "kubelet", for where there is no systemd.
Result<std::vector<std::string>> render_kubelet_arguments(NodeConfig const& config,
                                                          Identity const& identity);

}  // namespace haagent::bootstrap::kube
