#include "agent/aws/s3_errors.h"

#include <algorithm>
#include <array>

#include "agent/aws/denial.h"
#include "agent/base/last_words.h"

namespace haagent::aws {
namespace {

constexpr std::string_view kBucket = "check cluster.state, or make the bucket";
constexpr std::string_view kRegion = "the bucket is in another region";
constexpr std::string_view kKey =
    "check the key that encrypts the bucket, or aws.s3.kmsKeyId: it must be enabled, and its "
    "policy, "
    "and the role, must have kms:GenerateDataKey and kms:Decrypt";
constexpr std::string_view kOther =
    "the endpoint does not speak this part of S3, which the state store cannot do without";

constexpr auto kRules = std::to_array<ServiceErrorRule>({
    // Objects and conditions.
    {"NoSuchKey", "", Kind::conflict},
    {"PreconditionFailed", "", Kind::conflict},
    {"ConditionalRequestConflict", "", Kind::transient},
    {"OperationAborted", "", Kind::transient},
    {"InvalidRange", "", Kind::conflict, "the object is shorter than it was"},
    {"EntityTooLarge", "", Kind::invalid},
    {"KeyTooLongError", "", Kind::invalid, "take a shorter prefix in cluster.state"},
    {"InvalidObjectState", "", Kind::invalid,
     "the object is archived: restore it, and keep lifecycle rules off the state store"},

    // Uploads in parts: begun again, they may succeed.
    {"NoSuchUpload", "", Kind::transient},
    {"InvalidPart", "", Kind::transient},
    {"InvalidPartOrder", "", Kind::internal},
    {"EntityTooSmall", "", Kind::internal},
    {"MalformedXML", "", Kind::internal},

    // Damaged on the way.
    {"BadDigest", "", Kind::transient},
    {"InvalidDigest", "", Kind::internal},
    {"XAmzContentSHA256Mismatch", "", Kind::transient},
    {"IncompleteBody", "", Kind::transient},

    // The bucket.
    {"NoSuchBucket", "", Kind::invalid, kBucket},
    {"InvalidBucketName", "", Kind::invalid, kBucket},
    {"PermanentRedirect", "", Kind::invalid, kRegion, Remedy::other_region},
    {"TemporaryRedirect", "", Kind::transient, "a young bucket is not yet known everywhere",
     Remedy::other_region},
    {"AuthorizationHeaderMalformed", "", Kind::invalid, kRegion, Remedy::other_region},
    {"IllegalLocationConstraintException", "", Kind::invalid, kRegion, Remedy::other_region},
    {"InvalidRequest", "", Kind::invalid},
    {"InvalidArgument", "", Kind::invalid},
    {"MethodNotAllowed", "", Kind::invalid, kOther},
    {"NotImplemented", "", Kind::invalid, kOther},

    // Permissions and credentials.
    {"AccessDenied", "", Kind::denied},
    {"AllAccessDisabled", "", Kind::denied},
    {"AccountProblem", "", Kind::denied},
    {"InvalidAccessKeyId", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"InvalidToken", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"ExpiredToken", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"TokenRefreshRequired", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"SignatureDoesNotMatch", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"RequestTimeTooSkewed", "", Kind::denied, kCheckClock, Remedy::sign_again},
    {"RequestExpired", "", Kind::denied, kCheckClock, Remedy::sign_again},
    {"KMS.DisabledException", "", Kind::denied, kKey},
    {"KMS.NotFoundException", "", Kind::denied, kKey},
    {"KMS.KMSInvalidStateException", "", Kind::denied, kKey},
    {"KMS.InvalidKeyUsageException", "", Kind::denied, kKey},
    {"KMS.AccessDeniedException", "", Kind::denied, kKey},
    {"KMS.ThrottlingException", "", Kind::transient, "", Remedy::slow_down},

    // Asked too often.
    {"SlowDown", "", Kind::transient, "", Remedy::slow_down},
    {"Throttling", "", Kind::transient, "", Remedy::slow_down},
    {"ThrottlingException", "", Kind::transient, "", Remedy::slow_down},
    {"RequestLimitExceeded", "", Kind::transient, "", Remedy::slow_down},
    {"BandwidthLimitExceeded", "", Kind::transient, "", Remedy::slow_down},
    {"ServiceUnavailable", "", Kind::transient, "", Remedy::slow_down},

    // S3's own trouble.
    {"InternalError", "", Kind::transient},
    {"RequestTimeout", "", Kind::transient},
});

// An answer without a body says its code by the status alone.
std::string_view code_of_status(int status) {
  switch (status) {
    case 301:
      return "PermanentRedirect";
    case 307:
      return "TemporaryRedirect";
    case 403:
      return "AccessDenied";
    case 404:
      return "NoSuchKey";
    case 409:
      return "ConditionalRequestConflict";
    case 412:
      return "PreconditionFailed";
    case 416:
      return "InvalidRange";
    case 503:
      return "SlowDown";
    default:
      return "";
  }
}

// In one line of some length, without its final full stop. The cause stands at the end: "... with
// an explicit deny in a service control policy".
std::string plain(std::string_view message) {
  auto said = shortened(message, 600);
  std::ranges::replace_if(said, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  while (said.ends_with('.') || said.ends_with(' ')) said.pop_back();
  return said;
}

std::string denied_sentence(S3Call const& call, std::string_view message) {
  auto const named = denied_action(message);
  auto said = fmt::format("{} on {} is not allowed: {}", call.name, call.place,
                          denial_advice(call.permission, message));
  if (auto words = plain(message); !words.empty()) said += fmt::format(" ({})", words);
  if ((named.empty() ? call.permission : named) == "s3:GetObject" && !tells_why_denied(message))
    said += "; without s3:ListBucket on the bucket an absent key is answered the same way";
  return said;
}

}  // namespace

ServiceErrors const& s3_errors() {
  static ServiceErrors const table("s3", kRules);
  return table;
}

namespace {

Error error_of(S3Call const& call, std::string_view code, std::string_view message, int status) {
  auto const* rule = s3_errors().find(code, message);
  if (rule && code == "AccessDenied")
    return s3_errors().error(*rule, denied_sentence(call, message));
  auto said = code.empty() ? fmt::format("{} on {} answered {}", call.name, call.place, status)
                           : fmt::format("{} on {} answered {}", call.name, call.place,
                                         plain(code.substr(0, 60)));
  if (auto words = plain(message); !words.empty()) said += fmt::format(": {}", words);
  if (!rule) return {kind_of_status(status), std::move(said), {}};
  if (!rule->advice.empty()) said += fmt::format("; {}", rule->advice);
  return s3_errors().error(*rule, std::move(said));
}

}  // namespace

Error s3_error(S3Call const& call, std::string_view code, std::string_view message, int status) {
  if (code.empty()) code = code_of_status(status);
  auto error = error_of(call, code, message, status);
  error.message.subject = fmt::format("{} {}", call.name, code.substr(0, 60));
  return error;
}

std::string_view s3_code(Error const& error) {
  return s3_errors().code_of(error);
}

}  // namespace haagent::aws
