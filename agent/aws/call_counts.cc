#include "agent/aws/call_counts.h"

namespace haagent::aws {

std::string_view to_string(CallResult result) {
  switch (result) {
    case CallResult::ok:
      return "ok";
    case CallResult::throttled:
      return "throttled";
    case CallResult::expired:
      return "expired";
    case CallResult::redirected:
      return "redirected";
    case CallResult::denied:
      return "denied";
    case CallResult::not_found:
      return "not_found";
    case CallResult::conflict:
      return "conflict";
    case CallResult::invalid:
      return "invalid";
    case CallResult::unavailable:
      return "unavailable";
    case CallResult::unreachable:
      return "unreachable";
  }
  return "?";
}

CallResult result_of(Error const& error, int status) {
  if (status >= 500) return CallResult::unavailable;
  if (status == 404) return CallResult::not_found;
  if (status == 409 || status == 412) return CallResult::conflict;
  switch (error.kind) {
    case Kind::denied:
      return CallResult::denied;
    case Kind::conflict:
      return CallResult::conflict;
    case Kind::transient:
      return CallResult::unavailable;
    case Kind::invalid:
    case Kind::refused:
    case Kind::interrupted:
    case Kind::internal:
      break;
  }
  return CallResult::invalid;
}

void CallCounts::count(std::string_view service, std::string_view action, CallResult result) {
  std::lock_guard lock(mutex_);
  ++page_.requests[{std::string(service), std::string(action), result}];
}

void CallCounts::retried(std::string_view service) {
  std::lock_guard lock(mutex_);
  ++page_.retries[std::string(service)];
}

CallCounts::Page CallCounts::page() const {
  std::lock_guard lock(mutex_);
  return page_;
}

}  // namespace haagent::aws
