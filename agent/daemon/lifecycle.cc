#include "agent/daemon/lifecycle.h"

#include <fmt/format.h>

namespace haagent {
namespace {

bool is_going_down(LifecycleInputs const& in) {
  return in.signalled && in.machine_end == MachineEnd::power_off;
}

// Why the node hands over, and whether the instance goes away; the surest reason first.
std::optional<HandOver> reason(LifecycleInputs const& in) {
  // Both may come with the power-off itself: of a group without a hook, or at the notice's time.
  if (in.notices && in.notices->target_state == "Terminated")
    return HandOver{"its auto-scaling group terminates it", true, is_going_down(in)};
  if (in.notices && in.notices->spot) {
    auto const& spot = *in.notices->spot;
    return HandOver{fmt::format("a spot notice: EC2 will {} it at {}", spot.action, spot.time),
                    true, is_going_down(in)};
  }
  if (in.signalled) {
    switch (in.machine_end) {
      case MachineEnd::none:
        break;
      case MachineEnd::power_off:
        return HandOver{"the machine powers off", true, true};
      case MachineEnd::reboot:
        return HandOver{"the machine reboots, and keeps its volumes", false};
      case MachineEnd::unknown:
        return HandOver{"the machine ends; it may reboot, so it keeps its volumes", false};
    }
  }
  if (in.asked_for) return HandOver{"it was asked for", true};
  if (in.notices && in.notices->rebalance && in.hand_over_on_rebalance)
    return HandOver{"a rebalance recommendation since " + *in.notices->rebalance, true};
  // With metadata silent, what was begun for a reason is gone on with.
  if (!in.notices) return in.begun;
  return std::nullopt;
}

}  // namespace

LifecycleDecision decide_lifecycle(LifecycleInputs const& in) {
  auto why = reason(in);
  if (why && !in.handed_over) return *std::move(why);
  if (in.handed_over && in.notices && in.notices->target_state == "Terminated" && !in.hook_settled)
    return SettleHook{is_going_down(in)};
  if (in.signalled) return Leave{};
  if (why) return StayOn{};  // done, and still right
  if (in.handed_over) {
    // Silence is no reason to take the volumes back.
    if (!in.notices) return StayOn{};
    return Return{};
  }
  if (in.notices && in.notices->target_state.starts_with("Warmed:"))
    return PrepareOnly{in.notices->target_state};
  if (in.notices && in.notices->rebalance)
    return MoveLeaders{"a rebalance recommendation since " + *in.notices->rebalance};
  return StayOn{};
}

}  // namespace haagent
