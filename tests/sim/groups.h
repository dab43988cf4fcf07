// What an auto-scaling group does next: pure.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/model.h"

namespace haagent::sim {

struct GroupPlan {
  std::vector<std::string> launches;      // a zone for each new instance
  std::vector<std::string> terminations;  // instance ids
};

// members: the group's instances, dead ones included; those that are neither pending nor running,
// are on their way out by a lifecycle hook, or wait in the warm pool, do not count and stopped ones
// are ended. Launches go to the zone that is up and holds the fewest; where none is up, the group
// waits. What is too much goes from the fullest zone, the oldest first.
GroupPlan plan_group(Group const& group, std::vector<Instance> const& members,
                     std::vector<Zone> const& zones);

}  // namespace haagent::sim
