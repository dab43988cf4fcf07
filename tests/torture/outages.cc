#include "tests/torture/outages.h"

#include <algorithm>

namespace haagent::torture {

Acknowledged acknowledged_writes(std::vector<Operation> const& history) {
  Acknowledged all;
  for (auto const& each : history)
    if (each.known && each.action != Action::get) all[each.cluster].push_back(each.completed);
  for (auto& [cluster, moments] : all) std::ranges::sort(moments);
  return all;
}

std::int64_t longest_gap(std::vector<std::int64_t> const& acknowledged, std::int64_t from,
                         std::int64_t to) {
  std::int64_t longest = 0;
  auto begin = from;
  for (auto next = std::ranges::upper_bound(acknowledged, from);
       next != acknowledged.end() && begin < to; ++next) {
    longest = std::max(longest, *next - begin);
    begin = *next;
  }
  return longest;
}

}  // namespace haagent::torture
