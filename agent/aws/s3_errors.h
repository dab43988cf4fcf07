// S3's error codes: what each means to the runner, and what the operator can do about it.
#pragma once

#include <string>
#include <string_view>

#include "agent/aws/service_errors.h"

namespace haagent::aws {

// Codes that stand here are the ones that s3_code() knows.
ServiceErrors const& s3_errors();

// A call as errors name it.
struct S3Call {
  std::string_view name;        // "s3:HeadObject"
  std::string_view permission;  // the policy's word for it: "s3:GetObject"
  std::string place;            // "s3://bucket/key"
};

// Codes without a rule go by the status (kind_of_status). Where the message names the action that
// is missing (kms:GenerateDataKey), that one is named. An empty code is that of an answer without a
// body, as HEAD's are.
Error s3_error(S3Call const& call, std::string_view code, std::string_view message, int status);

std::string_view s3_code(Error const& error);  // "" where it is none of the table's

}  // namespace haagent::aws
