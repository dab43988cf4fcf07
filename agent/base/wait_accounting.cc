#include "agent/base/wait_accounting.h"

namespace haagent {
namespace {
thread_local int depth = 0;
thread_local std::chrono::nanoseconds total{0};
thread_local AccountedWait::Where where;
}  // namespace

AccountedWait::AccountedWait() : began_(std::chrono::steady_clock::now()) {
  if (++depth == 1) where.own_since = SteadyTime::max();
}

AccountedWait::~AccountedWait() {
  if (--depth != 0) return;
  auto const now = std::chrono::steady_clock::now();
  total += now - began_;
  where.own_since = now;
}

Duration AccountedWait::of_this_thread() {
  return std::chrono::duration_cast<Duration>(total);
}

AccountedWait::Where const* AccountedWait::where_this_thread_is() {
  return &where;
}

void AccountedWait::restart_own_time() {
  if (depth == 0) where.own_since = std::chrono::steady_clock::now();
}

}  // namespace haagent
