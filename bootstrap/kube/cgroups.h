// Whether the kubelet starts at all on this machine: from 1.35 it refuses cgroup v1 by default, and
// singleProcessOOMKill: false on it ever since it knows the field.
#pragma once

#include "agent/base/files.h"
#include "agent/base/kube_versions.h"
#include "agent/base/tree.h"

namespace haagent::bootstrap::kube {

// `kubelet_config` is the users' overlay, whose failCgroupV1 counts before the version's default.
// Errors (invalid): the machine has cgroup v1, and the kubelet would not have it.
Result<void> check_cgroups(Root const& root, KubeVersion const& version,
                           Tree const& kubelet_config);

}  // namespace haagent::bootstrap::kube
