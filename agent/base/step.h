// Everything that haagent does is a step; there is no other way to change the machine.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/result.h"

namespace haagent {

struct Done {
  Message message;  // what is true now: "vol-1 is attached as /dev/sdf"
  // In a daemon that stays, looked at again after so long, where that is sooner than the row's
  // period.
  std::optional<Duration> look_again = {};
};
struct Needed {
  Message message;  // what the act would do: "attach vol-1 as /dev/sdf"
  // Does just that. It owns what the look has found, and goes when it is done or dropped: what was
  // found is what is done. Empty: the step overrides act().
  std::move_only_function<Result<void>(std::stop_token)> act = {};
};
struct Waiting {
  Message message;  // for what: "vol-1 is attached to i-2 (running)"
  // Looked at again after so long, where the runner would wait longer.
  std::optional<Duration> look_again = {};
};
using Finding = std::variant<Done, Needed, Waiting>;

Message const& message_of(Finding const& finding);
std::string sentence_of(Finding const& finding);

class Step {
 public:
  virtual ~Step() = default;
  virtual std::string_view name() const = 0;

  // Reads the world, never writes to it. Fills the facts that it can read, also when Done, because
  // a boot where nothing is to do never calls act(). Called again and again while Waiting.
  virtual Result<Finding> look(Facts& facts, std::stop_token stop) = 0;

  // Does what the last look() said is Needed, where that carries no act of its own. Either may take
  // one of several moves that lead to Done: the runner looks again after each, and the same Needed
  // sentence twice is an error.
  virtual Result<void> act(Facts& facts, std::stop_token stop);

  // Between two looks while Waiting: returns once something may have changed, at the latest after
  // `at_most`. A step that can hear of the change (a device event) overrides the sleep.
  virtual void pause(Clock& clock, Duration at_most, std::stop_token stop);

  // Between two looks once Done, in a daemon that stays: returns once the next look is due, at the
  // latest after `at_most`; false where it was stopped. A step that is told of a change by somebody
  // else overrides the sleep.
  virtual bool rest(Clock& clock, Duration at_most, std::stop_token stop);
};

// Does what the step's last look() has found to be needed: by the act that it carries, or by the
// step's. Once, since an act gives away what it owns.
Result<void> carry_out(Step& step, Needed& needed, Facts& facts, std::stop_token stop);

}  // namespace haagent
