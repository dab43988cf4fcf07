// What a step spends outside haagent: in a request, in mkfs, asleep in a wait. The seams add to it,
// the runner reads it, so that `status` can say how much of a boot was haagent's own; the boot's
// picture reads which of them were long; and thread_monitor.h, so that a thread that hangs can be
// told from one that waits.
#pragma once

#include <atomic>
#include <vector>

#include "agent/base/clock.h"

namespace haagent {

enum class WaitFor {
  request,   // an answer over the network
  throttle,  // its turn to ask a service that has said to slow down
  program,   // a program, systemd or a disk
  pause,     // time, or an event; the message of the waiting row names it
};

// Adds the time between construction and destruction to this thread's outside time. Nested ones
// count once, as what the outermost is for.
class AccountedWait {
 public:
  explicit AccountedWait(WaitFor what);
  ~AccountedWait();
  AccountedWait(AccountedWait const&) = delete;
  AccountedWait& operator=(AccountedWait const&) = delete;

  static Duration of_this_thread();
  // So much of what this thread has waited was haagent's own time all the same: that of threads
  // that it waited for.
  static void count_as_own(Duration own);

  struct Timed {
    WaitFor what = WaitFor::pause;
    SteadyTime began{};
    SteadyTime ended{};
  };
  // This thread's waits since they were last taken, without pauses and what was too short to be
  // seen; those of one kind that follow each other closely are one. At most 64: what comes then is
  // left out.
  static std::vector<Timed> take_of_this_thread();

  // For other threads to read, for as long as this one lives.
  struct Where {
    std::atomic<SteadyTime> own_since{SteadyTime::max()};  // max: it is outside
  };
  static Where const* where_this_thread_is();
  static void restart_own_time();

 private:
  WaitFor what_;
  SteadyTime began_;
};

}  // namespace haagent
