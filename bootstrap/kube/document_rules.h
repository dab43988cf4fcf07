// What a component's own validation says of a document whose fields and types are good: ranges,
// words, and fields that exclude or need each other.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/complaint.h"
#include "bootstrap/kube/component.h"
#include "bootstrap/kube/feature_gates.h"

namespace haagent::bootstrap::kube {

// Adds what stops the component. Where a rule needs a field that the overlay does not set, it takes
// what haagent renders there, or the component's default. Values of a wrong type are passed over:
// check_types tells them.
void check_rules(Component component, KubeVersion const& version, Tree const& overlay,
                 std::string const& path, std::vector<GateSetting> const& gates, Complaints& out);

}  // namespace haagent::bootstrap::kube
