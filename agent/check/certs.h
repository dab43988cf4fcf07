#pragma once

#include "agent/check/page.h"

namespace haagent::check {

// Each certificate of the node. Without thresholds by its own life, which is a year or some hours:
// WARNING where a renewal is overdue or cannot be done, CRITICAL in the last quarter of the time
// that is left for it. The thresholds are days that are left, "30:", and count on top of that.
CheckResult check_certs(Page const& page, Thresholds const& thresholds);

}  // namespace haagent::check
