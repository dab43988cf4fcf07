// Metrics of real nodes in CloudWatch: put under the policy of packaging/aws, refused for another
// namespace, and as lines for who ships them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"
#include "tests/support/golden.h"
#include "tests/support/json_schema.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::Contains;

constexpr char kPuts[] = "cloudwatch:PutMetricData";

// The newest value that CloudWatch has of it; nothing where nobody has put any.
std::optional<double> metric(ClusterRegion const& region, std::string const& name,
                             std::map<std::string, std::string> dimensions) {
  dimensions["Cluster"] = kClusterName;
  auto const answer = region.command("metrics");
  for (auto const& each : answer.find("metrics")->items()) {
    if (each.text_at("namespace") != "haagent" || each.text_at("name") != name) continue;
    std::map<std::string, std::string> its;
    for (auto const& one : each.find("dimensions")->entries()) its[one.key] = one.value.text();
    if (its == dimensions) return std::stod(each.text_at("newest"));
  }
  return std::nullopt;
}

TEST(ClusterCloudWatch, GetsTheMetricsOfMastersAndWorkers) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.members = "a",
                        .workers = 1,
                        .metrics_settings = "{cloudWatch: {mode: put, interval: 10s}}"});
  ASSERT_TRUE(region.gets_ready());
  std::map<std::string, std::string> const masters = {{"Role", "master"}};
  std::map<std::string, std::string> const workers = {{"Role", "worker"}};
  ASSERT_TRUE(region.comes_true([&] {
    return metric(region, "NodeReady", masters) == 1 && metric(region, "NodeReady", workers) == 1;
  }));
  EXPECT_EQ(metric(region, "NodeReady", {{"Role", "master"}, {"Zone", "eu-west-1a"}}), 1);
  EXPECT_EQ(metric(region, "NodeReady", {{"Role", "worker"}, {"Zone", "eu-west-1a"}}),
            std::nullopt);
  for (auto const* name : {"EtcdMainMemberUp", "EtcdEventsMemberUp", "EtcdMainHasLeader",
                           "EtcdEventsHasLeader", "EtcdMainHealthyVoters"})
    EXPECT_EQ(metric(region, name, masters), 1) << name;
  for (auto const* name : {"StepsFailed", "VolumeWaiting", "EtcdMainBackupFailing"})
    EXPECT_EQ(metric(region, name, masters), 0) << name;
  EXPECT_GT(metric(region, "CertificateTimeLeft", masters), 300 * 86'400);
  EXPECT_GT(metric(region, "CertificateTimeLeft", workers), 12 * 3'600);
  EXPECT_GT(metric(region, "DiskUsed", masters), 0);
  EXPECT_EQ(metric(region, "EtcdMainHasLeader", workers), std::nullopt) << "a worker has no etcd";
  EXPECT_TRUE(region.has_reason("masters-a", "cloudwatch", Reason::MetricsSent));
  for (auto const* role : {"haagent-master", "haagent-worker"})
    EXPECT_THAT(region.permissions_used(role), Contains(std::string("PutMetrics ") + kPuts));

  // One that takes nothing is told, and the node is as ready as before.
  region.api("fail", Tree::map({{"action", Tree::list({kPuts})}}));
  ASSERT_TRUE(region.comes_true(
      [&] { return region.has_reason("masters-a", "cloudwatch", Reason::MetricsNotSent); }));
  EXPECT_TRUE(region.is_ready("masters-a"));
  region.api("ok");
  EXPECT_TRUE(region.comes_true(
      [&] { return region.has_reason("masters-a", "cloudwatch", Reason::MetricsSent); }));
}

TEST(ClusterCloudWatch, ANamespaceThatIsNotPermittedIsToldOnce) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region(
      {.members = "a",
       .metrics_settings = "{cloudWatch: {mode: put, namespace: another, interval: 10s}}",
       .refusals_are_expected = true});
  ASSERT_TRUE(region.gets_ready());
  auto const id = region.instance_of("masters-a");
  ASSERT_TRUE(region.comes_true([&] { return region.calls(id)[kPuts] >= 3; }, 60s));
  EXPECT_TRUE(region.has_reason(id, "cloudwatch", Reason::MetricsDenied));
  EXPECT_EQ(region.step_state(id, "cloudwatch"), "done");
  EXPECT_TRUE(region.is_ready(id));
  auto const answer = region.command("metrics");
  EXPECT_TRUE(answer.find("metrics")->items().empty()) << json::print(answer);
  // What a person sees who asks, and how often the log says it.
  auto const page = region.run(id, {"/usr/sbin/haagent", "status"});
  EXPECT_EQ(page.code, 0) << page.out;
  EXPECT_NE(page.out.find("cloudwatch"), page.out.npos) << page.out;
  auto const log = region.log_of(id);
  auto const first = log.find("reason=MetricsDenied");
  ASSERT_NE(first, log.npos) << log;
  EXPECT_EQ(log.find("reason=MetricsDenied", first + 1), log.npos) << log;
}

TEST(ClusterCloudWatch, LinesOfTheEmbeddedFormatAreTakenByItsSchema) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region(
      {.members = "a", .metrics_settings = "{cloudWatch: {mode: embedded, interval: 10s}}"});
  ASSERT_TRUE(region.gets_ready());
  auto const id = region.instance_of("masters-a");
  auto const schema =
      json::parse(test::bytes_of(test::golden_path("cloudwatch/emf.schema.json"))).value();
  auto const lines = [&] {
    std::vector<Tree> found;
    std::istringstream log(region.log_of(id));
    for (std::string line; std::getline(log, line);)
      if (line.starts_with("{\"_aws\"")) found.push_back(json::parse_strict(line).value());
    return found;
  };
  // The first ones are of a node that boots.
  ASSERT_TRUE(region.comes_true([&] {
    auto const all = lines();
    return !all.empty() && all.back().text_at("NodeReady") == "1";
  })) << region.log_of(id);
  for (auto const& line : lines()) EXPECT_TRUE(test::matches_schema(schema, line));
  auto const last = lines().back();
  EXPECT_EQ(last.text_at("Cluster"), kClusterName);
  EXPECT_EQ(last.text_at("InstanceId"), id);
  EXPECT_EQ(last.text_at("EtcdMainHasLeader"), "1");
  EXPECT_EQ(region.calls(id)[kPuts], 0) << "lines need no permission";
  EXPECT_TRUE(region.has_reason(id, "cloudwatch", Reason::MetricsWritten));
}

}  // namespace
}  // namespace haagent::sim
