// What a master has answered: how often, by reason, and who still wants to join. Kept in memory and
// within bounds, however many ask.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "agent/base/facts.h"
#include "bootstrap/join/master/service.h"

namespace haagent::bootstrap::join {

class JoinLedger {
 public:
  static constexpr std::size_t kMostWaiting = 50;    // the oldest is let go
  static constexpr std::chrono::minutes kWaits{15};  // longer than the longest pause of a worker

  void note(Decided const& decided, UtcTime now);
  JoinFacts facts(UtcTime now) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> decisions_;
  std::deque<JoinFacts::Waiting> waiting_;  // the one that was heard last first
};

}  // namespace haagent::bootstrap::join
