// EC2's error codes: what each means to the runner, and what the operator can do about it.
#pragma once

#include <string_view>

#include "agent/aws/service_errors.h"

namespace haagent::aws {

// Codes that stand here are the ones that ec2_code() knows.
ServiceErrors const& ec2_errors();

// The error answered to `action` ("AttachVolume"). Codes without a rule go by the status
// (kind_of_status). What to do about a denial is denial.h's. The encoded part of an authorization
// failure is left out.
Error ec2_error(std::string_view action, std::string_view code, std::string_view message,
                int status = 400);

// The same, and how to decode what EC2 has encoded, where its words do not tell what denies the
// call. It is long and another one at each call: for a page that somebody reads once, not for a
// log.
Error ec2_error_in_full(std::string_view action, std::string_view code, std::string_view message,
                        int status);

}  // namespace haagent::aws
