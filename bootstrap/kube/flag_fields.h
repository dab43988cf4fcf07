// Flags that set a field of their component's document, and stand over it.
#pragma once

#include <map>
#include <string>

#include "agent/base/kube_versions.h"
#include "agent/base/tree.h"
#include "bootstrap/kube/component.h"
#include "bootstrap/kube/flags.h"

namespace haagent::bootstrap::kube {

// The fields of a component's document that its flags set, as a piece of that document: the
// kubelet's deprecated flags, and those of kube-scheduler's election. `paths` gets "evictionHard"
// -> the flag's path. A flag stands over the document.
Tree fields_of_flags(Component component, KubeVersion const& version, Flags const& flags,
                     std::map<std::string, std::string>& paths);

}  // namespace haagent::bootstrap::kube
