// Folders of the configuration that this process may not write to: the sandbox of haagent.service
// knows /etc and /var/lib, and not what a configuration says.
#pragma once

#include <string>

#include "agent/base/files.h"
#include "agent/base/node_config.h"

namespace haagent {

// Of volumes.mountRoot, etcd.backups.scratch and cluster.state, where this node uses them: what is
// the matter and what to do, a sentence for each. Empty where all of them are open. A mount point
// is among them although a mount could be written to while it is new: for an agent that starts
// later, it is read-only like what is around it.
std::string closed_places(Root const& root, NodeConfig const& config);

}  // namespace haagent
