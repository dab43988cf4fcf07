// A volume without data: it joins who serves, forms a new cluster, or waits. Pure, a part of the
// decision.
#pragma once

#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

Decision without_data(MemberInputs const& inputs);

}  // namespace haagent::bootstrap
