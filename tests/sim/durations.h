#pragma once

#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent::sim {

// "250ms", "1.5s", "2 min", "6h", "-1s"; a bare number is seconds.
Result<Duration> parse_duration(std::string_view text);

}  // namespace haagent::sim
