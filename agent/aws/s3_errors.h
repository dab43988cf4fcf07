// S3's error codes: what each means to the runner, and what the operator can do about it. A code
// stays with its Error as a number of our own category, so that s3_code() needs no sentence.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace haagent::aws {

// What the client itself does about a code before it hands it on.
enum class S3Remedy {
  none,
  slow_down,     // the service is asked too often
  sign_anew,     // with the service's time, or with new credentials, the same call may succeed
  other_region,  // the bucket is elsewhere, and the answer may say where
};

struct S3ErrorRule {
  std::string_view code;
  Kind kind;
  std::string_view advice = "";  // empty: S3's own message says enough
  S3Remedy remedy = S3Remedy::none;
};

// Codes that stand here are the ones that s3_code() knows.
std::span<S3ErrorRule const> s3_error_rules();

// A call as errors name it.
struct S3Call {
  std::string_view name;        // "s3:HeadObject"
  std::string_view permission;  // the policy's word for it: "s3:GetObject"
  std::string place;            // "s3://bucket/key"
};

// Codes without a rule are transient with a status of 5xx, 408 and 429, denied with 401 and 403,
// else invalid. Where the message names the action that is missing (kms:GenerateDataKey), that one
// is named. An empty code is that of an answer without a body, as HEAD's are.
Error s3_error(S3Call const& call, std::string_view code, std::string_view message, int status);

std::string_view s3_code(Error const& error);  // "" where it is none of the table's
S3Remedy s3_remedy(Error const& error);

}  // namespace haagent::aws
