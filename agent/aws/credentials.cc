#include "agent/aws/credentials.h"

#include <algorithm>

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

constexpr auto kTryFrom = 15min;     // before the end
constexpr auto kInsistFrom = 10min;  // before the end
constexpr auto kBetweenTries = 1min;

}  // namespace

Result<Credentials> CachedCredentials::credentials(std::stop_token stop) {
  std::lock_guard lock(mutex_);
  auto now = clock_.utc();
  if (kept_ && (!kept_->expiration || now < next_try_)) return *kept_;

  auto fetched = source_.credentials(stop);
  if (!fetched) {
    bool good_for_a_while = kept_ && now < *kept_->expiration - kInsistFrom;
    if (!good_for_a_while || fetched.error().kind == Kind::interrupted) return fetched;
    next_try_ = now + kBetweenTries;
    return *kept_;
  }
  kept_ = *std::move(fetched);
  // Credentials that end soon, or have ended, are what the source has: they are used, and it is
  // asked again in a while.
  if (kept_->expiration) next_try_ = std::max(now + kBetweenTries, *kept_->expiration - kTryFrom);
  return *kept_;
}

void CachedCredentials::drop() {
  std::lock_guard lock(mutex_);
  kept_.reset();
}

}  // namespace haagent::aws
