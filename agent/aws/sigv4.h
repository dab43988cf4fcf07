// Signature Version 4: "Authenticating Requests" in the AWS General Reference, held to the vectors
// that AWS publishes. Both ways round: what a client signs, and what a server computes again from
// the headers and parameters that came with a request.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/credentials.h"
#include "agent/base/clock.h"
#include "agent/base/http.h"
#include "agent/base/result.h"
#include "agent/base/secret.h"

namespace haagent::aws {

// How the path on the wire becomes the canonical one.
enum class PathRule {
  general,  // dots and double slashes resolved, then encoded once more: "%20" is "%2520"
  s3,       // as it stands, every byte encoded exactly once: a key may hold "//" and ".."
};

enum class Payload {
  hashed,             // SHA-256 of the body
  hashed_and_stated,  // and sent as x-amz-content-sha256, as S3 wants it
  not_signed,         // UNSIGNED-PAYLOAD, stated in a header; in a URL it is not stated
};

struct SigningRules {
  PathRule path = PathRule::general;
  Payload payload = Payload::hashed;
  bool sign_session_token = true;  // some services take it unsigned; EC2, S3 and STS do not
};
inline constexpr SigningRules kS3Rules{PathRule::s3, Payload::hashed_and_stated, true};

struct SigningScope {
  std::string region;   // "eu-west-1"
  std::string service;  // "ec2"
};

// Signs for one service of one region. Safe to share between threads; the derived key is kept for
// as long as day and secret stay the same.
class Signer {
 public:
  explicit Signer(SigningScope scope, SigningRules rules = {})
      : scope_(std::move(scope)), rules_(rules) {}

  // Adds x-amz-date, x-amz-security-token where there is a token, x-amz-content-sha256 by the rules
  // and authorization. Signs the host (of the URL, unless a Host header stands there) and every
  // header but those that a proxy or libcurl may change (user-agent, expect, connection ...). An
  // x-amz-content-sha256 that stands there already is taken as the payload's hash.
  void sign(HttpRequest& request, Credentials const& credentials, UtcTime now);

  // The URL with the signature in its query. Anyone who uses it must send the request's headers
  // too.
  std::string presign(HttpRequest const& request, Credentials const& credentials, UtcTime now,
                      std::chrono::seconds expires);

 private:
  std::string key(Secret const& secret, std::string const& date);

  SigningScope scope_;
  SigningRules rules_;
  std::mutex mutex_;
  Secret key_secret_;
  std::string key_date_;
  Secret key_;
};

// A request as it stands on the wire.
struct WireRequest {
  std::string method;
  std::string path;   // with its percent signs, without the query
  std::string query;  // with its percent signs, without "?"
  Headers headers;    // host included; names in any case
  std::string body;
};

// What a request says about its own signature, in its Authorization header or in its query.
struct SignatureClaim {
  std::string access_key_id;
  std::string date;  // "20260115", of the scope
  SigningScope scope;
  std::string time;                         // "20260115T101500Z"
  std::vector<std::string> signed_headers;  // lower case
  std::string signature;
  std::string session_token;        // empty: none sent
  bool in_query = false;            // a presigned URL
  std::chrono::seconds expires{0};  // of a presigned URL
};

// Errors are invalid and say which part is missing or malformed. Holds nothing against the clock
// and looks at no credentials.
Result<SignatureClaim> signature_claim(WireRequest const& request);

// The signature that the request must claim if it was signed with this secret. S3's rules for the
// service "s3", the general ones for all others. The body's hash is the header's, where it is
// stated: whether that is true of the body is a question of its own.
std::string expected_signature(WireRequest const& request, SignatureClaim const& claim,
                               Secret const& secret);

// The pieces, for tests and for anyone who needs a part.
std::string canonical_request(WireRequest const& request,
                              std::vector<std::string> const& signed_headers,
                              std::string_view payload_hash, PathRule rule);
std::string signing_key(Secret const& secret, std::string_view date, SigningScope const& scope);
std::string to_amz_date(UtcTime time);  // "20260115T101500Z"
std::optional<UtcTime> parse_amz_date(std::string_view text);
// Percent-encodes all but A-Z a-z 0-9 - . _ ~, and "/" where it is to be kept.
std::string uri_encode(std::string_view text, bool keep_slash = false);
std::string uri_decode(std::string_view text);  // "+" stays; a broken escape stays as it is

}  // namespace haagent::aws
