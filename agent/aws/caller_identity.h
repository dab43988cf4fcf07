// Who somebody is, as AWS STS has it: a signed GetCallerIdentity that another one sends. Whoever
// signed it has the credentials of the role that STS then names, and of no other.
//
// Of the signed call only these four values travel; method, host, body and every header are written
// by whoever sends it, so that there is no request of the signer's to be executed (which is what
// CVE-2020-16250 and CVE-2022-2385 were). One header of ours is signed beside AWS' own. It says
// what the signature is for, and no other verifier sends it, so that a signed call is good for
// nothing else.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/aws/call_counts.h"
#include "agent/aws/credentials.h"
#include "agent/base/clock.h"
#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent::aws {

struct StsPlace {
  std::string endpoint;  // "https://sts.eu-west-1.amazonaws.com": its host is signed
  std::string region;    // signed for
};

// The header that the signature covers beside AWS' own.
struct SignedHeader {
  std::string name;   // "x-haagent-join", in lower case
  std::string value;  // letters and digits
};

struct SignedCall {
  std::string access_key_id;  // "ASIA..."
  std::string time;           // "20260115T101500Z", when it was signed
  std::string session_token;  // empty for long-term keys
  std::string signature;      // 64 hexadecimal digits
  bool operator==(SignedCall const&) const = default;
};

SignedCall sign_caller_identity(StsPlace const& place, SignedHeader const& header,
                                Credentials const& credentials, UtcTime now);

// Errors: invalid where a value is none that AWS hands out, or too long to be one.
Result<void> check_signed_call(SignedCall const& call);
// When it was signed; nothing where check_signed_call refuses it.
std::optional<UtcTime> time_of(SignedCall const& call);

struct CallerIdentity {
  std::string account;  // "123456789012"
  std::string arn;      // "arn:aws:sts::123456789012:assumed-role/workers/i-0123456789abcdef0"
  std::string user_id;  // "AROA...:i-0123456789abcdef0"
  bool operator==(CallerIdentity const&) const = default;
};

// What the ARN says of a role that somebody has assumed. A role's path is not in it.
struct AssumedRole {
  std::string partition;  // "aws"
  std::string account;
  std::string role;
  std::string session;  // of an instance's role: the instance's id
  bool operator==(AssumedRole const&) const = default;
};
// Errors: invalid where it is no assumed role, or where its three values do not agree.
Result<AssumedRole> assumed_role_of(CallerIdentity const& caller);

// The answer, read strictly: one root of STS' namespace, each value once, nothing else beside the
// request's id. Errors: transient.
Result<CallerIdentity> read_caller_identity(std::string_view xml);

class Sts {
 public:
  virtual ~Sts() = default;
  // Errors: denied where STS does not take the signature, for whatever reason; its own words are in
  // the text. Transient where nobody can say now.
  virtual Result<CallerIdentity> caller_identity(SignedHeader const& header, SignedCall const& call,
                                                 std::stop_token stop) = 0;
};

class StsClient final : public Sts {
 public:
  // No answer is longer, and none takes longer than this.
  static constexpr std::size_t kAnswerCap = 16u << 10u;
  static constexpr Duration kDeadline{5'000};

  StsClient(Http& http, StsPlace place, CallCounts* counts = nullptr)
      : http_(http), place_(std::move(place)), counts_(counts) {}
  Result<CallerIdentity> caller_identity(SignedHeader const& header, SignedCall const& call,
                                         std::stop_token stop) override;

 private:
  Http& http_;
  StsPlace place_;
  CallCounts* counts_;
};

}  // namespace haagent::aws
