// Gathers what decide_lifecycle() asks for: instance metadata each 2 s, and never another API; the
// word of pid 1 once a signal has come; the files below /run/haagent that `haagent hand-over` and a
// daemon that was killed have left. They are in /run, so that a reboot forgets them.
#pragma once

#include <mutex>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/daemon/end_time.h"
#include "agent/daemon/lifecycle.h"

namespace haagent {

// `haagent hand-over` and its --undo.
Result<void> ask_for_handover(Root const& root, bool wanted);

// Of the record of a handover that was begun; nothing where the bytes are no such record.
std::optional<HandOver> handover_in_record(std::string_view bytes);

class LifecycleWatch {
 public:
  LifecycleWatch(aws::Imds& imds, MachineEnds& ends, Clock& clock, Root root)
      : imds_(imds), ends_(ends), clock_(clock), root_(std::move(root)) {}

  void set_rebalance(bool hand_over_on_rebalance);
  // A signal has come.
  void signalled();
  // What to do now. Asks metadata where the last answer is older than 2 s.
  LifecycleDecision decide();
  // Until the machine is taken away, by all that is known now; asks as decide() does.
  std::optional<Duration> time_left();
  // The group's hook: as Heartbeat tells it.
  void hook_waits(std::optional<Duration> left);

  // The record of a handover: made before its first step, taken away when there is no reason for it
  // any more.
  Result<void> begin(HandOver const& what);
  Result<void> forget();
  void handed_over();
  void hook_settled();
  bool is_handed_over() const;
  // Whether a group moves this instance at all, as far as metadata says.
  bool in_group() const;

 private:
  void ask_for_notices();

  aws::Imds& imds_;
  MachineEnds& ends_;
  Clock& clock_;
  Root root_;
  mutable std::mutex mutex_;
  LifecycleInputs inputs_;
  EndTimes ends_at_;
  std::optional<SteadyTime> asked_;
};

}  // namespace haagent
