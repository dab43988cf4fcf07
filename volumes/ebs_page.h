// The page in which an EBS volume on Nitro tells its own counters: NVMe log page 0xD0 of AWS. A
// device that is no EBS volume, or of an older Nitro, has no such page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/ebs_counters.h"
#include "agent/base/result.h"

namespace haagent::volumes {

inline constexpr std::size_t kEbsPage = 4096;  // bytes

// Asks the open device, which may take CAP_SYS_ADMIN. Nothing where it gives no such page.
std::optional<std::string> read_ebs_page(int device);

// The counters on the page. A histogram whose bins are out of range or not in order is left out.
Result<EbsCounters> parse_ebs_page(std::string_view page);

}  // namespace haagent::volumes
