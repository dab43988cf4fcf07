#include "agent/base/retry.h"

#include <algorithm>

namespace haagent {

Duration Jitter::pause(Backoff const& backoff, int attempt) {
  // 2^attempt stops growing where it has passed every sensible cap, before it overflows.
  auto grown = backoff.base * (std::int64_t{1} << std::min(attempt, 20));
  std::uniform_int_distribution<std::int64_t> within(0, std::min(grown, backoff.cap).count());
  return Duration(within(engine_));
}

}  // namespace haagent
