#pragma once

#include "agent/check/page.h"

namespace haagent::check {

// The age of the newest good backup of each etcd cluster, no matter which master took it, by the
// state store's clock. The thresholds are seconds: 2 and 4 intervals, since masters stand in for
// each other half an interval apart. Backups that fail here warn at once.
CheckResult check_backup(Page const& page, Thresholds const& thresholds);

}  // namespace haagent::check
