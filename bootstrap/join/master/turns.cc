#include "bootstrap/join/master/turns.h"

#include <algorithm>

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;

// Only while somebody is sent away does the time between two ends say how fast this master is.
constexpr std::chrono::seconds kCrowded{5};
constexpr double kWeight = 0.05;  // of one end

}  // namespace

void Turns::ended(SteadyTime now) {
  std::lock_guard lock(mutex_);
  bool const crowded = busy_ != SteadyTime() && now - busy_ <= kCrowded;
  if (crowded && ended_) {
    std::chrono::duration<double> const took = std::min<SteadyTime::duration>(now - *ended_, 2s);
    between_ = std::clamp<std::chrono::duration<double>>(between_ + kWeight * (took - between_),
                                                         kFastest, kSlowest);
  }
  ended_ = now;
}

std::chrono::seconds Turns::next(SteadyTime now, bool busy) {
  std::lock_guard lock(mutex_);
  if (busy) busy_ = now;
  auto const step = std::chrono::duration_cast<SteadyTime::duration>(between_);
  // Behind the last who was sent away. Who would come too late begins a queue beside this one.
  turn_ = std::max(turn_ + step, now + kSoonest);
  if (turn_ - now > kLatest) turn_ = now + kSoonest;
  return std::chrono::floor<std::chrono::seconds>(turn_ - now);
}

}  // namespace haagent::bootstrap::join
