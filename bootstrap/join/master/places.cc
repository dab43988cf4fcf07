#include "bootstrap/join/master/places.h"

namespace haagent::bootstrap::join {

Places::Place Places::take(std::string const& nonce) {
  std::lock_guard const lock(mutex_);
  if (taken_.size() >= most_) return nullptr;
  taken_.insert(nonce);
  auto leave = [this, nonce](void*) {
    std::lock_guard const again(mutex_);
    taken_.erase(taken_.find(nonce));
  };
  return {this, std::move(leave)};
}

bool Places::holds(std::string const& nonce) const {
  std::lock_guard const lock(mutex_);
  return taken_.contains(nonce);
}

bool Places::are_taken() const {
  std::lock_guard const lock(mutex_);
  return taken_.size() >= most_;
}

}  // namespace haagent::bootstrap::join
