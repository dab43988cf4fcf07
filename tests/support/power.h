// A machine's power. Fakes carry their effects out through it, so that a test can cut it at any
// point: before an effect, or after one whose answer never arrives.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace haagent::test {

class Power {
 public:
  // It goes off at the k-th point from now; 0: never.
  void cut_at(int point, std::function<void()> when_cut) {
    std::lock_guard lock(mutex_);
    points_.clear();
    cut_at_ = point;
    when_cut_ = std::move(when_cut);
    off_ = false;
  }
  bool off() const {
    std::lock_guard lock(mutex_);
    return off_;
  }
  // "before AttachVolume vol-1", in their order.
  std::vector<std::string> points() const {
    std::lock_guard lock(mutex_);
    return points_;
  }

  // False where the power is off, or goes off here.
  bool reach(std::string point) {
    std::unique_lock lock(mutex_);
    if (off_) return false;
    points_.push_back(std::move(point));
    if (static_cast<int>(points_.size()) != cut_at_) return true;
    off_ = true;
    auto tell = when_cut_;
    lock.unlock();
    tell();
    return false;
  }

  // The effect, and its answer where there is still somebody to hear it.
  template <class Effect>
  auto carry_out(std::string const& what, Effect effect) -> decltype(effect()) {
    if (!reach("before " + what)) return fail(Kind::interrupted, "the power is off");
    auto answer = effect();
    if (!reach("after " + what)) return fail(Kind::interrupted, "the power is off");
    return answer;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> points_;
  std::function<void()> when_cut_;
  int cut_at_ = 0;
  bool off_ = false;
};

}  // namespace haagent::test
