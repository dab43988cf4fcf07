// Which of the agent's threads get on. One that is outside (wait_accounting.h: in a request, in
// another program, asleep) waits for something that has a deadline of its own; one that stays in
// haagent's own code hangs, or the kernel holds it.
#pragma once

#include <string>
#include <vector>

#include "agent/base/clock.h"

namespace haagent {

// This thread is looked after for as long as this lives, and has its name in `ps -L` (but for the
// process's first). One a thread; a second one, inside the first, counts for nothing.
class ThreadMonitor {
 public:
  explicit ThreadMonitor(std::string name);
  ~ThreadMonitor();
  ThreadMonitor(ThreadMonitor const&) = delete;
  ThreadMonitor& operator=(ThreadMonitor const&) = delete;

 private:
  bool counts_ = false;
};

struct MonitoredThread {
  std::string name;
  Duration in_own_code{0};  // since it was last outside; 0 where it is outside now
  // In a call that no signal ends (proc(5)'s D): a disk that does not answer. Ending the process
  // would change nothing.
  bool held_by_kernel = false;
};

// Of all threads that are looked after, as of `now`.
std::vector<MonitoredThread> monitored_threads(SteadyTime now);

// Why the agent must not say that it is alive; empty where it may.
std::string hanging(std::vector<MonitoredThread> const& threads, Duration limit);

}  // namespace haagent
