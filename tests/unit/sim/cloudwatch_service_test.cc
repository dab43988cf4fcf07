#include "tests/sim/cloudwatch_service.h"

#include <gtest/gtest.h>

#include <cmath>

#include "agent/aws/cloudwatch.h"
#include "tests/support/shipped_policy.h"
#include "tests/unit/sim/service_test.h"

namespace haagent::sim {
namespace {

// Its role may do what the launch templates let it.
RegionSpec with_metrics() {
  auto spec = three_zones();
  spec.policies = {{"haagent-master",
                    IamPolicy::parse(test::shipped_policy("metrics", "demo", "state")).value()}};
  return spec;
}

struct CloudWatchServiceTest : testing::Test, ServiceWorld {
  CloudWatchServiceTest() : ServiceWorld(with_metrics()) { boot(); }

  // As the agent sends it.
  Response put(std::string const& space, std::vector<aws::MetricDatum> const& data) {
    Parameters parameters;
    Form const form(aws::put_metric_data_body(space, data));
    for (auto const* name : {"Action", "Version", "Namespace"})
      parameters.emplace_back(name, form.text(name));
    for (auto const& member : form.items("MetricData.member")) {
      for (auto const* name : {".MetricName", ".Unit", ".Value"})
        parameters.emplace_back(member + name, form.text(member + name));
      for (auto const& each : form.items(member + ".Dimensions.member"))
        for (auto const* name : {".Name", ".Value"})
          parameters.emplace_back(each + name, form.text(each + name));
    }
    return call_as(member("masters-a"), parameters, "monitoring");
  }
};

TEST_F(CloudWatchServiceTest, WhatIsPutIsThere) {
  auto const answer =
      put("haagent", {{"DiskUsed", "Percent", 12.5, {{"Cluster", "c"}, {"Role", "master"}}},
                      {"NodeReady", "Count", 1, {}}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(text(answer.body, "/PutMetricDataResponse/ResponseMetadata/RequestId").empty(), false);
  auto const all = region.metrics().all();
  ASSERT_EQ(all.size(), 2u);
  auto const& disk = all.at({"haagent", "DiskUsed", {{"Cluster", "c"}, {"Role", "master"}}});
  EXPECT_EQ(disk.newest, 12.5);
  EXPECT_EQ(disk.unit, "Percent");
  EXPECT_EQ(disk.caller, member("masters-a").id);
}

TEST_F(CloudWatchServiceTest, AnotherNamespaceIsNotAllowed) {
  auto const answer = put("AnotherTeams", {{"NodeReady", "Count", 1, {}}});
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(error_code(answer), "AccessDenied");
  EXPECT_TRUE(region.metrics().all().empty());
}

TEST_F(CloudWatchServiceTest, WhatCloudWatchRefuses) {
  std::vector<std::pair<std::string, std::string>> many;
  many.reserve(31);
  for (int i = 0; i < 31; ++i) many.emplace_back(fmt::format("d{}", i), "v");
  struct Case {
    std::string_view why;
    std::vector<aws::MetricDatum> data;
    std::string_view code;
  };
  for (auto const& each : {
           Case{"a unit of nobody's", {{"A", "Furlongs", 1, {}}}, "InvalidParameterValue"},
           Case{"no number", {{"A", "Count", NAN, {}}}, "InvalidParameterValue"},
           Case{"too large", {{"A", "Count", 1e200, {}}}, "InvalidParameterValue"},
           Case{"31 dimensions", {{"A", "Count", 1, many}}, "InvalidParameterValue"},
           Case{"no name", {{"", "Count", 1, {}}}, "MissingParameter"},
           Case{"an empty dimension", {{"A", "Count", 1, {{"Zone", ""}}}}, "MissingParameter"},
           Case{"no data", {}, "MissingParameter"},
           Case{"too many", std::vector<aws::MetricDatum>(1001, {"A", "Count", 1, {}}),
                "InvalidParameterValue"},
           Case{"the second is wrong",
                {{"A", "Count", 1, {}}, {"B", "Furlongs", 1, {}}},
                "InvalidParameterValue"},
       })
    EXPECT_EQ(error_code(put("haagent", each.data)), each.code) << each.why;
  EXPECT_TRUE(region.metrics().all().empty()) << "a request counts as a whole";
}

TEST_F(CloudWatchServiceTest, NamespacesOfAwsAreItsOwn) {
  auto const answer = call({{"Action", "PutMetricData"},
                            {"Namespace", "AWS/EC2"},
                            {"MetricData.member.1.MetricName", "A"},
                            {"MetricData.member.1.Value", "1"}},
                           "monitoring");
  EXPECT_EQ(error_code(answer), "InvalidParameterValue");
}

}  // namespace
}  // namespace haagent::sim
