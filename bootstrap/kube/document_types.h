// The fields and types of a component's document, as its decoder holds an overlay against them.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/complaint.h"
#include "bootstrap/kube/component.h"

namespace haagent::bootstrap::kube {

// Adds what the release's decoder says of the overlay: unknown fields, each a warning where the
// component goes on without them (all but kube-scheduler decode leniently in the end), and values
// that are not of their field's type, which stop every component. Null takes a field away and is
// never wrong. `path` is the overlay's in the node config.
void check_types(Component component, KubeVersion const& version, Tree const& overlay,
                 std::string const& path, Complaints& out);

// "5 seconds" as the decoder would take it: "5s". For hints. Empty where there is none.
std::string as_duration(std::string_view number);

}  // namespace haagent::bootstrap::kube
