#include "agent/daemon/end_time.h"

#include <algorithm>

namespace haagent {

std::optional<Duration> time_left(EndTimes const& in, UtcTime now, SteadyTime steady) {
  std::optional<Duration> least;
  auto take = [&](Duration left) {
    left = std::max(left, Duration(0));
    least = least ? std::min(*least, left) : left;
  };
  auto until = [&](SteadyTime time) { return std::chrono::duration_cast<Duration>(time - steady); };
  if (in.spot_noticed) {
    auto const by_notice = until(*in.spot_noticed + kSpotNotice);
    auto by_clock = by_notice;
    if (in.spot) by_clock = std::chrono::duration_cast<Duration>(*in.spot - now);
    // A notice that an agent finds when it starts may be older than its first look.
    take(by_clock >= Duration(0) && by_clock < by_notice ? by_clock : by_notice);
  }
  if (in.signalled) take(until(*in.signalled + kUnitStops));
  if (in.hook) take(until(*in.hook));
  return least;
}

}  // namespace haagent
