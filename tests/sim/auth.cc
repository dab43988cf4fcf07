#include "tests/sim/auth.h"
#include "agent/base/sha256.h"

#include <algorithm>

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kSkewAllowed = 5min;
constexpr auto kSkewAllowedByS3 = 15min;
constexpr std::string_view kKeyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kSecretAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The same refusal in the words of each.
std::unexpected<ApiError> refuse(std::string_view service, ApiError ec2, ApiError query,
                                 ApiError s3) {
  if (service == "ec2") return std::unexpected(std::move(ec2));
  return std::unexpected(service == "s3" ? std::move(s3) : std::move(query));
}

}  // namespace

std::string role_of(Instance const& instance) {
  return "haagent-" + (instance.from.role.empty() ? "node" : instance.from.role);
}

std::string principal_of(Caller const& caller) {
  if (caller.role.empty()) return caller.arn;
  constexpr std::string_view kSts = "arn:aws:sts::";
  auto const account =
      caller.arn.substr(kSts.size(), caller.arn.find(':', kSts.size()) - kSts.size());
  return fmt::format("arn:aws:iam::{}:role/{}", account, caller.role);
}

KeyRing::KeyRing(Region& region) : region_(region) {
  for (auto const& key : region.spec().operators) {
    keys_[key.access_key_id] = Key{
        {key.access_key_id, Secret(key.secret_access_key), Secret(), std::nullopt},
        {"operator", true, "", fmt::format("arn:aws:iam::{}:user/operator", region.spec().account),
         "AIDAOPERATOR000000000"}};
  }
}

aws::Credentials KeyRing::credentials_of(Instance const& instance) {
  std::lock_guard lock(mutex_);
  auto const now = region_.clock().utc();
  auto const lifetime = instance.metadata.credentials_lifetime;
  if (auto present = present_.find(instance.id); present != present_.end()) {
    auto const& kept = keys_[present->second].credentials;
    if (now < *kept.expiration - std::min<Duration>(lifetime / 4, 5min)) return kept;
  }
  aws::Credentials fresh{"ASIA" + region_.random_text(16, kKeyAlphabet),
                         Secret(region_.random_text(40, kSecretAlphabet)),
                         Secret("IQoJ" + region_.random_text(252, kSecretAlphabet) + "=="),
                         now + lifetime};
  auto const role = role_of(instance);
  keys_[fresh.access_key_id] = Key{
      fresh,
      {instance.id, false, role,
       fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", region_.spec().account, role, instance.id),
       fmt::format("AROAHAAGENTSIM0000000:{}", instance.id), fresh.expiration}};
  present_[instance.id] = fresh.access_key_id;
  return fresh;
}

std::optional<KeyRing::Key> KeyRing::find(std::string const& access_key_id) const {
  std::lock_guard lock(mutex_);
  auto found = keys_.find(access_key_id);
  if (found == keys_.end()) return std::nullopt;
  return found->second;
}

std::string service_of(Request const& request) {
  if (auto claim = aws::signature_claim(request.wire)) return claim->scope.service;
  auto const host = header_of(request.wire.headers, "host").value_or("");
  for (auto const* service : {"autoscaling", "monitoring", "sts"}) {
    if (host.starts_with(service)) return service;
  }
  return "ec2";
}

Api<Caller> authenticate(Request const& request, KeyRing const& keys, std::string const& region,
                         UtcTime now, std::string_view service) {
  auto const& wire = request.wire;
  auto const claim = aws::signature_claim(wire);
  if (!claim) {
    bool const is_s3 = service == "s3";
    if (!header_of(wire.headers, "authorization") &&
        wire.query.find("X-Amz-Signature=") == std::string::npos) {
      return std::unexpected(is_s3 ? ApiError{"AccessDenied", 403, "Access Denied"}
                                   : ApiError{"MissingAuthenticationToken", 403,
                                              "Request is missing Authentication Token"});
    }
    return std::unexpected(ApiError{is_s3 ? "AuthorizationHeaderMalformed" : "IncompleteSignature",
                                    400, claim.error().message.text});
  }
  ApiError const auth_failure{"AuthFailure", 401,
                              "AWS was not able to validate the provided access credentials"};
  auto const mismatch = [](std::string message) {
    return ApiError{"SignatureDoesNotMatch", 403, std::move(message)};
  };

  auto const key = keys.find(claim->access_key_id);
  ApiError const bad_token{"InvalidClientTokenId", 403,
                           "The security token included in the request is invalid."};
  if (!key) {
    return refuse(service, auth_failure, bad_token,
                  {"InvalidAccessKeyId", 403,
                   "The AWS Access Key Id you provided does not exist in our records."});
  }
  if (claim->session_token != key->credentials.session_token.reveal()) {
    return refuse(service, auth_failure, bad_token,
                  {"InvalidToken", 400, "The provided token is malformed or otherwise invalid."});
  }
  if (claim->scope.region != region) {
    return refuse(service, auth_failure,
                  mismatch(fmt::format("Credential should be scoped to a valid region, not '{}'.",
                                       claim->scope.region)),
                  {"AuthorizationHeaderMalformed", 400,
                   fmt::format("The authorization header is malformed; the region '{}' is wrong; "
                               "expecting '{}'",
                               claim->scope.region, region)});
  }

  auto const signed_at = aws::parse_amz_date(claim->time);
  if (!signed_at || !claim->time.starts_with(claim->date)) {
    return std::unexpected(ApiError{
        "IncompleteSignature", 400,
        fmt::format("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                    "date: '{}' != '{}'",
                    claim->date, claim->time)});
  }
  std::chrono::seconds const skew = service == "s3" ? kSkewAllowedByS3 : kSkewAllowed;
  ApiError const too_skewed{
      "RequestTimeTooSkewed", 403,
      "The difference between the request time and the current time is too large."};
  if (*signed_at > now + skew) {
    auto const early = mismatch(
        fmt::format("Signature not yet current: {} is still later than {} ({} + 5 min.)",
                    claim->time, aws::to_amz_date(now + kSkewAllowed), aws::to_amz_date(now)));
    return refuse(service, early, early, too_skewed);
  }
  // STS honours a presigned URL for a quarter of an hour, whatever it says.
  auto valid = skew;
  if (claim->in_query) valid = service == "sts" ? std::chrono::seconds(15min) : claim->expires;
  if (now > *signed_at + valid) {
    return refuse(
        service,
        {"RequestExpired", 400,
         fmt::format("Request has expired. Timestamp date is {}. Current date is {}",
                     to_rfc3339(*signed_at), to_rfc3339(now))},
        mismatch(fmt::format("Signature expired: {} is now earlier than {} ({} - {} min.)",
                             claim->time, aws::to_amz_date(now - valid), aws::to_amz_date(now),
                             std::chrono::duration_cast<std::chrono::minutes>(valid).count())),
        claim->in_query ? ApiError{"AccessDenied", 403, "Request has expired"} : too_skewed);
  }

  auto const is_signed = [&](std::string_view name) {
    return std::count(claim->signed_headers.begin(), claim->signed_headers.end(), name) > 0;
  };
  if (!is_signed("host")) {
    return std::unexpected(mismatch("'Host' must be a 'SignedHeader' in the AWS Authorization."));
  }
  auto const stated = header_of(wire.headers, "x-amz-content-sha256");
  if (service == "s3" && !claim->in_query && !stated) {
    return std::unexpected(ApiError{"InvalidRequest", 400,
                                    "Missing required header for this request: "
                                    "x-amz-content-sha256"});
  }
  bool const is_open = service == "s3" && stated == "UNSIGNED-PAYLOAD";
  if (service == "s3" && stated && stated->starts_with("STREAMING-")) {
    return std::unexpected(ApiError{"NotImplemented", 501,
                                    "A header you provided implies functionality that is not "
                                    "implemented: x-amz-content-sha256: " +
                                        *stated});
  }
  bool const body_is_other =
      stated && !is_open &&
      *stated != (request.large ? to_hex(request.large->sha256()) : sha256_hex(wire.body));
  if (body_is_other && service == "s3") {
    return std::unexpected(
        ApiError{"XAmzContentSHA256Mismatch", 400,
                 "The provided 'x-amz-content-sha256' header does not match what was computed."});
  }
  if (body_is_other || aws::expected_signature(wire, *claim, key->credentials.secret_access_key) !=
                           claim->signature) {
    return std::unexpected(
        mismatch("The request signature we calculated does not match the signature you provided. "
                 "Check your AWS Secret Access Key and signing method. Consult the service "
                 "documentation for details."));
  }
  if (key->credentials.expiration && now >= *key->credentials.expiration) {
    return refuse(service, {"RequestExpired", 400, "Request has expired."},
                  {"ExpiredToken", 403, "The security token included in the request is expired"},
                  {"ExpiredToken", 400, "The provided token has expired."});
  }
  return key->caller;
}

}  // namespace haagent::sim
