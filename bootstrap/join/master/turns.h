// When those come again whom a master cannot serve now: each at a moment of its own, as far apart
// as the master has of late ended one exchange after the other. However many ask, a master spends
// little time on saying no, and nobody is told to come while a hundred others do.
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
  // For one who is sent away. Whole seconds, as HTTP has them; the one who comes adds its own part
  // of a second.
  std::chrono::seconds next(SteadyTime now);

 private:
  std::mutex mutex_;
  std::chrono::duration<double> between_{kBegins};
  std::optional<SteadyTime> ended_;  // the last time that counts
  SteadyTime turn_{};                // the last that was given away
  SteadyTime sent_away_{};           // somebody, the last time
};

}  // namespace haagent::bootstrap::join
