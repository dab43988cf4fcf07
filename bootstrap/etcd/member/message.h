// What the row says of a decision.
#pragma once

#include <string>

#include "agent/base/message.h"
#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

// "form a new cluster of etcd-a, etcd-b and etcd-c". The subject tells one move from the next of
// its kind, so that the same one taken twice shows.
Message message_of(Decision const& decision, MemberInputs const& inputs);
std::string sentence_of(Decision const& decision, MemberInputs const& inputs);

}  // namespace haagent::bootstrap
