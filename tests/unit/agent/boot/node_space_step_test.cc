#include "agent/boot/node_space_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_filesystems.h"

namespace haagent {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kGiB = 1ull << 30u;

class NodeSpaceTest : public testing::Test {
 protected:
  Result<Finding> look() {
    return node_space_step(config, Root("/r"), filesystems)->look(facts, {});
  }
  std::string sentence() { return sentence_of(*look()); }
  bool waits() { return std::holds_alternative<Waiting>(*look()); }
  std::vector<std::string> told() {
    std::vector<std::string> names;
    auto const all = facts.filesystems.get().value_or(std::vector<FilesystemFacts>{});
    for (auto const& each : all) names.push_back(each.mount_point);
    return names;
  }

  NodeConfig config;
  test::FakeFilesystems filesystems;
  Facts facts;
};

TEST_F(NodeSpaceTest, EachFilesystemIsToldOnce) {
  EXPECT_FALSE(waits());
  EXPECT_EQ(told(), std::vector<std::string>{"/"});
  filesystems.below["/r/var/lib/containerd"] = {.device = 2, .size = kGiB, .avail = kGiB};
  filesystems.below["/r/run"] = {.device = 3, .size = kGiB, .avail = kGiB};
  EXPECT_FALSE(waits());
  EXPECT_EQ(told(), (std::vector<std::string>{"/", "/var/lib/containerd", "/run"}));
}

TEST_F(NodeSpaceTest, AFullOneIsWaitedForWhicheverItIs) {
  filesystems.below["/r/var/lib/containerd"] = {.device = 2, .size = 50 * kGiB, .avail = 0};
  EXPECT_TRUE(waits());
  EXPECT_THAT(sentence(), HasSubstr("/var/lib/containerd is full"));
  EXPECT_THAT(sentence(), Not(HasSubstr("/ ")));
  filesystems.below.clear();
  EXPECT_FALSE(waits());
  filesystems.root.avail = 0;
  EXPECT_TRUE(waits());
  EXPECT_THAT(sentence(), HasSubstr("/var/log")) << "what else is on it";
}

TEST_F(NodeSpaceTest, FoldersThatTheConfigurationNamesCount) {
  config.cluster.state = "file:///srv/state";
  config.etcd.backups.scratch = "/mnt/scratch";
  filesystems.below["/r/srv"] = {.device = 2, .size = 50 * kGiB, .avail = 40 * kGiB};
  filesystems.below["/r/mnt"] = {.device = 3, .size = 50 * kGiB, .avail = 4 * kGiB};
  EXPECT_FALSE(waits());
  EXPECT_EQ(told(), (std::vector<std::string>{"/", "/mnt/scratch", "/srv/state"}));
  EXPECT_THAT(sentence(), HasSubstr("/mnt/scratch fills"));
}

}  // namespace
}  // namespace haagent
