#include "agent/daemon/lifecycle.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

aws::Notices target(std::string state) {
  return {.target_state = std::move(state)};
}
aws::Notices spot() {
  return {.spot = aws::Notices::Interruption{"terminate", "2026-01-15T10:17:00Z"}};
}
aws::Notices rebalance() {
  return {.rebalance = "2026-01-15T10:00:00Z"};
}

std::string said(LifecycleDecision const& decision) {
  struct Words {
    std::string operator()(StayOn const&) const { return "stay"; }
    std::string operator()(Leave const&) const { return "leave"; }
    std::string operator()(MoveLeaders const&) const { return "move leaders"; }
    std::string operator()(PrepareOnly const& pool) const { return "prepare in " + pool.state; }
    std::string operator()(HandOver const& what) const {
      return fmt::format("hand over{}{}: {}", what.away ? "" : ", keep",
                         what.going_down ? " at once" : "", what.why);
    }
    std::string operator()(SettleHook const& hook) const {
      return hook.going_down ? "settle at once" : "settle";
    }
    std::string operator()(Return const&) const { return "return"; }
  };
  return std::visit(Words{}, decision);
}

struct Case {
  std::string_view name;
  LifecycleInputs in;
  std::string_view decision;
};

TEST(Lifecycle, EachRowOfTheTable) {
  using End = MachineEnd;
  aws::Notices const none;
  HandOver const begun{"its auto-scaling group terminates it", true};
  Case const cases[] = {
      {"nothing is planned", {.notices = none}, "stay"},
      {"in service", {.notices = target("InService")}, "stay"},
      {"metadata is silent", {}, "stay"},
      {"the agent is restarted", {.notices = none, .signalled = true}, "leave"},
      {"the agent is restarted while metadata is silent", {.signalled = true}, "leave"},
      {"the machine powers off",
       {.notices = none, .signalled = true, .machine_end = End::power_off},
       "hand over at once: the machine powers off"},
      {"the machine powers off since its group terminates it without a hook",
       {.notices = target("Terminated"), .signalled = true, .machine_end = End::power_off},
       "hand over at once: its auto-scaling group terminates it"},
      {"the machine powers off at the time of its spot notice",
       {.notices = spot(), .signalled = true, .machine_end = End::power_off},
       "hand over at once: a spot notice: EC2 will terminate it at 2026-01-15T10:17:00Z"},
      {"the machine reboots",
       {.notices = none, .signalled = true, .machine_end = End::reboot},
       "hand over, keep: the machine reboots, and keeps its volumes"},
      {"the machine ends somehow",
       {.notices = none, .signalled = true, .machine_end = End::unknown},
       "hand over, keep: the machine ends; it may reboot, so it keeps its volumes"},
      {"a reboot of an instance that its group terminates",
       {.notices = target("Terminated"), .signalled = true, .machine_end = End::reboot},
       "hand over: its auto-scaling group terminates it"},
      {"the power-off is handed over",
       {.notices = none, .signalled = true, .machine_end = End::power_off, .handed_over = true},
       "leave"},
      {"the group terminates it",
       {.notices = target("Terminated")},
       "hand over: its auto-scaling group terminates it"},
      {"handed over, and the hook waits",
       {.notices = target("Terminated"), .handed_over = true},
       "settle"},
      {"handed over by a signal, and the hook waits",
       {.notices = target("Terminated"),
        .signalled = true,
        .machine_end = End::power_off,
        .handed_over = true},
       "settle at once"},
      {"all is done",
       {.notices = target("Terminated"), .handed_over = true, .hook_settled = true},
       "stay"},
      {"a spot notice",
       {.notices = spot()},
       "hand over: a spot notice: EC2 will terminate it at 2026-01-15T10:17:00Z"},
      {"a spot notice that was served", {.notices = spot(), .handed_over = true}, "stay"},
      {"a rebalance recommendation", {.notices = rebalance()}, "move leaders"},
      {"... where the config says more",
       {.notices = rebalance(), .hand_over_on_rebalance = true},
       "hand over: a rebalance recommendation since 2026-01-15T10:00:00Z"},
      {"an operator asks", {.notices = none, .asked_for = true}, "hand over: it was asked for"},
      {"... and asks for it back", {.notices = none, .handed_over = true}, "return"},
      {"killed while handing over, metadata silent",
       {.begun = begun},
       "hand over: its auto-scaling group terminates it"},
      {"killed while handing over, and the reason is gone",
       {.notices = none, .begun = begun},
       "stay"},
      {"handed over, and metadata falls silent", {.handed_over = true}, "stay"},
      {"in the warm pool", {.notices = target("Warmed:Stopped")}, "prepare in Warmed:Stopped"},
      {"a warm instance's agent is restarted",
       {.notices = target("Warmed:Running"), .signalled = true},
       "leave"},
  };
  for (auto const& each : cases)
    EXPECT_EQ(said(decide_lifecycle(each.in)), each.decision) << each.name;
}

}  // namespace
}  // namespace haagent
