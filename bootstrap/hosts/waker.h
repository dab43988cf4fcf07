// Wakes whoever naps, and keeps the news for one that did not nap as it came.
#pragma once

#include <mutex>
#include <stop_token>

#include "agent/base/clock.h"

namespace haagent::bootstrap {

// From any thread.
class Waker {
 public:
  void wake();
  // Sleeps until it is woken; not at all where it was since the last nap. False: it was stopped.
  bool nap(Clock& clock, Duration at_most, std::stop_token stop);

 private:
  std::mutex mutex_;
  bool news_ = false;
  std::stop_source nap_;
};

}  // namespace haagent::bootstrap
