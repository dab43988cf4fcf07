#include "agent/boot/node_space_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_filesystems.h"
#include "tests/support/in_short.h"

namespace haagent {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kGiB = 1ull << 30u;

class NodeSpaceTest : public testing::Test {
 protected:
  Result<Finding> look() {
    return node_space_step(config, Root("/r"), filesystems)->look(facts, {});
  }
  std::string in_short() { return test::in_short(look()); }
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
  EXPECT_EQ(in_short(), "waiting: SpaceExhausted /var/lib/containerd");
  // What only fills is said as well, and is not why it waits.
  auto const ample = filesystems.root;
  filesystems.root.avail = ample.size / 11;
  EXPECT_EQ(in_short(), "waiting: SpaceExhausted /var/lib/containerd, /");
  filesystems.root = ample;
  filesystems.below.clear();
  EXPECT_FALSE(waits());
  filesystems.root.avail = 0;
  EXPECT_EQ(in_short(), "waiting: SpaceExhausted /");
  EXPECT_THAT(message_of(*look()).text, HasSubstr("/var/log")) << "what else is on it";
}

TEST_F(NodeSpaceTest, FoldersThatTheConfigurationNamesCount) {
  config.cluster.state = "file:///srv/state";
  config.etcd.backups.scratch = "/mnt/scratch";
  filesystems.below["/r/srv"] = {.device = 2, .size = 50 * kGiB, .avail = 40 * kGiB};
  filesystems.below["/r/mnt"] = {.device = 3, .size = 50 * kGiB, .avail = 4 * kGiB};
  EXPECT_FALSE(waits());
  EXPECT_EQ(told(), (std::vector<std::string>{"/", "/mnt/scratch", "/srv/state"}));
  EXPECT_EQ(in_short(), "done: SpaceLow /mnt/scratch");
}

}  // namespace
}  // namespace haagent
