#include "agent/aws/cloudwatch.h"

#include <array>

#include "agent/aws/ec2_xml.h"
#include "agent/aws/query_errors.h"
#include "agent/aws/sigv4.h"

namespace haagent::aws {
namespace {

constexpr auto kPutRules = with_common_rules(std::to_array<ServiceErrorRule>({
    {"InvalidParameterValue", "", Kind::invalid},
    {"InvalidParameterCombination", "", Kind::invalid},
    {"MissingParameter", "", Kind::invalid},
    {"ValidationError", "", Kind::invalid},
    {"LimitExceeded", "", Kind::transient, "", Remedy::slow_down},
    {"InternalServiceError", "", Kind::transient},
    {"InternalServiceFault", "", Kind::transient},
}));

constexpr std::string_view kPutAction = "PutMetricData";

}  // namespace

ServiceErrors const& cloudwatch_errors() {
  static ServiceErrors const table("cloudwatch", kPutRules);
  return table;
}

Error cloudwatch_error(std::string_view action, std::string_view code, std::string_view message,
                       int status) {
  return query_error(cloudwatch_errors(), action, code, message, status);
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
