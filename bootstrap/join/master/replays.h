// Which proofs have been seen: one is good once, for as long as STS would take it.
#pragma once

#include <deque>
#include <mutex>
#include <set>
#include <string>

#include "agent/base/clock.h"

namespace haagent::bootstrap::join {

class Replays {
 public:
  // STS takes a signature for a quarter of an hour at the most.
  static constexpr Duration kRemembered{15 * 60'000};
  // 64 bytes each; beyond it, the oldest are forgotten.
  static constexpr std::size_t kMost = 100'000;

  // False where it was seen before.
  bool is_first(std::string const& signature, SteadyTime now);

 private:
  struct Seen {
    std::string signature;
    SteadyTime when;
  };
  std::mutex mutex_;
  std::deque<Seen> order_;
  std::set<std::string> seen_;
};

}  // namespace haagent::bootstrap::join
