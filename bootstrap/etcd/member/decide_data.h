// A volume that holds a member's data, and one that is not seen. Pure, a part of the decision.
#pragma once

#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

// My volume is not seen: nobody is changed, whatever else is known. An etcd that runs on its open
// files goes on, unless the filesystem takes no writes any more and the others do without it.
Decision without_volume(MemberInputs const& inputs);

Decision with_data(MemberInputs const& inputs);

}  // namespace haagent::bootstrap
