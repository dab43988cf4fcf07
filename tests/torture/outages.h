// How long nothing was acknowledged.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/torture/history.h"

namespace haagent::torture {

// When writes were acknowledged, by cluster, in order.
using Acknowledged = std::map<std::string, std::vector<std::int64_t>>;
Acknowledged acknowledged_writes(std::vector<Operation> const& history);

// The longest time without one, of those that begin in [from, to); what began before counts from
// `from` on. A gap is followed to its end, beyond `to` as well, but not beyond the last one.
std::int64_t longest_gap(std::vector<std::int64_t> const& acknowledged, std::int64_t from,
                         std::int64_t to);

}  // namespace haagent::torture
