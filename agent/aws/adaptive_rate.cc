#include "agent/aws/adaptive_rate.h"

#include <algorithm>
#include <cmath>

#include "agent/base/wait_accounting.h"

namespace haagent::aws {
namespace {

constexpr double kLowestSpeed = 0.2;
constexpr double kGivenBack = 1. / 20;

}  // namespace

AdaptiveRate::AdaptiveRate(Clock& clock, CallRate full)
    : clock_(clock),
      full_(full),
      per_second_(full.per_second),
      tokens_(full.burst),
      filled_(clock.steady()) {}

bool AdaptiveRate::wait(std::stop_token stop) {
  Duration pause{0};
  {
    std::lock_guard lock(mutex_);
    refill();
    tokens_ -= 1;
    if (tokens_ < 0) pause = Duration(std::llround(std::ceil(-tokens_ / per_second_ * 1000)));
  }
  if (pause.count() == 0) return !stop.stop_requested();
  AccountedWait const wait(WaitFor::throttle);
  return clock_.sleep(pause, std::move(stop));
}

void AdaptiveRate::throttled() {
  std::lock_guard lock(mutex_);
  refill();
  per_second_ = std::max(kLowestSpeed, per_second_ / 2);
  tokens_ = std::min(tokens_, 0.0);
}

void AdaptiveRate::succeeded() {
  std::lock_guard lock(mutex_);
  refill();
  per_second_ = std::min(full_.per_second, per_second_ + full_.per_second * kGivenBack);
}

void AdaptiveRate::refill() {
  auto now = clock_.steady();
  std::chrono::duration<double> passed = now - filled_;
  tokens_ = std::min(full_.burst, tokens_ + passed.count() * per_second_);
  filled_ = now;
}

}  // namespace haagent::aws
