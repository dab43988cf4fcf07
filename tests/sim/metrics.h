// What was put to CloudWatch: each metric is a namespace, a name and dimensions. Thread-safe.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace haagent::sim {

struct MetricName {
  std::string space;  // "haagent"
  std::string name;
  std::map<std::string, std::string> dimensions;
  auto operator<=>(MetricName const&) const = default;
};

struct MetricValues {
  std::string unit;  // of the newest value
  double newest = 0;
  std::string caller;  // who put that
  std::uint64_t count = 0;
};

class Metrics {
 public:
  void add(MetricName const& metric, double value, std::string const& unit,
           std::string const& caller) {
    std::lock_guard lock(mutex_);
    auto& values = values_[metric];
    values = {.unit = unit, .newest = value, .caller = caller, .count = values.count + 1};
  }
  std::map<MetricName, MetricValues> all() const {
    std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<MetricName, MetricValues> values_;
};

}  // namespace haagent::sim
