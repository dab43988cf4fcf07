// Tells systemd's watchdog (WatchdogSec=) that the agent is alive, for as long as it is: none of
// its threads hangs. systemd ends one that says nothing, and restarts it.
#pragma once

#include <thread>

#include "agent/base/clock.h"

namespace haagent {

class Watchdog {
 public:
  // A thread of its own says it, three times in the interval that systemd has asked for; none where
  // it has not.
  explicit Watchdog(Clock& clock);

  // Of own code; the longest there is, hashing a backup of 8 GiB from a slow disk, takes a minute.
  static constexpr Duration kLimit{300'000};

  // Says it, unless a thread hangs as of `now`. False where it said nothing.
  bool turn(SteadyTime now);

 private:
  Clock& clock_;
  bool told_ = false;
  std::jthread thread_;
};

}  // namespace haagent
