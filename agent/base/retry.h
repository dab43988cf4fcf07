// Backoff with full jitter, after AWS's architecture note: each pause is drawn from [0, min(cap,
// base * 2^attempt)], so that a thousand agents that failed together do not come back together.
#pragma once

#include <random>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent {

struct Backoff {
  Duration base{500};
  Duration cap{20'000};
};

class Jitter {
 public:
  explicit Jitter(std::uint64_t seed = std::random_device{}()) : engine_(seed) {}
  // The pause before attempt number `attempt` + 1; attempt counts from 0.
  Duration pause(Backoff const& backoff, int attempt);

 private:
  std::mt19937_64 engine_;
};

// Only what may go away by itself is tried again.
inline bool worth_retrying(Error const& error) {
  return error.kind == Kind::transient;
}

}  // namespace haagent
