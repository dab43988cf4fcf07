#include "agent/base/wait_accounting.h"

#include <utility>

namespace haagent {
namespace {

using namespace std::chrono_literals;

constexpr auto kSeen = 5ms;
constexpr auto kClosely = 5ms;
constexpr std::size_t kKept = 64;

thread_local int depth = 0;
thread_local std::chrono::nanoseconds total{0};
thread_local AccountedWait::Where where;
thread_local std::vector<AccountedWait::Timed> timed;

void keep(AccountedWait::Timed const& wait) {
  if (wait.what == WaitFor::pause || wait.ended - wait.began < kSeen) return;
  if (!timed.empty() && timed.back().what == wait.what &&
      wait.began - timed.back().ended < kClosely) {
    timed.back().ended = wait.ended;
  } else if (timed.size() < kKept) {
    timed.push_back(wait);
  }
}

}  // namespace

AccountedWait::AccountedWait(WaitFor what) : what_(what), began_(std::chrono::steady_clock::now()) {
  if (++depth == 1) where.own_since = SteadyTime::max();
}

AccountedWait::~AccountedWait() {
  if (--depth != 0) return;
  auto const now = std::chrono::steady_clock::now();
  total += now - began_;
  where.own_since = now;
  keep({.what = what_, .began = began_, .ended = now});
}

Duration AccountedWait::of_this_thread() {
  return std::chrono::duration_cast<Duration>(total);
}

void AccountedWait::count_as_own(Duration own) {
  if (depth == 0) total -= own;
}

std::vector<AccountedWait::Timed> AccountedWait::take_of_this_thread() {
  return std::exchange(timed, {});
}

AccountedWait::Where const* AccountedWait::where_this_thread_is() {
  return &where;
}

void AccountedWait::restart_own_time() {
  if (depth == 0) where.own_since = std::chrono::steady_clock::now();
}

}  // namespace haagent
