// This machine's clock held against the state store's.
//
// What several machines write goes by the store's time. A machine whose own clock is more than
// kClockWrong off it does nothing that others would have to believe the time of: it takes and
// sweeps no backups, makes no authority and no certificate, gives no orders. It goes on by itself
// once its clock is right.
//
// The bound is two minutes: two machines that both pass differ by four at the most, and
// certificates begin five minutes before now (bootstrap/pki/x509.h), so that each accepts what the
// other has made. AWS refuses signatures that are five minutes off, S3 those that are fifteen. A
// machine that runs chrony or systemd-timesyncd is off by milliseconds.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/state_store.h"

namespace haagent {

inline constexpr Duration kClockWrong{120'000};
inline constexpr Duration kClockRight{60'000};  // once it was wrong; so that it does not flap

// What the store has stored later than its own time by more than this, another clock has dated.
inline constexpr Duration kStoreDisagrees{300'000};

// Pure. `ahead`: this machine's clock minus the store's. `was`: what was found the last time.
bool clock_is_wrong(bool was, Duration ahead);

// "this machine's clock is 12 min ahead of s3://bucket/prefix"
std::string clock_sentence(Duration ahead, std::string const& where);
// The same, what follows from it, and what to do.
std::string wrong_clock_sentence(Duration ahead, std::string const& where);

// A Clock whose utc() is the store's time as far as the store has told it, and this machine's own
// until then; steady() and sleep() are this machine's. Shared by all who need the one answer; safe
// from several threads.
class StoreClock final : public Clock {
 public:
  // Both outlive it.
  StoreClock(StateStore& store, Clock& own) : store_(store), own_(own) {}

  // The last reading, carried on by the steady clock for an hour at the most.
  UtcTime utc() const override;
  SteadyTime steady() const override { return own_.steady(); }
  bool sleep(Duration duration, std::stop_token stop) override {
    return own_.sleep(duration, std::move(stop));
  }

  // The store's time. Errors: the store's.
  Result<UtcTime> read(std::stop_token stop);
  // The same, only while this machine's clock agrees with it. Errors also: transient with
  // wrong_clock_sentence() and ClockWrong where it does not.
  Result<UtcTime> agreed(std::stop_token stop);
  // What the last reading has found, by this machine's clock as it is now.
  ClockFacts known() const;
  // Empty where the clock was right, or nobody has said, at the last reading.
  std::string trouble() const;

 private:
  struct Reading {
    UtcTime store;
    SteadyTime at;
  };
  std::optional<UtcTime> carried_on() const;  // under mutex_

  StateStore& store_;
  Clock& own_;
  mutable std::mutex mutex_;
  std::optional<Reading> last_;
  bool wrong_ = false;
};

}  // namespace haagent
