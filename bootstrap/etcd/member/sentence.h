// The words for a decision: what the row says.
#pragma once

#include <string>

#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

// "form a new cluster of etcd-a, etcd-b and etcd-c"
std::string sentence_of(Decision const& decision, MemberInputs const& inputs);

}  // namespace haagent::bootstrap
