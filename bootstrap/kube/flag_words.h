// Words that flags of any text take: cipher suites, admission plugins, APIs, controllers.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/complaint.h"
#include "bootstrap/kube/component.h"

namespace haagent::bootstrap::kube {

// Adds each word of the value that the release does not know; nothing of flags without words.
void check_words(Component component, KubeVersion const& version, std::string_view flag,
                 std::string_view value, std::string const& path, Complaints& out);

}  // namespace haagent::bootstrap::kube
