#include "agent/base/own_time.h"

namespace haagent {
namespace {
thread_local int depth = 0;
thread_local std::chrono::nanoseconds total{0};
}  // namespace

OutsideTime::OutsideTime() : began_(std::chrono::steady_clock::now()) {
  ++depth;
}

OutsideTime::~OutsideTime() {
  if (--depth == 0) total += std::chrono::steady_clock::now() - began_;
}

Duration OutsideTime::of_this_thread() {
  return std::chrono::duration_cast<Duration>(total);
}

}  // namespace haagent
