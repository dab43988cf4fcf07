#include "bootstrap/hosts/waker.h"

namespace haagent::bootstrap {

void Waker::wake() {
  std::lock_guard lock(mutex_);
  changed_ = true;
  wait_.request_stop();
}

bool Waker::wait(Clock& clock, Duration at_most, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (!changed_) {
    wait_ = std::stop_source();
    std::stop_source either = wait_;
    lock.unlock();
    {
      std::stop_callback on_stop(stop, [either]() mutable { either.request_stop(); });
      clock.sleep(at_most, either.get_token());
    }
    lock.lock();
  }
  changed_ = false;
  return !stop.stop_requested();
}

}  // namespace haagent::bootstrap
