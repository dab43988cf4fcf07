// How fast a client may call a service that throttles: a token bucket on our own side.
#pragma once

#include <mutex>
#include <stop_token>

#include "agent/base/clock.h"

namespace haagent::aws {

struct CallRate {
  double per_second = 0;
  double burst = 0;  // so many go at once
};
// EC2's buckets, and those of its like, are shared by every instance of the account and region, so
// that after a throttle it is for each client to step back.
inline constexpr CallRate kQueryRate{.per_second = 10, .burst = 20};
// A bucket takes 3,500 writes and 5,500 reads a second of each prefix ("Best practices design
// patterns", S3 User Guide). A boot asks for some 30 documents, and no cluster is formed before.
inline constexpr CallRate kS3Rate{.per_second = 100, .burst = 200};

// A throttle halves the speed (down to one call in five seconds) and empties the bucket; each
// success gives a twentieth of the full speed back. Safe to share between threads.
class AdaptiveRate {
 public:
  AdaptiveRate(Clock& clock, CallRate full);

  // Waits for this call's turn; false when stopped.
  bool wait(std::stop_token stop);
  void throttled();
  void succeeded();

 private:
  void refill();

  Clock& clock_;
  CallRate const full_;
  std::mutex mutex_;
  double per_second_;
  double tokens_;  // below zero: calls that wait for their turn
  SteadyTime filled_;
};

}  // namespace haagent::aws
