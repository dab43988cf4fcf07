// How long a node has until the machine is taken from it: pure.
#pragma once

#include <optional>

#include "agent/base/clock.h"

namespace haagent {

struct EndTimes {
  std::optional<SteadyTime> spot_noticed;  // when the agent has seen the notice
  std::optional<UtcTime> spot;             // when EC2 acts, as the notice says
  // When pid 1 told the agent to end because the machine does.
  std::optional<SteadyTime> signalled;
  // When the group's hook runs out, where nothing that was asked has put it off.
  std::optional<SteadyTime> hook;
};

// EC2 gives a notice two minutes before.
inline constexpr Duration kSpotNotice{120'000};
// TimeoutStopSec= of haagent.service.
inline constexpr Duration kUnitStops{150'000};

// The least of what is known; nothing where nobody has set a time: `haagent hand-over`, a rebalance
// recommendation, a hook that is kept alive. The machine's own clock may be off, so that what it
// makes of a notice counts only where it is not more than two minutes from when that was seen.
std::optional<Duration> time_left(EndTimes const& in, UtcTime now, SteadyTime steady);

}  // namespace haagent
