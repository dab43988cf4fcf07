// EC2's error codes: what each means to the runner, and what the operator can do about it. A code
// stays with its Error as a number of our own category, so that ec2_code() needs no sentence.
#pragma once

#include <span>
#include <string_view>

#include "agent/base/result.h"

namespace haagent::aws {

// What the client itself does about a code before it hands it on.
enum class Ec2Remedy {
  none,
  slow_down,  // the service is asked too often
  sign_anew,  // with the service's time, or with new credentials, the same call may succeed
};

struct Ec2ErrorRule {
  std::string_view code;
  std::string_view when;  // part of the message that the rule asks for; empty: any message
  Kind kind;
  std::string_view advice = "";  // empty: EC2's own message says enough
  Ec2Remedy remedy = Ec2Remedy::none;
  std::optional<std::chrono::milliseconds> retry_cap = {};  // as in Error
};

// The first rule that fits decides. Codes that stand here are the ones that ec2_code() knows.
std::span<Ec2ErrorRule const> ec2_error_rules();

// The error answered to `action` ("AttachVolume"). Codes without a rule are transient with a status
// of 5xx, denied with 401 and 403, else invalid. What to do about a denial is denial.h's. The
// encoded part of an authorization failure is left out.
Error ec2_error(std::string_view action, std::string_view code, std::string_view message,
                int status = 400);

// The same, and how to decode what EC2 has encoded, where its words do not tell what denies the
// call. It is long and another one at each call: for a page that somebody reads once, not for a
// log.
Error ec2_error_in_full(std::string_view action, std::string_view code, std::string_view message,
                        int status);

// The remedy of the rule that the error was made by.
Ec2Remedy ec2_remedy(Error const& error);

}  // namespace haagent::aws
