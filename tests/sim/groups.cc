#include "tests/sim/groups.h"

#include <algorithm>
#include <map>

namespace haagent::sim {

GroupPlan plan_group(Group const& group, std::vector<Instance> const& members,
                     std::vector<Zone> const& zones) {
  GroupPlan plan;
  std::map<std::string, std::vector<Instance const*>> alive;  // by zone
  int count = 0;
  for (auto const& member : members) {
    if (member.state == InstanceState::stopped) plan.terminations.push_back(member.id);
    if (!member.is_alive() || member.lifecycle.starts_with("Terminating") || member.is_warm())
      continue;
    alive[member.zone].push_back(&member);
    ++count;
  }

  std::vector<std::string> up;
  for (auto const& name : group.zones) {
    auto zone = std::find_if(zones.begin(), zones.end(), [&](auto& z) { return z.name == name; });
    if (zone != zones.end() && zone->up) up.push_back(name);
  }
  std::map<std::string, std::size_t> filled;
  for (auto const& [zone, instances] : alive) filled[zone] = instances.size();
  for (; count < group.desired && !up.empty(); ++count) {
    auto emptiest = *std::min_element(up.begin(), up.end(),
                                      [&](auto& a, auto& b) { return filled[a] < filled[b]; });
    ++filled[emptiest];
    plan.launches.push_back(emptiest);
  }

  for (; count > group.desired; --count) {
    auto fullest = std::max_element(alive.begin(), alive.end(), [](auto& a, auto& b) {
      return a.second.size() < b.second.size();
    });
    auto& instances = fullest->second;
    auto oldest = std::min_element(instances.begin(), instances.end(), [](auto* a, auto* b) {
      return std::tie(a->launch_time, a->id) < std::tie(b->launch_time, b->id);
    });
    plan.terminations.push_back((*oldest)->id);
    instances.erase(oldest);
  }
  return plan;
}

}  // namespace haagent::sim
