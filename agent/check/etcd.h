#pragma once

#include "agent/check/page.h"

namespace haagent::check {

// Both etcd clusters, as this master's members see them: quorum, voters, leader, alarms, and the
// database's size in percent of its quota, which the thresholds are about (80 and 95).
CheckResult check_etcd(Page const& page, Thresholds const& thresholds);

}  // namespace haagent::check
