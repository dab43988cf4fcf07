#include "agent/base/server_time.h"

namespace haagent {
namespace {

constexpr Duration kHalfASecond{500};  // whole seconds are cut off, not rounded

}  // namespace

void ServerTime::heard(UtcTime date, SteadyTime sent) {
  auto const now = clock_.steady();
  if (now - sent > kLongestAnswer) return;
  std::lock_guard lock(mutex_);
  date_ = date + kHalfASecond;
  at_ = now;
}

std::optional<UtcTime> ServerTime::now() const {
  auto const now = clock_.steady();
  std::lock_guard lock(mutex_);
  if (!date_ || now - at_ > kBelieved) return std::nullopt;
  return *date_ + std::chrono::duration_cast<UtcTime::duration>(now - at_);
}

}  // namespace haagent
