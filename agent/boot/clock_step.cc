#include "agent/boot/clock_step.h"

#include <utility>

namespace haagent {
namespace {

constexpr Duration kWorthTelling{2'000};

bool differs(std::optional<ClockFacts> const& told, ClockFacts const& known) {
  return !told || told->wrong != known.wrong ||
         told->ahead.has_value() != known.ahead.has_value() ||
         (known.ahead && std::chrono::abs(*told->ahead - *known.ahead) >= kWorthTelling);
}

}  // namespace

Result<Finding> ClockStep::look(Facts& facts, std::stop_token stop) {
  bool const first = !std::exchange(looked_, true);
  auto const asked = first ? Result<UtcTime>(UtcTime{}) : time_->read(std::move(stop));
  auto const known = time_->known();
  // The status file is written for each change, and S3 tells whole seconds.
  if (differs(facts.clock.get(), known)) facts.clock.set(known);
  if (known.wrong && known.ahead)
    return fail(Kind::transient, Reason::ClockWrong, "{}",
                wrong_clock_sentence(*known.ahead, known.against));
  auto const say = [&](Reason reason, std::string text) {
    return Done{Message(reason, std::move(text)).about(known.against)};
  };
  if (!asked)
    return say(Reason::ClockNotCompared,
               fmt::format("it is not known whether this clock is right: {}",
                           asked.error().message.sentence()));
  if (!known.ahead)
    return say(Reason::ClockComparedLater,
               fmt::format("this clock is compared with that of {} after the boot", known.against));
  return say(Reason::ClockAgrees, fmt::format("this clock agrees with that of {}", known.against));
}

}  // namespace haagent
