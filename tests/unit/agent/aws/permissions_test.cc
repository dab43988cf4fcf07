#include "agent/aws/permissions.h"
#include "tests/support/source_dir.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace haagent::aws {
namespace {

std::string bytes_of(std::filesystem::path const& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path).rdbuf();
  return bytes.str();
}

void collect(std::string const& text, std::string const& pattern, std::string const& service,
             std::set<std::string>& into) {
  std::regex const regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
    into.insert(service + ":" + (*at)[1].str());
}

// What the clients ask for, read from their own sources.
std::set<std::string> asked_for() {
  auto const folder = test::source_dir() / "agent/aws";
  std::set<std::string> found;
  auto const ec2 = bytes_of(folder / "ec2_client.cc");
  collect(ec2, R"re(state_->(?:call|describe)\("(\w+)")re", "ec2", found);
  collect(bytes_of(folder / "autoscaling.cc"), R"re(kAction = "(\w+)")re", "autoscaling", found);
  collect(bytes_of(folder / "cloudwatch.cc"), R"re(kPutAction = "(\w+)")re", "cloudwatch", found);
  collect(bytes_of(folder / "s3_client.cc"), R"re(named\("s3:\w+", "s3:(\w+)")re", "s3", found);
  collect(bytes_of(folder / "web_identity.cc"), R"re(kTokenAction = "(\w+)")re", "sts", found);
  return found;
}

TEST(Permissions, TheTableIsWhatTheClientsAskFor) {
  std::set<std::string> listed;
  for (auto const& each : kPermissions) {
    EXPECT_TRUE(listed.insert(std::string(each.action)).second) << each.action << " stands twice";
    EXPECT_TRUE(each.why.starts_with("to ")) << each.action;
    EXPECT_TRUE(each.master || each.worker) << each.action << " is nobody's";
  }
  auto asked = asked_for();
  EXPECT_GT(asked.size(), 10u) << "the clients' calls were not found";
  // S3 asks for these in the role's name, where the objects have a key of the user's.
  asked.insert({"kms:GenerateDataKey", "kms:Decrypt"});
  // STS asks for it where a token is asked for with a tag.
  asked.insert("sts:TagGetWebIdentityToken");
  EXPECT_EQ(listed, asked);
}

TEST(Permissions, AWorkerNeedsNothingOfEc2OrS3) {
  for (auto const& each : kPermissions)
    EXPECT_TRUE(!each.worker || each.only == kWithHooks || each.only == kWithTokens ||
                each.only == kWithCloudWatch)
        << each.action;
}

}  // namespace
}  // namespace haagent::aws
