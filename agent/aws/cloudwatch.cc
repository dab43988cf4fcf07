#include "agent/aws/cloudwatch.h"

#include <array>

#include "agent/aws/denial.h"
#include "agent/aws/ec2_xml.h"
#include "agent/aws/sigv4.h"

namespace haagent::aws {
namespace {

constexpr auto kPutRules = std::to_array<ServiceErrorRule>({
    {"InvalidParameterValue", "", Kind::invalid},
    {"InvalidParameterCombination", "", Kind::invalid},
    {"MissingParameter", "", Kind::invalid},
    {"ValidationError", "", Kind::invalid},

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
    {"LimitExceeded", "", Kind::transient, "", Remedy::slow_down},

    {"InternalFailure", "", Kind::transient},
    {"InternalServiceError", "", Kind::transient},
    {"InternalServiceFault", "", Kind::transient},
    {"ServiceUnavailable", "", Kind::transient},
    {"RequestTimeout", "", Kind::transient},
});

constexpr std::string_view kPutAction = "PutMetricData";

}  // namespace

ServiceErrors const& cloudwatch_errors() {
  static ServiceErrors const table("cloudwatch", kPutRules);
  return table;
}

Error cloudwatch_error(std::string_view action, std::string_view code, std::string_view message,
                       int status) {
  auto const* rule = cloudwatch_errors().find(code, message);
  auto what = fmt::format("cloudwatch:{} answered {}", action, code);
  if (!message.empty()) what += fmt::format(": {}", message);
  auto about_call = [&](Error error) {
    error.message.subject = fmt::format("cloudwatch:{} {}", action, code.substr(0, 60));
    return error;
  };
  if (!rule) return about_call(Error(kind_of_status(status), std::move(what)));
  if (rule->kind == Kind::denied && rule->means == Remedy::none && rule->advice.empty())
    what = fmt::format("cloudwatch:{} is not allowed: {}{}", action,
                       denial_advice(fmt::format("cloudwatch:{}", action), message),
                       message.empty() ? "" : fmt::format(" ({})", message));
  if (!rule->advice.empty()) what += fmt::format("; {}", rule->advice);
  return about_call(cloudwatch_errors().error(*rule, std::move(what)));
}

std::string put_metric_data_body(std::string_view space, std::span<MetricDatum const> data) {
  auto body =
      fmt::format("Action={}&Version=2010-08-01&Namespace={}", kPutAction, uri_encode(space));
  for (std::size_t i = 0; i < data.size(); ++i) {
    auto const& datum = data[i];
    auto const member = fmt::format("&MetricData.member.{}", i + 1);
    body +=
        fmt::format("{0}.MetricName={1}{0}.Unit={2}{0}.Value={3}", member, uri_encode(datum.name),
                    uri_encode(datum.unit), uri_encode(fmt::to_string(datum.value)));
    for (std::size_t j = 0; j < datum.dimensions.size(); ++j)
      body += fmt::format("{0}.Dimensions.member.{1}.Name={2}{0}.Dimensions.member.{1}.Value={3}",
                          member, j + 1, uri_encode(datum.dimensions[j].first),
                          uri_encode(datum.dimensions[j].second));
  }
  return body;
}

// The signature names the service "monitoring", as its host does; permissions say "cloudwatch".
CloudWatchClient::CloudWatchClient(Http& http, Clock& clock, CachedCredentials& credentials,
                                   Settings settings)
    : calls_(http, clock, credentials,
             {.service = "cloudwatch",
              .signed_as = "monitoring",
              .endpoint = std::move(settings.endpoint),
              .region = std::move(settings.region),
              .user_agent = std::move(settings.user_agent),
              .errors = cloudwatch_errors(),
              .error = cloudwatch_error,
              .counts = settings.counts}) {}

Result<void> CloudWatchClient::put(std::string const& space, std::span<MetricDatum const> data,
                                   std::stop_token stop) {
  auto const answer = TRY(calls_.call(kPutAction, put_metric_data_body(space, data), stop));
  TRY_DURING(read_query_answer(kPutAction, answer), "cloudwatch:{}", kPutAction);
  return {};
}

}  // namespace haagent::aws
