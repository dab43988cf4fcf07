// Everything that haagent does is a step; there is no other way to change the machine.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/progress.h"
#include "agent/base/result.h"

namespace haagent {

struct Done {
  Message message;  // what is true now: "vol-1 is attached as /dev/sdf"
  // In a daemon that stays, looked at again after so long, where that is sooner than the row's
  // period.
  std::optional<Duration> look_again = {};
};
struct Needed {
  // Does what the message says, once. It owns what the look has decided, so that what was found is
  // what is done; it may be one of several moves that lead to Done, and the runner looks again
  // after each. The same message twice in a row is an error.
  using Act = std::move_only_function<Result<void>(std::stop_token)>;
  Needed(Message what, Act does) : message(std::move(what)), act(std::move(does)) {}

  Message message;  // what the act would do: "attach vol-1 as /dev/sdf"
  Act act;
};
struct Waiting {
  Message message;  // for what: "vol-1 is attached to i-2 (running)"
  // Looked at again after so long, where the runner would wait longer.
  std::optional<Duration> look_again = {};
  // How far what it waits for is, where that is known.
  std::optional<Progress> progress = {};
};
using Finding = std::variant<Done, Needed, Waiting>;

Message const& message_of(Finding const& finding);
std::string sentence_of(Finding const& finding);

class Step {
 public:
  virtual ~Step() = default;
  virtual std::string_view name() const = 0;

  // Reads the world, never writes to it. Fills the facts that it can read, also when Done, because
  // in a boot where nothing is to do nothing acts. Called again and again while Waiting. The step
  // and the facts outlive what it returns.
  virtual Result<Finding> look(Facts& facts, std::stop_token stop) = 0;

  // Between two looks while Waiting: returns once something may have changed, at the latest after
  // `at_most`. A step that can hear of the change (a device event) overrides the sleep.
  virtual void pause(Clock& clock, Duration at_most, std::stop_token stop);

  // Between two looks once Done, in a daemon that stays: returns once the next look is due, at the
  // latest after `at_most`; false where it was stopped. A step that is told of a change by somebody
  // else overrides the sleep.
  virtual bool rest(Clock& clock, Duration at_most, std::stop_token stop);
};

// An act that looks at the world again before it changes it: a disk before it is formatted, EC2
// before a volume is detached.
template <class S>
Needed::Act act_of(S& step, Result<void> (S::*act)(Facts&, std::stop_token), Facts& facts) {
  return [&step, act, &facts](std::stop_token stop) { return (step.*act)(facts, std::move(stop)); };
}

}  // namespace haagent
