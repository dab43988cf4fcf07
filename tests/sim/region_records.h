// Region's own books; for region*.cc only.
#pragma once

#include <utility>
#include <vector>

#include "tests/sim/region.h"

namespace haagent::sim {

struct Region::InstanceRecord {
  Instance shown;
  bool power_requested = false;  // Hosts::start was asked for
  bool powered = false;          // and has come back
  bool rebooting = false;
  int boot = 0;  // so that the end of an earlier boot's pid 1 is not taken for this one's
  std::uint64_t attachments_made = 0;
  SteadyTime hook_deadline{};
};

struct Region::VolumeRecord {
  Volume shown;
  std::uint64_t serial = 0;         // of the attachment; an event of an older one is void
  bool device_ready = false;        // EC2 has the device; it is in the instance when that runs
  bool plugged = false;             // Hosts::plug was asked for; holds over stops and reboots
  std::optional<UtcTime> modified;  // ModifyVolume is taken once in six hours
  std::vector<std::pair<SteadyTime, Volume>> history;
};

}  // namespace haagent::sim
