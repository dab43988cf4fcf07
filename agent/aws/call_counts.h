// What was asked of AWS, and what came of it, for GET /metrics. Every request that a client sends
// is counted once, so that what stands here is what AWS bills and throttles. Safe to share between
// threads.
//
// Bounded: services and actions are the names that stand in the clients' sources, results those of
// CallResult; nothing that an answer says becomes a label.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace haagent::aws {

enum class CallResult {
  ok,
  throttled,    // the service is asked too often
  expired,      // the signature's time or its credentials
  redirected,   // the bucket is in another region
  denied,       // a permission is missing
  not_found,    // there is no such thing, which may be what was asked
  conflict,     // it is otherwise than the request says
  invalid,      // the request is wrong
  unavailable,  // trouble on the service's side
  unreachable,  // no answer
};
std::string_view to_string(CallResult result);

// Of an answer that is an error. `throttled`, `expired` and `redirected` are for the client to
// know.
CallResult result_of(Error const& error, int status);

class CallCounts {
 public:
  struct Of {
    std::string service;  // "ec2"
    std::string action;   // "DescribeVolumes"
    CallResult result;
    auto operator<=>(Of const&) const = default;
  };
  struct Page {
    std::map<Of, std::uint64_t> requests;
    std::map<std::string, std::uint64_t> retries;  // by service
  };

  void count(std::string_view service, std::string_view action, CallResult result);
  // A request is sent that was sent before: signed again, to another region, or after a pause.
  void retried(std::string_view service);
  Page page() const;

 private:
  mutable std::mutex mutex_;
  Page page_;
};

}  // namespace haagent::aws
