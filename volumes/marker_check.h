// Whose disk is this? A pure decision over what stands at a mounted volume's root.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/message.h"
#include "agent/base/volume_marker.h"

namespace haagent::volumes {

struct MarkerFits {};
struct WriteMarker {};  // an empty filesystem without a marker: it becomes ours
struct RefuseMarker {
  Message message;
};
using MarkerDecision = std::variant<MarkerFits, WriteMarker, RefuseMarker>;

// `expected` is what the tags say; `others` the names at the root beside the marker and lost+found.
// Members that come and go with the cluster's size do not count, nor does an etcd cluster id that
// one of the two does not know yet. A marker of another volume of the same member fits too: it is a
// copy, made from a snapshot or byte by byte, and what becomes of it is for the member decision.
MarkerDecision decide_marker(std::optional<VolumeMarker> const& marker,
                             VolumeMarker const& expected, std::vector<std::string> const& others);

}  // namespace haagent::volumes
