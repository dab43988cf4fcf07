#include "bootstrap/etcd/member/member_facts.h"

#include <algorithm>

#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {

std::optional<EtcdMemberFacts> member_facts(EtcdCluster cluster, MemberInputs const& inputs,
                                            std::uint64_t quota) {
  auto const& own = inputs.etcd.own;
  if (own.reach != MemberAnswer::Reach::answers) return std::nullopt;
  EtcdMemberFacts facts;
  facts.name = etcd_member_name(cluster, inputs.me.member);
  facts.member_id = fmt::format("{:x}", own.member_id);
  facts.cluster_id = fmt::format("{:x}", own.cluster_id);
  facts.version = own.server.version;
  facts.learner = own.learner;
  facts.db_size = own.server.db_size;
  facts.db_quota = quota;

  auto answers = inputs.others.peers;
  answers.push_back(own);
  auto sees_leader = [&](std::uint64_t id) {
    return std::ranges::any_of(answers, [&](MemberAnswer const& answer) {
      return answer.member_id == id && answer.cluster_id == own.cluster_id && answer.leader_id != 0;
    });
  };
  auto answered = [&](std::uint64_t id) {
    return std::ranges::any_of(answers,
                               [&](MemberAnswer const& answer) { return answer.member_id == id; });
  };
  // The list that a quorum stands behind, mine or a peer's; without one, what the volumes' tag
  // expects.
  auto listed = std::ranges::find_if(answers, [&](MemberAnswer const& answer) {
    return answer.quorum_list && answer.cluster_id == own.cluster_id;
  });
  if (listed == answers.end()) {
    facts.voters = static_cast<int>(inputs.me.expected.size());
    for (auto const& answer : answers) {
      if (!answer.learner && sees_leader(answer.member_id)) ++facts.healthy_voters;
      if (answer.reach != MemberAnswer::Reach::answers)
        facts.silent_voters.push_back(etcd_member_name(cluster, answer.member));
    }
    return facts;
  }
  for (auto const& member : *listed->quorum_list) {
    if (member.id == own.leader_id) facts.leader = member.name;
    if (member.learner) continue;
    ++facts.voters;
    if (sees_leader(member.id)) ++facts.healthy_voters;
    if (!answered(member.id))
      facts.silent_voters.push_back(member.name.empty() ? etcd_id_text(member.id) : member.name);
  }
  return facts;
}

}  // namespace haagent::bootstrap
