// The few figures of a node that alarms need, read off the page that Prometheus reads
// (agent/status/metrics.h), so that both say the same. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"

namespace haagent::cloudwatch {

struct Reading {
  std::string name;
  std::string unit;  // CloudWatch's own word
  double value = 0;
  bool of_zone = false;  // counts for the zone, too: a master is the only one of its zone
  bool operator==(Reading const&) const = default;
};

struct Readings {
  std::string cluster;
  std::string role;
  std::string zone;
  std::string instance_id;
  std::vector<Reading> values;
};

// What the page has no figure for is left out, and so is NodeReady of a node that nobody expects to
// be ready: it boots, for kBootTime at the most, is in the warm pool, or hands over.
Readings readings_of(std::string_view page, UtcTime now);
inline constexpr Duration kBootTime{15 * 60'000};

}  // namespace haagent::cloudwatch
