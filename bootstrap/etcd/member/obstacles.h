// What keeps a member from starting, joining or voting. Pure, a part of the decision.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

// A learner that does not come up after this many starts is taken out and added again. It has no
// vote, so nothing can be lost with it.
inline constexpr int kLearnerStarts = 3;

// Two clusters, or data and a marker of two.
std::optional<Refuse> other_cluster(MemberInputs const& inputs);
// The installed etcd must not follow what was here before, or what the others run.
std::optional<Refuse> version_skew(MemberInputs const& inputs);
// Of these, what decides which etcd may be started.
VersionFacts version_facts(MemberInputs const& inputs);

// EC2's last word is too old to go by; then it is asked.
bool is_stale(MemberInputs const& inputs);
Wait ask_ec2(MemberInputs const& inputs);

// What keeps me from (re)joining a quorum: only the tags say whether I am to be a member.
// `quorum_of` is who told of it: "b"; `data_stays` ends the sentence.
std::optional<Decision> not_to_join(MemberInputs const& inputs, std::string const& quorum_of,
                                    std::string_view data_stays);

// One voter more makes the quorum larger where their number is odd now.
std::optional<Wait> no_room(MemberInputs const& inputs, std::vector<EtcdMember> const& list);

// What etcd's last words call for; empty where they do not tell.
std::string crash_todo(MemberInputs const& inputs);
// systemd starts it again and again, no matter who looks.
std::optional<Wait> ends_again_and_again(MemberInputs const& inputs);

}  // namespace haagent::bootstrap
