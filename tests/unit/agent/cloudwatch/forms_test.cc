#include "agent/cloudwatch/forms.h"

#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/support/golden.h"
#include "tests/support/json_schema.h"
#include "tests/support/temporary_directory.h"

namespace haagent::cloudwatch {
namespace {

using namespace std::chrono_literals;

UtcTime const kNow{1768472400123ms};

Readings readings(std::string const& role) {
  return {.cluster = "prod.example.com",
          .role = role,
          .zone = "eu-west-1a",
          .instance_id = "i-1",
          .values = {{"NodeReady", "Count", 1, role == "master"}, {"DiskUsed", "Percent", 12.5}}};
}

Tree parsed(std::string const& line) {
  auto tree = json::parse_strict(line);
  EXPECT_TRUE(tree) << line;
  return tree ? *tree : Tree();
}

Tree published_schema() {
  return parsed(test::bytes_of(test::golden_path("cloudwatch/emf.schema.json")));
}

TEST(EmbeddedLine, OfAMaster) {
  EXPECT_EQ(embedded_line(readings("master"), "haagent", kNow),
            R"({"_aws":{"Timestamp":1768472400123,"CloudWatchMetrics":[)"
            R"({"Namespace":"haagent","Dimensions":[["Cluster","Role"]],"Metrics":[)"
            R"({"Name":"NodeReady","Unit":"Count"},{"Name":"DiskUsed","Unit":"Percent"}]},)"
            R"({"Namespace":"haagent","Dimensions":[["Cluster","Role","Zone"]],"Metrics":[)"
            R"({"Name":"NodeReady","Unit":"Count"}]}]},)"
            R"("Cluster":"prod.example.com","Role":"master","Zone":"eu-west-1a",)"
            R"("InstanceId":"i-1","NodeReady":1,"DiskUsed":12.5})");
}

TEST(EmbeddedLine, OfAWorkerHasNoMetricsOfItsZone) {
  auto const line = parsed(embedded_line(readings("worker"), "haagent", kNow));
  EXPECT_EQ(line.at_path("_aws.CloudWatchMetrics")->items().size(), 1u);
}

// All the readings that there are, as the page of a master has them.
TEST(EmbeddedLine, IsTakenByThePublishedSchema) {
  auto const schema = published_schema();
  auto const page = test::bytes_of(test::golden_path("status/metrics.txt"));
  for (auto const& each :
       {readings("master"), readings("worker"), readings_of(page, kNow), Readings{}}) {
    auto const text = embedded_line(each, "haagent", kNow);
    EXPECT_TRUE(test::matches_schema(schema, parsed(text))) << text;
    EXPECT_EQ(text.find('\n'), text.npos);
    EXPECT_LT(text.size(), 48u * 1024) << "what journald takes as one line of stdout";
  }
}

TEST(EmbeddedLine, NamesWhatIsThereAndNoMoreThanCloudWatchTakes) {
  auto const page = test::bytes_of(test::golden_path("status/metrics.txt"));
  auto const line = parsed(embedded_line(readings_of(page, kNow), "haagent", kNow));
  for (auto const& directive : line.at_path("_aws.CloudWatchMetrics")->items()) {
    EXPECT_LE(directive.find("Metrics")->items().size(), 100u);
    for (auto const& metric : directive.find("Metrics")->items()) {
      auto const* target = line.find(metric.text_at("Name"));
      ASSERT_TRUE(target) << metric.text_at("Name");
      EXPECT_EQ(target->type(), Tree::Type::number);
    }
    for (auto const& set : directive.find("Dimensions")->items())
      for (auto const& name : set.items()) {
        auto const* target = line.find(name.text());
        ASSERT_TRUE(target) << name.text();
        EXPECT_TRUE(target->is_string() && !target->text().empty()) << name.text();
      }
  }
}

TEST(Schema, RefusesWhatCloudWatchWouldDrop) {
  auto const schema = published_schema();
  auto line = parsed(embedded_line(readings("master"), "haagent", kNow));
  auto const broken = [&](auto change) {
    auto copy = line;
    change(copy["_aws"]);
    return !test::matches_schema(schema, copy);
  };
  EXPECT_TRUE(broken([](Tree& aws) { aws.set("Timestamp", "now"); }));
  EXPECT_TRUE(broken([](Tree& aws) { aws.erase("Timestamp"); }));
  EXPECT_TRUE(broken([](Tree& aws) {
    aws["CloudWatchMetrics"].items()[0]["Metrics"].items()[0].set("Unit", "seconds");
  }));
  EXPECT_TRUE(broken([](Tree& aws) { aws["CloudWatchMetrics"].items()[0].set("Namespace", ""); }));
  EXPECT_TRUE(broken(
      [](Tree& aws) { aws["CloudWatchMetrics"].items()[0].set("Dimensions", Tree::list()); }));
}

TEST(Data, AMetricEachForTheRoleAndWhatCountsForTheZoneTwice) {
  using Dimensions = std::vector<std::pair<std::string, std::string>>;
  Dimensions const of_role = {{"Cluster", "prod.example.com"}, {"Role", "master"}};
  Dimensions const of_zone = {
      {"Cluster", "prod.example.com"}, {"Role", "master"}, {"Zone", "eu-west-1a"}};
  EXPECT_EQ(data_of(readings("master")),
            (std::vector<aws::MetricDatum>{{"NodeReady", "Count", 1, of_role},
                                           {"NodeReady", "Count", 1, of_zone},
                                           {"DiskUsed", "Percent", 12.5, of_role}}));
  EXPECT_EQ(data_of(readings("worker")).size(), 2u);
}

}  // namespace
}  // namespace haagent::cloudwatch
