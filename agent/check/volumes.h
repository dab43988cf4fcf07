#pragma once

#include "agent/check/page.h"

namespace haagent::check {

// The node's filesystems and etcd's volumes: their room in bytes and inodes, and whether each
// volume is attached, mounted and without errors. The thresholds are percent that are used, of
// either, and count on top of what haagent itself says, which goes by what has to fit.
CheckResult check_volumes(Page const& page, Thresholds const& thresholds);

}  // namespace haagent::check
