#pragma once

#include <string_view>

#include "agent/aws/call_counts.h"
#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent::aws {

struct StsRefusal {
  Error error;  // denied, with STS' code as its subject; or transient
  CallResult result;
};
// What an answer other than 200 says.
StsRefusal sts_error(std::string_view action, HttpResponse const& response);

}  // namespace haagent::aws
