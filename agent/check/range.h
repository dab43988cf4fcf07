// Thresholds as the Monitoring Plugins Development Guidelines write them.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace haagent::check {

// "10": alert below 0 or above 10; "10:": below 10; "~:10": above 10; "10:20": outside of them;
// "@10:20": from 10 to 20.
struct Range {
  double low = 0;
  double high = std::numeric_limits<double>::infinity();
  bool inside = false;
  std::string text;  // as it was written: for the performance data

  bool alerts(double value) const { return (value < low || value > high) != inside; }
  bool operator==(Range const&) const = default;
};

Result<Range> parse_range(std::string_view text);
// Alerts above it.
Range above(double high);

}  // namespace haagent::check
