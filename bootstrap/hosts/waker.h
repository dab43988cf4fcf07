// Wakes who waits for a change, and remembers one that came while nobody waited.
#pragma once

#include <mutex>
#include <stop_token>

#include "agent/base/clock.h"

namespace haagent::bootstrap {

// From any thread.
class Waker {
 public:
  void wake();
  // Sleeps until it is woken; not at all where it was woken since the last wait. False: it was
  // stopped.
  bool wait(Clock& clock, Duration at_most, std::stop_token stop);

 private:
  std::mutex mutex_;
  bool changed_ = false;
  std::stop_source wait_;
};

}  // namespace haagent::bootstrap
