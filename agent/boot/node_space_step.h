#pragma once

#include <memory>

#include "agent/base/files.h"
#include "agent/base/filesystem_space.h"
#include "agent/base/node_config.h"
#include "agent/base/step.h"

namespace haagent {

// `space`: whether the node's own filesystems have room: the root disk, and where they are others,
// those of the kubelet, containerd, the logs, the scratch copies of backups, the state store's
// folder, and /run, where the status is. Waiting while one is full, so that its node is not ready.
std::unique_ptr<Step> node_space_step(NodeConfig const& config, Root root,
                                      Filesystems& filesystems);

}  // namespace haagent
