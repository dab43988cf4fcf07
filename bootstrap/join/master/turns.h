// Spreads the retries of machines that a master has turned away: each gets a moment of its own, as
// far from the one before as exchanges have ended of late. However many ask, a master spends little
// time on turning them away.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "agent/base/clock.h"

namespace haagent::bootstrap::join {

class Turns {
 public:
  static constexpr std::chrono::seconds kSoonest{2};
  // However slow it seems to be: EC2 that does not answer for a moment makes it so.
  static constexpr std::chrono::seconds kLatest{120};
  // From one turn to the next, while it is not known how fast this master is, and at most and
  // least.
  static constexpr std::chrono::milliseconds kBegins{50}, kSlowest{500}, kFastest{4};

  // An exchange has ended, whatever came of it; `full`: it had the last place that there was. Only
  // what ends while there is no place left says how fast this master is: where there is one, it
  // waits for who comes, and those who are still to come were sent away for too long.
  void ended(SteadyTime now, bool full);
  // For one who is sent away. Whole seconds, as HTTP has them; the one who comes adds its own part
  // of a second.
  std::chrono::seconds next(SteadyTime now);

 private:
  std::mutex mutex_;
  std::chrono::duration<double> between_{kBegins};
  std::optional<SteadyTime> ended_;  // the last end, where there was no place left then
  SteadyTime turn_{};                // the last that was given away
};

}  // namespace haagent::bootstrap::join
