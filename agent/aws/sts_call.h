// One question to STS, sent and counted. It retries nothing.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "agent/aws/call_counts.h"
#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent::aws {

struct StsCall {
  std::string_view action;  // "GetCallerIdentity"
  HttpRequest request;      // signed
  CallCounts* counts;       // null: nobody asks
};

// The body of an answer of 200, which is not counted yet. Errors: denied, with STS' code as the
// subject; interrupted; transient for everything else: who answers for STS, and with how much, says
// nothing of who signed.
Result<std::string> sts_body(Http& http, StsCall const& call, std::stop_token stop);

// What `read` makes of it; its errors come back as they are.
template <class T>
Result<T> ask_sts(Http& http, StsCall const& call, Result<T> (*read)(std::string_view),
                  std::stop_token stop) {
  auto const body = TRY(sts_body(http, call, std::move(stop)));
  auto answer = read(body);
  if (call.counts)
    call.counts->count("sts", call.action, answer ? CallResult::ok : CallResult::unavailable);
  if (!answer) return fail(answer.error(), "sts:{}", call.action);
  return answer;
}

}  // namespace haagent::aws
