// The user-data of packaging/aws, as the agent reads it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "agent/config/load.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

constexpr char kIssuer[] = "https://0f1e2d3c-4b5a-4697-8877-665544332211.tokens.sts.global.api.aws";

constexpr char kJoinEndpoint[] = "https://join-0123456789abcdef.elb.eu-west-1.amazonaws.com:3998";

constexpr char kMetrics[] = "metrics: {cloudWatch: {mode: put}}";

struct Node {
  std::string role;
  std::string token_issuer;   // empty: none is given
  std::string join_endpoint;  // empty: the load balancer is internal
  std::string metrics{};      // empty: none of CloudWatch's
};

std::string user_data(Node const& node) {
  auto const line = [](std::string const& key, std::string const& value) {
    return value.empty() ? "" : fmt::format("\n  {}: \"{}\"", key, value);
  };
  auto text =
      test::bytes_of(test::source_dir() / "packaging/aws/terraform" / (node.role + ".yaml"));
  std::pair<std::string, std::string> const values[] = {
      {"${overlay_port}", "8472"},
      {"${worker_role}", "haagent-worker-20260115"},
      {"${worker_profile}", "haagent-worker-20260115"},
      {"${master_role}", "haagent-master-20260115"},
      {"${cluster}", "prod.example.com"},
      {"${endpoint}", "api-0123456789abcdef.elb.eu-west-1.amazonaws.com"},
      {"${bucket}", "prod-example-com-state-123456789012"},
      {"${version}", "1.33.2"},
      {"${token_issuer_line}", line("tokenIssuer", node.token_issuer)},
      {"${join_endpoint_line}", line("joinEndpoint", node.join_endpoint)},
      {"${metrics_line}", node.metrics.empty() ? "" : "\n" + node.metrics}};
  for (auto const& [name, value] : values) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at))
      text.replace(at, name.size(), value);
  }
  return text;
}

// tests/aws holds CloudFormation's against this one.
TEST(LaunchTemplate, UserDataAreAConfigWithoutAProblem) {
  for (auto const& node :
       {Node{"master", "", ""}, Node{"master", kIssuer, ""}, Node{"worker", "", ""},
        Node{"worker", "", kJoinEndpoint}, Node{"worker", "", "", kMetrics}}) {
    auto const loaded =
        read_config({.sources = {{"user-data", user_data(node), ConfigSource::Form::document}},
                     .problems = {},
                     .notes = {}});
    ASSERT_TRUE(loaded.ok()) << loaded.page();
    EXPECT_EQ(loaded.page(), "") << node.role;
    EXPECT_EQ(loaded.config.role, node.role == "master" ? Role::master : Role::worker);
    EXPECT_EQ(loaded.config.cluster.token_issuer, node.token_issuer);
    EXPECT_EQ(loaded.config.cluster.join_endpoint, node.join_endpoint);
    EXPECT_EQ(loaded.config.metrics.cloudwatch.mode,
              node.metrics.empty() ? CloudWatchMode::none : CloudWatchMode::put);
    EXPECT_EQ(loaded.config.cluster.state,
              "s3://prod-example-com-state-123456789012/prod.example.com");
    EXPECT_EQ(loaded.config.cluster.endpoint,
              "https://api-0123456789abcdef.elb.eu-west-1.amazonaws.com");
  }
}

}  // namespace
}  // namespace haagent
