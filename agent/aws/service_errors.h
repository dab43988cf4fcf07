// How the tables of AWS's error codes are written: ec2_errors, s3_errors, autoscaling.
#pragma once

#include <string_view>

#include "agent/base/error_table.h"

namespace haagent::aws {

// What the client itself does about a code before it hands it on.
enum class Remedy {
  none,
  slow_down,     // the service is asked too often
  sign_again,    // with the service's time, or with new credentials, the same call may succeed
  other_region,  // S3's alone: the bucket is elsewhere, and the answer may say where
};

using ServiceErrorRule = ErrorRule<std::string_view, Remedy>;
using ServiceErrors = ErrorTable<std::string_view, Remedy>;

// Advice that several services share.
inline constexpr std::string_view kCheckClock = "check the clock of this machine";
inline constexpr std::string_view kCheckIdentity =
    "the credentials of the instance's role are not accepted; check that the role still exists";
inline constexpr std::string_view kCheckAccount =
    "the account, or the region in it, is not enabled";

}  // namespace haagent::aws
