// Who is taken out of the cluster, by the agent of etcd's leader. Pure, a part of the decision.
#pragma once

#include <optional>
#include <string>

#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

struct MembersChange {
  std::optional<Decision> move;
  std::string note;         // for the message of a member that serves
  bool watch_tags = false;  // what EC2 says next matters soon
  std::string about = {};   // what the note is about: "tags", "e after c"
};

// I serve: is the cluster as the tags of its volumes want it?
MembersChange reconfigure(MemberInputs const& inputs);

// A learner that blocks the others, and whose own agent is gone with it.
std::optional<Decision> evict_silent_learner(MemberInputs const& inputs);

}  // namespace haagent::bootstrap
