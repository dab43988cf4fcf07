#include "bootstrap/join/master/turns.h"

#include <algorithm>

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;

constexpr double kWeight = 0.05;  // of one end

}  // namespace

void Turns::ended(SteadyTime now, bool full) {
  std::lock_guard lock(mutex_);
  auto const set = [&](std::chrono::duration<double> between) {
    between_ = std::clamp<std::chrono::duration<double>>(between, kFastest, kSlowest);
  };
  if (full && ended_) {
    std::chrono::duration<double> const took = std::min<SteadyTime::duration>(now - *ended_, 2s);
    set(between_ + kWeight * (took - between_));
  } else if (!full && turn_ > now) {
    set(between_ * (1 - kWeight));
  }
  ended_ = full ? std::optional(now) : std::nullopt;
}

std::chrono::seconds Turns::next(SteadyTime now) {
  std::lock_guard lock(mutex_);
  auto const step = std::chrono::duration_cast<SteadyTime::duration>(between_);
  // Behind the last who was sent away. Who would come too late begins a queue beside this one.
  turn_ = std::max(turn_ + step, now + kSoonest);
  if (turn_ - now > kLatest) turn_ = now + kSoonest;
  return std::chrono::floor<std::chrono::seconds>(turn_ - now);
}

}  // namespace haagent::bootstrap::join
