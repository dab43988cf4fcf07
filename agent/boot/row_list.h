// A boot list while it is written: each step with what it comes after.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/runner.h"

namespace haagent {

// What a row is beside its step. Waits on EC2 look each second at the most, since a freed volume
// must be ours within 5 s and the inventory itself asks EC2 less often; waits on this machine look
// often at first.
struct RowSpec {
  std::vector<std::string> after;
  Duration deadline{15 * 60'000};
  Polling polling{.first = Duration(100), .cap = Duration(1'000)};
  Upkeep upkeep = Upkeep::none;
  Duration period{60'000};
};

// What tells whether the node serves only looks: who repairs it is the kubelet, and the kubelet
// itself is restarted by its row. An image is pulled before the first answer, which takes minutes
// where a registry is slow.
RowSpec health_row(std::vector<std::string> after, Upkeep upkeep = Upkeep::look_only);

// A disk fills and empties slowly.
inline constexpr Polling kSpacePolling{.first = Duration(1'000), .cap = Duration(15'000)};

class RowList {
 public:
  void add(std::unique_ptr<Step> step, RowSpec spec);
  std::vector<Row> take() { return std::move(rows_); }

 private:
  std::vector<Row> rows_;
};

}  // namespace haagent
