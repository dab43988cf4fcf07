#include "tests/support/virtual_clock.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace haagent::test {
namespace {

constexpr int kNone = -1;
thread_local int this_strand = kNone;

}  // namespace

void VirtualClock::become(int strand) {
  this_strand = strand;
}

Duration VirtualClock::elapsed() const {
  std::lock_guard lock(mutex_);
  return elapsed_;
}

void VirtualClock::at(Duration elapsed, std::function<void()> event) {
  std::lock_guard lock(mutex_);
  events_.emplace(elapsed, std::move(event));
}

void VirtualClock::change_strands(std::set<int> const& become_active, std::set<int> const& end) {
  std::unique_lock lock(mutex_);
  for (int strand : become_active) strands_.try_emplace(strand);
  for (int strand : end) {
    strands_.erase(strand);
    wake_[strand].notify_all();
  }
  move_on(lock);
}

bool VirtualClock::sleep(Duration duration, std::stop_token stop) {
  if (stop.stop_requested()) return false;
  std::unique_lock lock(mutex_);
  int const self = this_strand;
  auto found = strands_.find(self);
  if (found == strands_.end()) {
    // Its boot was stopped, or it is a thread that must not sleep.
    if (!stop.stop_requested()) ADD_FAILURE() << "a sleep outside of every strand";
    return false;
  }
  auto const ticks = std::max<Duration::rep>(1, (duration + kTick - Duration(1)) / kTick);
  found->second = {Doing::asleep, elapsed_ + ticks * kTick};
  bool const had_turn = turn_ == self;
  if (had_turn) turn_ = kNone;
  move_on(lock);
  auto awake = [&] {
    auto strand = strands_.find(self);
    return strand == strands_.end() || strand->second.doing != Doing::asleep;
  };
  if (!wake_[self].wait(lock, stop, awake) || !strands_.contains(self)) return false;
  return !had_turn || take_turn(lock, self, stop);
}

bool VirtualClock::take_turn(std::unique_lock<std::mutex>& lock, int strand,
                             std::stop_token const& stop) {
  auto found = strands_.find(strand);
  if (found == strands_.end()) return false;
  found->second.doing = Doing::wants_turn;
  move_on(lock);
  auto settled = [&] { return turn_ == strand || !strands_.contains(strand); };
  return wake_[strand].wait(lock, stop, settled) && turn_ == strand;
}

// Gives the turn away, or lets time pass, where nobody is busy.
void VirtualClock::move_on(std::unique_lock<std::mutex>& lock) {
  while (!in_event_ && !strands_.empty()) {
    Duration next = Duration::max();
    int wants = kNone;
    for (auto const& [id, strand] : strands_) {
      if (strand.doing == Doing::busy) return;
      if (strand.doing == Doing::wants_turn && wants == kNone) wants = id;
      if (strand.doing == Doing::asleep) next = std::min(next, strand.until);
    }
    if (wants != kNone) {
      strands_[wants].doing = Doing::busy;
      turn_ = wants;
      wake_[wants].notify_all();
      return;
    }
    if (!events_.empty() && events_.begin()->first <= next) {
      elapsed_ = std::max(elapsed_, events_.begin()->first);
      auto event = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      in_event_ = true;
      lock.unlock();
      event();
      lock.lock();
      in_event_ = false;
      continue;
    }
    elapsed_ = next;
    for (auto& [id, strand] : strands_) {
      if (strand.doing != Doing::asleep || strand.until > elapsed_) continue;
      strand.doing = Doing::busy;
      wake_[id].notify_all();
    }
    return;
  }
}

VirtualClock::Turn::Turn(VirtualClock& clock, int strand, std::stop_token const& stop)
    : clock_(clock) {
  this_strand = strand;
  std::unique_lock lock(clock_.mutex_);
  has_ = clock_.take_turn(lock, strand, stop);
}

VirtualClock::Turn::~Turn() {
  std::lock_guard lock(clock_.mutex_);
  if (has_ && clock_.turn_ == this_strand) clock_.turn_ = kNone;
}

}  // namespace haagent::test
