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
  static constexpr std::chrono::seconds kLatest{300};
  // From one turn to the next, while it is not known how fast this master is, and at most and
  // least.
  static constexpr std::chrono::milliseconds kBegins{50}, kSlowest{500}, kFastest{4};

  // An exchange has ended, whatever came of it.
  void ended(SteadyTime now);
  // For one who is sent away; `busy`: because this master is, and not because somebody else does
  // not answer it, which says nothing of its speed. Whole seconds, as HTTP has them; the one who
  // comes adds its own part of a second.
  std::chrono::seconds next(SteadyTime now, bool busy);

 private:
  std::mutex mutex_;
  std::chrono::duration<double> between_{kBegins};
  std::optional<SteadyTime> ended_;  // the last time that counts
  SteadyTime turn_{};                // the last that was given away
  SteadyTime busy_{};                // when somebody was sent away last because it was
};

}  // namespace haagent::bootstrap::join
