// What the error codes mean that every service of AWS's Query protocol has, and the sentences of
// those services that have no more to say about their own (all but EC2).
//
// Codes: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/aws/service_errors.h"

namespace haagent::aws {

inline constexpr auto kCommonRules = std::to_array<ServiceErrorRule>({
    {"AccessDenied", "", Kind::denied},
    {"AccessDeniedException", "", Kind::denied},
    {"SignatureDoesNotMatch", "Signature expired", Kind::denied, kCheckClock, Remedy::sign_again},
    {"SignatureDoesNotMatch", "not yet current", Kind::denied, kCheckClock, Remedy::sign_again},
    {"SignatureDoesNotMatch", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"RequestExpired", "", Kind::denied, kCheckClock, Remedy::sign_again},
    {"RequestTimeTooSkewed", "", Kind::denied, kCheckClock, Remedy::sign_again},
    {"InvalidClientTokenId", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"UnrecognizedClientException", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"ExpiredToken", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"ExpiredTokenException", "", Kind::denied, kCheckIdentity, Remedy::sign_again},
    {"OptInRequired", "", Kind::denied, kCheckAccount},

    {"Throttling", "", Kind::transient, "", Remedy::slow_down},
    {"ThrottlingException", "", Kind::transient, "", Remedy::slow_down},
    {"RequestLimitExceeded", "", Kind::transient, "", Remedy::slow_down},
    {"TooManyRequestsException", "", Kind::transient, "", Remedy::slow_down},

    {"InternalFailure", "", Kind::transient},
    {"ServiceUnavailable", "", Kind::transient},
    {"RequestTimeout", "", Kind::transient},
});

// A service's own rules, and those of all behind them.
template <std::size_t N>
constexpr auto with_common_rules(std::array<ServiceErrorRule, N> const& own) {
  std::array<ServiceErrorRule, N + kCommonRules.size()> all{};
  std::ranges::copy(kCommonRules, std::ranges::copy(own, all.begin()).out);
  return all;
}

// "autoscaling:CompleteLifecycleAction answered ...", about the call and its code; the table has
// the name of the service as permissions have it. What is denied says which permission is missing.
Error query_error(ServiceErrors const& table, std::string_view action, std::string_view code,
                  std::string_view message, int status);

}  // namespace haagent::aws
