// A member whose etcd runs on its own data: a learner that is to vote, a voter that is to be
// recorded, one that serves. Pure, a part of the decision.
#pragma once

#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

Decision with_running_unit(MemberInputs const& inputs);

}  // namespace haagent::bootstrap
