// To whom a member that goes, or restarts, gives the lead. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bootstrap/etcd/member/observation.h"

namespace haagent::bootstrap {

// Who shall lead: of the voters that answer and see the same leader, the one that has caught up
// furthest; among equals the first by name. Nothing where no other voter is healthy: then the
// member that holds the lead ends with it, since its volume goes away whatever we do.
std::optional<std::uint64_t> successor_of(std::uint64_t leader,
                                          std::vector<EtcdMember> const& members,
                                          std::vector<MemberAnswer> const& answers);

}  // namespace haagent::bootstrap
