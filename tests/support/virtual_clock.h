// Time for whole boots in memory, at the speed of the processor and the same in every run: it
// stands still while any row has something to do, moves straight to the next moment at which one
// wakes up, and lets one row work at a time, always in the same order.
//
// A row's thread is a strand, known by a number. A strand is active from when it may begin until it
// has ended; time moves only while every active strand sleeps. Threads that a strand waits for (an
// etcd that is asked on the side) are part of its turn and must not sleep.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>

#include "agent/base/clock.h"

namespace haagent::test {

class VirtualClock final : public Clock {
 public:
  // 2026-01-15T10:15:00Z
  static constexpr UtcTime kStart{std::chrono::seconds(1768472100)};
  // Every sleep is rounded up to it, so that the jitter of a retry is the same each time.
  static constexpr Duration kTick{100};

  UtcTime utc() const override { return kStart + elapsed(); }
  SteadyTime steady() const override { return SteadyTime(std::chrono::hours(1)) + elapsed(); }
  Duration elapsed() const;
  // Only from a strand.
  bool sleep(Duration duration, std::stop_token stop) override;

  // The world's own doings, at that time since the start, between two turns.
  void at(Duration elapsed, std::function<void()> event);

  // Both at once: time does not move in between. A strand that becomes active is taken for busy
  // until it sleeps.
  void change_strands(std::set<int> const& become_active, std::set<int> const& end);

  // The calling thread's work as that strand: one at a time has the turn. False: stopped before.
  class Turn {
   public:
    Turn(VirtualClock& clock, int strand, std::stop_token const& stop);
    ~Turn();
    Turn(Turn const&) = delete;
    Turn& operator=(Turn const&) = delete;
    explicit operator bool() const { return has_; }

   private:
    VirtualClock& clock_;
    bool has_;
  };

  // The calling thread is this strand, without a turn of its own yet.
  static void become(int strand);

 private:
  enum class Doing { busy, wants_turn, asleep };
  struct Strand {
    Doing doing = Doing::busy;
    Duration until{0};
  };

  bool take_turn(std::unique_lock<std::mutex>& lock, int strand, std::stop_token const& stop);
  void move_on(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  std::map<int, std::condition_variable_any> wake_;  // a strand's own: hundreds of threads may wait
  Duration elapsed_{0};
  std::map<int, Strand> strands_;
  int turn_ = -1;
  std::multimap<Duration, std::function<void()>> events_;
  bool in_event_ = false;
};

}  // namespace haagent::test
