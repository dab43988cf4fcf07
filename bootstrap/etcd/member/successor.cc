#include "bootstrap/etcd/member/successor.h"

#include <algorithm>

namespace haagent::bootstrap {

std::optional<std::uint64_t> successor_of(std::uint64_t leader,
                                          std::vector<EtcdMember> const& members,
                                          std::vector<MemberAnswer> const& answers) {
  MemberAnswer const* best = nullptr;
  for (auto const& answer : answers) {
    auto const listed = std::ranges::find(members, answer.member_id, &EtcdMember::id);
    if (listed == members.end() || listed->learner || answer.learner) continue;
    if (answer.reach != MemberAnswer::Reach::answers || answer.member_id == leader) continue;
    if (answer.leader_id != leader) continue;
    if (!best || answer.raft_index > best->raft_index ||
        (answer.raft_index == best->raft_index && answer.member < best->member))
      best = &answer;
  }
  if (!best) return std::nullopt;
  return best->member_id;
}

}  // namespace haagent::bootstrap
