#include "agent/base/store_clock.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

// A steady clock drifts by less than two seconds in this time.
constexpr Duration kCarriedOn = 1h;

Duration difference(UtcTime own, UtcTime store) {
  return std::chrono::duration_cast<Duration>(own - store);
}

}  // namespace

bool clock_is_wrong(bool was, Duration ahead) {
  return std::chrono::abs(ahead) > (was ? kClockRight : kClockWrong);
}

std::string clock_sentence(Duration ahead, std::string const& where) {
  return fmt::format("this machine's clock is {} {} {}", to_words(std::chrono::abs(ahead)),
                     ahead > Duration(0) ? "ahead of" : "behind", where);
}

std::string wrong_clock_sentence(Duration ahead, std::string const& where) {
  return fmt::format(
      "{}: until it is right, this machine takes and removes no backups, makes no authorities or "
      "certificates and gives no requests. See that chrony or systemd-timesyncd runs, and set the "
      "clock now with 'chronyc makestep' or 'systemctl restart systemd-timesyncd'",
      clock_sentence(ahead, where));
}

std::optional<UtcTime> StoreClock::carried_on() const {
  if (!last_) return std::nullopt;
  auto const since = own_.steady() - last_->at;
  if (since > kCarriedOn) return std::nullopt;
  return last_->store + std::chrono::duration_cast<UtcTime::duration>(since);
}

UtcTime StoreClock::utc() const {
  std::lock_guard lock(mutex_);
  return carried_on().value_or(own_.utc());
}

Result<UtcTime> StoreClock::read(std::stop_token stop) {
  auto const now =
      TRY_DURING(store_.now(std::move(stop)), "asking {} for the time", store_.where());
  std::lock_guard lock(mutex_);
  last_ = Reading{now, own_.steady()};
  wrong_ = clock_is_wrong(wrong_, difference(own_.utc(), now));
  return now;
}

Result<UtcTime> StoreClock::agreed(std::stop_token stop) {
  auto now = TRY(read(std::move(stop)));
  if (auto const why = trouble(); !why.empty())
    return fail(Kind::transient, Reason::ClockWrong, "{}", why);
  return now;
}

ClockFacts StoreClock::known() const {
  std::lock_guard lock(mutex_);
  ClockFacts facts{.ahead = {}, .wrong = false, .against = store_.where()};
  if (auto const store = carried_on()) {
    facts.ahead = difference(own_.utc(), *store);
    facts.wrong = wrong_;
  }
  return facts;
}

std::string StoreClock::trouble() const {
  auto const facts = known();
  return facts.wrong && facts.ahead ? wrong_clock_sentence(*facts.ahead, facts.against) : "";
}

}  // namespace haagent
