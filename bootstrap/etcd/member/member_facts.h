#pragma once

#include <optional>

#include "agent/base/facts.h"
#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

// What the status page says of the local member, from what the last look has gathered; nothing
// while it does not answer. A voter is healthy where it answers and sees a leader.
std::optional<EtcdMemberFacts> member_facts(EtcdCluster cluster, MemberInputs const& inputs,
                                            std::uint64_t quota);

}  // namespace haagent::bootstrap
