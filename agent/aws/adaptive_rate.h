// How fast a client may call a service that throttles: a token bucket on our own side. EC2's
// buckets are shared by every instance of the account and region, so that after a throttle it is
// for each client to step back.
#pragma once

#include <mutex>
#include <stop_token>

#include "agent/base/clock.h"

namespace haagent::aws {

// Full speed is 10 calls a second in bursts of 20, far above what a boot needs. A throttle halves
// the speed (down to one call in five seconds) and empties the bucket; each success gives a
// twentieth of the full speed back. Safe to share between threads.
class AdaptiveRate {
 public:
  explicit AdaptiveRate(Clock& clock);

  // Waits for this call's turn; false when stopped.
  bool wait(std::stop_token stop);
  void throttled();
  void succeeded();

 private:
  void refill();

  Clock& clock_;
  std::mutex mutex_;
  double per_second_;
  double tokens_;  // below zero: calls that wait for their turn
  SteadyTime filled_;
};

}  // namespace haagent::aws
