// What a master has answered: how often, by reason, who still wants to join, and what of it is
// worth a line of the journal. Kept in memory and within bounds, however many ask.
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

  // Each machine that joins has a line. Refusals have kLinesAtOnce lines for each reason, and one
  // more every kLineEvery: any client that reaches the port can cause refusals without end.
  static constexpr double kLinesAtOnce = 20;
  static constexpr std::chrono::seconds kLineEvery{3};
  enum class Line {
    written,
    last,  // the next of this reason are counted alone, for a while
    left_out,
  };
  Line note(Decided const& decided, UtcTime now);
  JoinFacts facts(UtcTime now) const;

 private:
  Line line_of(Decided const& decided, UtcTime now);

  struct Lines {
    double left = kLinesAtOnce;
    UtcTime at{};
  };
  mutable std::mutex mutex_;
  std::map<std::pair<Reason, bool>, Lines> lines_;  // of what is proven, and of claims
  std::map<std::string, std::uint64_t> decisions_;
  std::deque<JoinFacts::Waiting> waiting_;  // the one that was heard last first
};

}  // namespace haagent::bootstrap::join
