// Amazon Resource Names: arn:<partition>:<service>:<region>:<account>:<resource>.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace haagent::aws {

struct Arn {
  std::string partition;  // "aws"
  std::string service;    // "sts"
  std::string region;     // empty where the service has none
  std::string account;
  std::string resource;  // all the rest: "assumed-role/workers/i-0123456789abcdef0"
};

// Nothing where the text does not begin with "arn" or has not all six parts.
std::optional<Arn> parse_arn(std::string_view text);

}  // namespace haagent::aws
