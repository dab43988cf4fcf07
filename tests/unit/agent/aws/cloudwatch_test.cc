#include "agent/aws/cloudwatch.h"

#include <gtest/gtest.h>

#include "agent/aws/denial.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_http.h"
#include "tests/unit/agent/aws/query_error_cases.h"

namespace haagent::aws {
namespace {

using test::answer;

constexpr QueryErrorCase kPutCases[] = {
    {"InvalidParameterValue", "The value AWS/x for parameter Namespace is invalid.", Kind::invalid},
    {"InvalidParameterCombination", "", Kind::invalid},
    {"MissingParameter", "", Kind::invalid},
    {"ValidationError", "", Kind::invalid},
    {"LimitExceeded", "", Kind::transient, Remedy::slow_down},
    {"InternalServiceError", "", Kind::transient},
    {"InternalServiceFault", "", Kind::transient},
};

TEST(CloudWatchErrors, EachEntryOfTheTable) {
  expect_each_entry(cloudwatch_errors(), kPutCases, "PutMetricData", cloudwatch_error);
}

TEST(CloudWatchErrors, AnUnknownCodeGoesByItsStatus) {
  expect_unknown_codes_go_by_status(cloudwatch_error);
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
