#include "agent/aws/cloudwatch.h"

#include <gtest/gtest.h>

#include "agent/aws/denial.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_http.h"

namespace haagent::aws {
namespace {

using test::answer;

struct PutCase {
  std::string_view code;
  std::string_view message;
  Kind kind;
  Remedy remedy = Remedy::none;
};

// One row an entry of the table, in its order.
constexpr PutCase kPutCases[] = {
    {"InvalidParameterValue", "The value AWS/x for parameter Namespace is invalid.", Kind::invalid},
    {"InvalidParameterCombination", "", Kind::invalid},
    {"MissingParameter", "", Kind::invalid},
    {"ValidationError", "", Kind::invalid},
    {"AccessDenied", "User: u is not authorized to perform: a", Kind::denied},
    {"AccessDeniedException", "", Kind::denied},
    {"SignatureDoesNotMatch", "Signature expired: 1", Kind::denied, Remedy::sign_again},
    {"SignatureDoesNotMatch", "Signature not yet current: 1", Kind::denied, Remedy::sign_again},
    {"SignatureDoesNotMatch", "", Kind::denied, Remedy::sign_again},
    {"RequestExpired", "", Kind::denied, Remedy::sign_again},
    {"RequestTimeTooSkewed", "", Kind::denied, Remedy::sign_again},
    {"InvalidClientTokenId", "", Kind::denied, Remedy::sign_again},
    {"UnrecognizedClientException", "", Kind::denied, Remedy::sign_again},
    {"ExpiredToken", "", Kind::denied, Remedy::sign_again},
    {"ExpiredTokenException", "", Kind::denied, Remedy::sign_again},
    {"OptInRequired", "", Kind::denied},
    {"Throttling", "", Kind::transient, Remedy::slow_down},
    {"ThrottlingException", "", Kind::transient, Remedy::slow_down},
    {"RequestLimitExceeded", "", Kind::transient, Remedy::slow_down},
    {"TooManyRequestsException", "", Kind::transient, Remedy::slow_down},
    {"LimitExceeded", "", Kind::transient, Remedy::slow_down},
    {"InternalFailure", "", Kind::transient},
    {"InternalServiceError", "", Kind::transient},
    {"InternalServiceFault", "", Kind::transient},
    {"ServiceUnavailable", "", Kind::transient},
    {"RequestTimeout", "", Kind::transient},
};

TEST(CloudWatchErrors, EachEntryOfTheTable) {
  auto const rules = cloudwatch_errors().rules();
  ASSERT_EQ(rules.size(), std::size(kPutCases));
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto const& each = kPutCases[i];
    EXPECT_EQ(rules[i].code, each.code);
    auto const error = cloudwatch_error("PutMetricData", each.code, each.message);
    EXPECT_EQ(error.kind, each.kind) << each.code << ": " << each.message;
    EXPECT_EQ(cloudwatch_errors().means(error), each.remedy) << each.code;
    EXPECT_EQ(error.code.value(), static_cast<int>(i) + 1) << each.code;
    EXPECT_TRUE(error.message.text.starts_with("cloudwatch:PutMetricData")) << error.message.text;
  }
}

TEST(CloudWatchErrors, AnUnknownCodeGoesByItsStatus) {
  EXPECT_EQ(cloudwatch_error("A", "New", "m", 500).kind, Kind::transient);
  EXPECT_EQ(cloudwatch_error("A", "New", "m", 403).kind, Kind::denied);
  EXPECT_EQ(cloudwatch_error("A", "New", "m", 400).kind, Kind::invalid);
}

TEST(CloudWatchErrors, AMissingPermissionIsNamed) {
  auto const error = cloudwatch_error("PutMetricData", "AccessDenied", "User: u");
  EXPECT_EQ(error.message.reason, Reason::PermissionDenied);
  EXPECT_TRUE(
      error.message.text.contains(worded(denial_advice("cloudwatch:PutMetricData", "User: u"))))
      << error.message.text;
}

class PuttersKeys final : public CredentialSource {
 public:
  Result<Credentials> credentials(std::stop_token) override {
    return Credentials{"KEY", Secret("secret"), Secret("token"), {}};
  }
};

class CloudWatchClientTest : public testing::Test {
 protected:
  // With the names and in the order of AWS's own client.
  static constexpr char kForm[] =
      "Action=PutMetricData&Version=2010-08-01&Namespace=haagent%20%2F%20prod"
      "&MetricData.member.1.MetricName=DiskUsed&MetricData.member.1.Unit=Percent"
      "&MetricData.member.1.Value=12.5"
      "&MetricData.member.1.Dimensions.member.1.Name=Cluster"
      "&MetricData.member.1.Dimensions.member.1.Value=prod.example.com"
      "&MetricData.member.1.Dimensions.member.2.Name=Role"
      "&MetricData.member.1.Dimensions.member.2.Value=master"
      "&MetricData.member.2.MetricName=NodeReady&MetricData.member.2.Unit=Count"
      "&MetricData.member.2.Value=1";
  std::vector<MetricDatum> const data = {
      {"DiskUsed", "Percent", 12.5, {{"Cluster", "prod.example.com"}, {"Role", "master"}}},
      {"NodeReady", "Count", 1, {}}};

  static std::string post() {
    return std::string("POST https://monitoring.eu-west-1.amazonaws.com/ ") + kForm;
  }
  test::FakeClock clock;
  test::ScriptedHttp http;
  PuttersKeys keys;
  CachedCredentials credentials{keys, clock};
  CallCounts counts;
  CloudWatchClient client{http,
                          clock,
                          credentials,
                          {.endpoint = "https://monitoring.eu-west-1.amazonaws.com",
                           .region = "eu-west-1",
                           .counts = &counts}};
};

TEST_F(CloudWatchClientTest, PutsSignedForItsHostAndCountedByItsPermission) {
  http.on(post(), answer(200,
                         "<PutMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/"
                         "2010-08-01/\"><ResponseMetadata><RequestId>r</RequestId>"
                         "</ResponseMetadata></PutMetricDataResponse>"));
  auto const put = client.put("haagent / prod", data, {});
  ASSERT_TRUE(put) << put.error().message.text;
  bool signed_for_it = false;
  auto const sent = http.requests();
  for (auto const& [name, value] : sent.front().headers) {
    if (name == "authorization")
      signed_for_it = value.find("/eu-west-1/monitoring/aws4_request") != value.npos;
  }
  EXPECT_TRUE(signed_for_it);
  auto const page = counts.page();
  EXPECT_TRUE(page.requests.contains({"cloudwatch", "PutMetricData", CallResult::ok}));
}

TEST_F(CloudWatchClientTest, AProxysPageIsNoAnswer) {
  http.on(post(), answer(200, "<html/>"));
  auto const put = client.put("haagent / prod", data, {});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, Kind::transient);
}

TEST_F(CloudWatchClientTest, ARefusalIsDenied) {
  http.on(post(),
          answer(403,
                 "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>"
                 "User: u is not authorized to perform: cloudwatch:PutMetricData because no "
                 "identity-based policy allows the cloudwatch:PutMetricData action</Message>"
                 "</Error><RequestId>r</RequestId></ErrorResponse>"));
  auto const put = client.put("haagent / prod", data, {});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, Kind::denied);
  EXPECT_TRUE(counts.page().requests.contains({"cloudwatch", "PutMetricData", CallResult::denied}));
}

}  // namespace
}  // namespace haagent::aws
