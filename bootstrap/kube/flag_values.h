// Flags of a component's command line, as the release's own flag set takes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/complaint.h"
#include "bootstrap/kube/component.h"
#include "bootstrap/kube/feature_gates.h"

namespace haagent::bootstrap::kube {

// Adds what the release says of one flag ("_" read as "-") and its value, which is not empty: an
// unknown flag and a value that is not of the flag's type stop the program, a deprecated flag is
// warned of. `path` is "apiserver.extraArgs.profiling".
void check_flag(Component component, KubeVersion const& version, std::string_view flag,
                std::string const& value, std::string const& path, Complaints& out);

// What --feature-gates sets; complaints about text that is no list of gates go to `out`.
std::vector<GateSetting> gates_of_flag(Component component, std::string const& value,
                                       std::string const& path, Complaints& out);

}  // namespace haagent::bootstrap::kube
