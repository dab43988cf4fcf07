// The user-data of packaging/aws, as the agent reads it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "agent/config/load.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

constexpr char kIssuer[] = "https://0f1e2d3c-4b5a-4697-8877-665544332211.tokens.sts.global.api.aws";

// `token_issuer`: as the parameter of that name; empty for its default.
std::string user_data(std::string const& role, std::string const& token_issuer) {
  auto const line =
      token_issuer.empty() ? "" : fmt::format("\n  tokenIssuer: \"{}\"", token_issuer);
  auto text = test::bytes_of(test::source_dir() / "packaging/aws/terraform" / (role + ".yaml"));
  std::pair<std::string, std::string> const values[] = {
      {"${worker_role}", "haagent-worker-20260115"},
      {"${worker_profile}", "haagent-worker-20260115"},
      {"${master_role}", "haagent-master-20260115"},
      {"${cluster}", "prod.example.com"},
      {"${endpoint}", "api-0123456789abcdef.elb.eu-west-1.amazonaws.com"},
      {"${bucket}", "prod-example-com-state-123456789012"},
      {"${version}", "1.33.2"},
      {"${token_issuer_line}", line}};
  for (auto const& [name, value] : values) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at))
      text.replace(at, name.size(), value);
  }
  return text;
}

// tests/aws holds CloudFormation's against this one.
TEST(LaunchTemplate, UserDataAreAConfigWithoutAProblem) {
  for (auto const& [role, issuer] : std::vector<std::pair<std::string, std::string>>{
           {"master", ""}, {"master", kIssuer}, {"worker", ""}}) {
    auto const loaded = read_config(
        {.sources = {{"user-data", user_data(role, issuer), ConfigSource::Form::document}},
         .problems = {},
         .notes = {}});
    ASSERT_TRUE(loaded.ok()) << loaded.page();
    EXPECT_EQ(loaded.page(), "") << role;
    EXPECT_EQ(loaded.config.role, role == "master" ? Role::master : Role::worker);
    EXPECT_EQ(loaded.config.cluster.token_issuer, issuer);
    EXPECT_EQ(loaded.config.cluster.state,
              "s3://prod-example-com-state-123456789012/prod.example.com");
    EXPECT_EQ(loaded.config.cluster.endpoint,
              "https://api-0123456789abcdef.elb.eu-west-1.amazonaws.com");
  }
}

}  // namespace
}  // namespace haagent
