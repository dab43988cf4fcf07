#include "agent/aws/ec2_errors.h"

#include <array>

#include "agent/aws/denial.h"
#include "agent/aws/ec2.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kKey =
    "the volume is encrypted with a KMS key that this role may not use, or that is disabled or "
    "about "
    "to be deleted: see the key's state, and let its policy, and the role, have kms:CreateGrant "
    "(with the condition kms:GrantIsForAWSResource), kms:Decrypt and kms:DescribeKey";
constexpr auto kRules = std::to_array<ServiceErrorRule>({
    // Attachments. A master that has only just booted may still be pending, for seconds.
    {"VolumeInUse", "", Kind::conflict},
    {"IncorrectState", "is not 'running'", Kind::transient, "", Remedy::none, 2s},
    {"IncorrectState", "", Kind::conflict},
    {"InvalidParameterValue", "already in use", Kind::conflict, "take another device name"},
    {"InvalidParameterValue", "", Kind::invalid},
    {"AttachmentLimitExceeded", "", Kind::internal,
     "the instance type has no slot left; detach a volume or take a larger type"},
    {"InvalidVolume.ZoneMismatch", "", Kind::invalid,
     "a volume can be attached in its own zone only"},
    {"InvalidVolume.NotFound", "", Kind::conflict,
     "it is deleted, not yet visible, or of another region or account"},
    {"InvalidAttachment.NotFound", "", Kind::conflict},
    {"InvalidInstanceID.NotFound", "", Kind::transient,
     "a young instance is not yet visible; else it is long gone, or of another region"},
    {"InvalidVolumeID.Malformed", "", Kind::internal},
    {"InvalidInstanceID.Malformed", "", Kind::internal},
    {"UnsupportedOperation", "", Kind::invalid},
    {"UnsupportedOperationException", "", Kind::invalid},
    {"TagLimitExceeded", "", Kind::invalid, "a resource has room for 50 tags"},

    // Asked too often: every instance of the account and region draws from one bucket.
    {"RequestLimitExceeded", "", Kind::transient, "", Remedy::slow_down},
    {"Throttling", "", Kind::transient, "", Remedy::slow_down},
    {"ThrottlingException", "", Kind::transient, "", Remedy::slow_down},
    {"ThrottledException", "", Kind::transient, "", Remedy::slow_down},
    {"RequestThrottled", "", Kind::transient, "", Remedy::slow_down},
    {"RequestThrottledException", "", Kind::transient, "", Remedy::slow_down},
    {"TooManyRequestsException", "", Kind::transient, "", Remedy::slow_down},
    {"SlowDown", "", Kind::transient, "", Remedy::slow_down},
    {"EC2ThrottledException", "", Kind::transient, "", Remedy::slow_down},
    {"BandwidthLimitExceeded", "", Kind::transient, "", Remedy::slow_down},

    // Permissions and credentials. The first one is the good answer to a dry run.
    {"DryRunOperation", "", Kind::conflict, "the call was marked as a dry run"},
    {"UnauthorizedOperation", "", Kind::denied},
    {"InvalidKMSKey.InvalidState", "", Kind::denied, kKey},
    {"Client.InvalidKMSKey.InvalidState", "", Kind::denied, kKey},
    {"KMSKeyNotAccessibleFault", "", Kind::denied, kKey},
    {"KMS.DisabledException", "", Kind::denied, kKey},
    {"KMS.NotFoundException", "", Kind::denied, kKey},
    {"KMS.KMSInvalidStateException", "", Kind::denied, kKey},
    {"KMS.InvalidStateException", "", Kind::denied, kKey},
    {"KMS.AccessDeniedException", "", Kind::denied, kKey},
    {"SignatureDoesNotMatch", "Signature expired", Kind::denied, kCheckClock, Remedy::sign_again},
    {"SignatureDoesNotMatch", "not yet current", Kind::denied, kCheckClock, Remedy::sign_again},
    {"SignatureDoesNotMatch", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"RequestExpired", "", Kind::denied, kCheckClock, Remedy::sign_again},
    {"RequestTimeTooSkewed", "", Kind::denied, kCheckClock, Remedy::sign_again},
    {"AuthFailure", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"InvalidClientTokenId", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"UnrecognizedClientException", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"ExpiredToken", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"ExpiredTokenException", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"OptInRequired", "", Kind::denied, kCheckAccount},
    {"Blocked", "", Kind::denied, kCheckAccount},
    {"PendingVerification", "", Kind::denied, kCheckAccount},
    {"AccountDisabled", "", Kind::denied, kCheckAccount},

    // AWS's own trouble.
    {"InternalError", "", Kind::transient},
    {"InternalFailure", "", Kind::transient},
    {"ServiceUnavailable", "", Kind::transient},
    {"Unavailable", "", Kind::transient},
    {"RequestTimeout", "", Kind::transient},
    {"RequestTimeoutException", "", Kind::transient},
    {"PriorRequestNotComplete", "", Kind::transient},
});

// "You are not authorized to perform this operation. User: ... Encoded authorization failure
// message: <hundreds of letters>" without the encoded part, or its final full stop.
std::string_view plain(std::string_view message) {
  message = message.substr(0, message.find("Encoded authorization failure message"));
  auto end = message.find_last_not_of(" .\n");
  return end == std::string_view::npos ? "" : message.substr(0, end + 1);
}

std::string sentence(std::string_view action, std::string_view code, std::string_view message,
                     std::string_view advice) {
  if (code == "UnauthorizedOperation") {
    auto said = fmt::format("ec2:{} is not allowed: {} ({})", action,
                            denial_advice(fmt::format("ec2:{}", action), message), plain(message));
    if (!tells_why_denied(message))
      said += "; where it has it, 'haagent preflight' shows how to find what denies it";
    return said;
  }
  auto said = fmt::format("ec2:{} answered {}", action, code);
  if (auto words = plain(message); !words.empty()) said += fmt::format(": {}", words);
  if (!advice.empty()) said += fmt::format("; {}", advice);
  return said;
}

}  // namespace

ServiceErrors const& ec2_errors() {
  static ServiceErrors const table("ec2", kRules);
  return table;
}

Error ec2_error(std::string_view action, std::string_view code, std::string_view message,
                int status) {
  auto const* rule = ec2_errors().find(code, message);
  auto error = rule ? ec2_errors().error(*rule, sentence(action, code, message, rule->advice))
                    : Error(kind_of_status(status), sentence(action, code, message, ""));
  error.message.subject = fmt::format("ec2:{} {}", action, code.substr(0, 60));
  return error;
}

Error ec2_error_in_full(std::string_view action, std::string_view code, std::string_view message,
                        int status) {
  auto error = ec2_error(action, code, message, status);
  if (auto const encoded = encoded_denial(message); !encoded.empty() && !tells_why_denied(message))
    error.message.text += worded(
        fmt::format("; what denies it says, to who may ask: 'aws sts decode-authorization-message "
                    "--query DecodedMessage --output text --encoded-message {}'",
                    encoded));
  return error;
}

std::string_view ec2_code(Error const& error) {
  return ec2_errors().code_of(error);
}

}  // namespace haagent::aws
