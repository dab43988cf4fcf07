// Everything that haagent does is a step; there is no other way to change the machine.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/result.h"

namespace haagent {

struct Done {
  std::string sentence;  // what is true now: "vol-1 is attached as /dev/sdf"
};
struct Needed {
  std::string sentence;  // what act() would do: "attach vol-1 as /dev/sdf"
};
struct Waiting {
  std::string
      sentence;  // for what, and where it helps, what to do: "vol-1 is attached to i-2 (running)"
};
using Finding = std::variant<Done, Needed, Waiting>;

std::string const& sentence_of(Finding const& finding);

class Step {
 public:
  virtual ~Step() = default;
  virtual std::string_view name() const = 0;

  // Reads the world, never writes to it. Fills the facts that it can read, also when Done, because
  // a boot where nothing is to do never calls act(). Called again and again while Waiting.
  virtual Result<Finding> look(Facts& facts, std::stop_token stop) = 0;

  // Does what the last look() said is Needed. May take one of several moves that lead to Done: the
  // runner looks again after each, and the same Needed sentence twice is an error.
  virtual Result<void> act(Facts& facts, std::stop_token stop) = 0;

  // Between two looks while Waiting: returns once something may have changed, at the latest after
  // `at_most`. A step that can hear of the change (a device event) overrides the sleep.
  virtual void pause(Clock& clock, Duration at_most, std::stop_token stop);

  // Between two looks once Done, in a daemon that stays: returns once the next look is due, at the
  // latest after `at_most`; false where it was stopped. A step that is told of a change by somebody
  // else overrides the sleep.
  virtual bool rest(Clock& clock, Duration at_most, std::stop_token stop);
};

}  // namespace haagent
