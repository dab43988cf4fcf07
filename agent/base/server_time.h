// A server's clock, known from its answers.
#pragma once

#include <mutex>
#include <optional>

#include "agent/base/clock.h"

namespace haagent {

// The time that a server's last answer carried, carried on by this machine's steady clock, which no
// step of its wall clock moves. Safe from several threads.
class ServerTime {
 public:
  // An answer that took longer says too little about when it was written.
  static constexpr Duration kLongestAnswer{15'000};
  // The steady clock stands still while a virtual machine is suspended.
  static constexpr Duration kBelieved{120'000};

  explicit ServerTime(Clock& clock) : clock_(clock) {}

  // `date`: the answer's, of whole seconds, as HTTP has it. `sent`: when the request left.
  void heard(UtcTime date, SteadyTime sent);
  // Nothing where no answer of the last two minutes carried a time.
  std::optional<UtcTime> now() const;

 private:
  Clock& clock_;
  mutable std::mutex mutex_;
  std::optional<UtcTime> date_;
  SteadyTime at_{};  // when it was heard
};

}  // namespace haagent
