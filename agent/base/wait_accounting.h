// What a step spends outside haagent: in a request, in mkfs, asleep in a wait. The seams add to it,
// the runner reads it, so that `status` can say how much of a boot was haagent's own; and
// thread_monitor.h, so that a thread that hangs can be told from one that waits.
#pragma once

#include <atomic>

#include "agent/base/clock.h"

namespace haagent {

// Adds the time between construction and destruction to this thread's outside time. Nested ones
// count once.
class AccountedWait {
 public:
  AccountedWait();
  ~AccountedWait();
  AccountedWait(AccountedWait const&) = delete;
  AccountedWait& operator=(AccountedWait const&) = delete;

  static Duration of_this_thread();

  // For other threads to read, for as long as this one lives.
  struct Where {
    std::atomic<SteadyTime> own_since{SteadyTime::max()};  // max: it is outside
  };
  static Where const* where_this_thread_is();
  static void restart_own_time();

 private:
  SteadyTime began_;
};

}  // namespace haagent
