#include "bootstrap/join/master/replays.h"

namespace haagent::bootstrap::join {

bool Replays::is_first(std::string const& signature, SteadyTime now) {
  std::lock_guard lock(mutex_);
  while (!order_.empty() && (now - order_.front().when > kRemembered || order_.size() >= kMost)) {
    seen_.erase(order_.front().signature);
    order_.pop_front();
  }
  if (!seen_.insert(signature).second) return false;
  order_.push_back({signature, now});
  return true;
}

}  // namespace haagent::bootstrap::join
