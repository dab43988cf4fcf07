#pragma once

#include "agent/check/page.h"

namespace haagent::check {

// Whether the node serves, as `haagent status` says. The thresholds are seconds for which it has
// not: WARNING at once, CRITICAL after a quarter of an hour, and at once where a step has failed,
// a filesystem is full, or nobody looks after the node.
CheckResult check_node(Page const& page, Thresholds const& thresholds);

}  // namespace haagent::check
