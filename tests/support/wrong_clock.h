// One machine's clock in a world whose time is another clock's: as far off as the test sets it.
#pragma once

#include <atomic>

#include "agent/base/clock.h"

namespace haagent::test {

class WrongClock final : public Clock {
 public:
  explicit WrongClock(Clock& world, Duration ahead = Duration(0)) : world_(world), ahead_(ahead) {}

  void set_ahead(Duration ahead) { ahead_ = ahead; }

  UtcTime utc() const override { return world_.utc() + ahead_.load(); }
  SteadyTime steady() const override { return world_.steady(); }
  bool sleep(Duration duration, std::stop_token stop) override {
    return world_.sleep(duration, std::move(stop));
  }

 private:
  Clock& world_;
  std::atomic<Duration> ahead_;
};

}  // namespace haagent::test
