#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace haagent::volumes {

// "259:3", as sysfs and mountinfo write it; nothing for anything else.
std::optional<dev_t> parse_device_number(std::string_view text);

}  // namespace haagent::volumes
