// What the node does about its own end and beginning: one pure function over what EC2, the group,
// pid 1 and the node itself say.
//
// SIGTERM alone is no reason to hand over: a restart or an upgrade of the agent leaves etcd where
// it is (machine_end.h says how it is told apart). `haagent hand-over` is the explicit word, for an
// operator's script and a unit's ExecStop.
//
// A rebalance recommendation alone moves the etcd leaders away and is reported, no more: it is not
// a notice (most such instances live on for hours), and a master that hands over without a
// successor takes a voter from the quorum. lifecycle.onRebalance: hand-over is for groups that have
// capacity rebalancing on, where a successor is launched at once.
//
// A spot notice and a terminating hook hand over at once, also where another voter is down: the
// volume goes with the instance anyway, and the sooner it is free the sooner its member is back.
// The launching hook is never abandoned by the agent: a group that replaces a master which waits
// for its quorum would do so for ever; the hook's own timeout is the operator's word.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "agent/aws/imds.h"
#include "agent/base/machine_end.h"

namespace haagent {

struct HandOver {
  std::string why;    // "its group terminates it"
  bool away = false;  // the instance goes away: its volumes are detached for the successor
  // It is on its way down already, and EC2 takes the volumes back with it: no time is lost in
  // waiting until they are seen to be free.
  bool going_down = false;
  bool operator==(HandOver const&) const = default;
};
struct LifecycleInputs {
  std::optional<aws::Notices> notices;  // nothing: metadata does not answer
  bool signalled = false;               // SIGTERM or SIGINT
  MachineEnd machine_end = MachineEnd::none;
  bool asked_for = false;  // `haagent hand-over`
  // What the record says: an agent that was killed while handing over had begun this.
  std::optional<HandOver> begun;
  bool handed_over = false;   // all of it is done
  bool hook_settled = false;  // the terminating hook was completed, or there is none of ours
  bool hand_over_on_rebalance = false;
};

struct StayOn {};
struct Leave {};  // the agent ends, everything else goes on
struct MoveLeaders {
  std::string why;
};
struct PrepareOnly {  // in the warm pool
  std::string state;
};
struct Return {};           // handed over, and there is no reason for it any more: boot again
struct SettleHook {         // handed over, and the group waits for the word, or is about to
  bool going_down = false;  // then its wait does not begin any more, and is not waited for
  bool operator==(SettleHook const&) const = default;
};
using LifecycleDecision =
    std::variant<StayOn, Leave, MoveLeaders, PrepareOnly, HandOver, SettleHook, Return>;

LifecycleDecision decide_lifecycle(LifecycleInputs const& in);

}  // namespace haagent
