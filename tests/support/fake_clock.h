// A clock that the test moves. sleep() moves it too, and returns at once.
#pragma once

#include <mutex>

#include "agent/base/clock.h"

namespace haagent::test {

class FakeClock final : public Clock {
 public:
  // 2026-01-15T10:15:00Z
  explicit FakeClock(UtcTime start = UtcTime(std::chrono::seconds(1768472100))) : utc_(start) {}

  UtcTime utc() const override {
    std::lock_guard lock(mutex_);
    return utc_;
  }
  SteadyTime steady() const override {
    std::lock_guard lock(mutex_);
    return SteadyTime(std::chrono::hours(1)) + since_start_;
  }
  bool sleep(Duration duration, std::stop_token stop) override {
    if (stop.stop_requested()) return false;
    advance(duration);
    return true;
  }
  // Somebody sets the clock: no time passes.
  void step(Duration duration) {
    std::lock_guard lock(mutex_);
    utc_ += duration;
  }
  void advance(Duration duration) {
    std::lock_guard lock(mutex_);
    utc_ += duration;
    since_start_ += duration;
  }

 private:
  mutable std::mutex mutex_;
  UtcTime utc_;
  Duration since_start_{0};
};

}  // namespace haagent::test
