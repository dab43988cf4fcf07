// One call of AWS's Query protocol (EC2, Auto Scaling, CloudWatch): a form signed with SigV4, an
// XML answer. It retries nothing, with two exceptions that belong to the protocol: credentials that
// the service calls expired are renewed, and a clock that the service calls skewed is corrected by
// its Date header; each once a call. Throttling slows all calls of one QueryCalls down (an adaptive
// rate) and comes back as transient.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/aws/call_counts.h"
#include "agent/aws/credentials.h"
#include "agent/aws/ec2_errors.h"
#include "agent/base/clock.h"
#include "agent/base/http.h"

namespace haagent::aws {

struct QuerySettings {
  std::string service;         // as permissions name it: "ec2", "autoscaling"
  std::string signed_as = {};  // where the signature has another name for it; empty: the same
  std::string endpoint;        // "https://ec2.eu-west-1.amazonaws.com"
  std::string region;          // signed for
  std::string user_agent = "haagent";
  // The service's own table, and its sentences.
  ServiceErrors const& errors = ec2_errors();
  Error (*error)(std::string_view action, std::string_view code, std::string_view message,
                 int status) = ec2_error;
  CallCounts* counts = nullptr;  // null: nobody asks
};

class QueryCalls {
 public:
  QueryCalls(Http& http, Clock& clock, CachedCredentials& credentials, QuerySettings settings);
  ~QueryCalls();

  // The body of the answer. `action` is for sentences, `body` holds it too.
  Result<std::string> call(std::string_view action, std::string const& body,
                           std::stop_token const& stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace haagent::aws
