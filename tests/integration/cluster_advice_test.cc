// What haagent tells an operator to run, run as it is printed, in the situation that it is printed
// in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"
#include "tests/support/printed_commands.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using test::printed_commands;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(ClusterAdvice, AMissingVolumeIsMadeByTheCommandThatIsPrinted) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.members = "a", .without = {"main-a", "events-a"}});
  for (auto cluster : kEtcdClusters) {
    auto const step = fmt::format("volume-{}", to_string(cluster));
    std::vector<std::string> commands;
    ASSERT_TRUE(region.comes_true([&] {
      commands = printed_commands(region.sentence("masters-a", step), "aws");
      return !commands.empty();
    })) << region.sentence("masters-a", step);
    ASSERT_EQ(commands.size(), 1u);
    EXPECT_THAT(commands[0], AllOf(HasSubstr("create-volume"), HasSubstr("--encrypted"),
                                   HasSubstr("Value=\"a/a,b,c\"")));
    auto const made = region.as_printed(commands[0]);
    ASSERT_EQ(made.code, 0) << commands[0] << '\n' << made.out;
    // The quotes are right: one value with commas, not a list.
    EXPECT_THAT(made.out, HasSubstr("a/a,b,c"));
    EXPECT_TRUE(region.comes_true(
        [&] {
          return region.step_state("masters-a", fmt::format("mount-{}", to_string(cluster))) ==
                 "done";
        },
        90s));
  }
}

TEST(ClusterAdvice, VolumesThatNearlyFitAreNamedAndPutRightByTheCommandThatIsPrinted) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.members = "a", .launched = false});
  auto const owner = fmt::format("kubernetes.io/cluster/{}", kClusterName);
  // Another case of the key on one, another value on the other.
  auto tag = [&](std::string const& name, std::string const& key, std::string const& value) {
    return region
        .aws({"ec2", "create-tags", "--region", "eu-west-1", "--resources", region.volume_id(name),
              "--tags", fmt::format("Key={},Value=\"{}\"", key, value)})
        .code;
  };
  ASSERT_EQ(region
                .aws({"ec2", "delete-tags", "--region", "eu-west-1", "--resources",
                      region.volume_id("main-a"), "--tags", "Key=k8s.io/etcd/main"})
                .code,
            0);
  ASSERT_EQ(tag("main-a", "K8s.io/etcd/Main", "a/a"), 0);
  ASSERT_EQ(tag("events-a", owner, "shared"), 0);
  region.launch("masters-a");
  for (auto cluster : kEtcdClusters) {
    auto const step = fmt::format("volume-{}", to_string(cluster));
    std::vector<std::string> commands;
    ASSERT_TRUE(region.comes_true([&] {
      commands = printed_commands(region.sentence("masters-a", step), "aws");
      return !commands.empty();
    })) << region.sentence("masters-a", step);
    EXPECT_TRUE(region.has_reason("masters-a", step, Reason::VolumeNearlyTagged));
    EXPECT_THAT(region.sentence("masters-a", step), Not(HasSubstr("create-volume")));
    auto const ran = region.as_printed(commands[0]);
    ASSERT_EQ(ran.code, 0) << commands[0] << '\n' << ran.out;
  }
  EXPECT_TRUE(region.gets_ready(120s));
}

class ClusterDamage : public testing::TestWithParam<std::pair<char const*, char const*>> {};

// An etcd that ends on its data says which command helps, and that command does, in that state.
TEST_P(ClusterDamage, IsReplacedByTheCommandThatIsPrinted) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region;
  ASSERT_TRUE(region.gets_ready());
  ASSERT_TRUE(region.put("masters-a", EtcdCluster::main, "kept", "yes"));
  // Stopped first: a running etcd writes its pages back over the damage.
  auto const broken = region.sh(
      "masters-c",
      fmt::format("cd /var/lib/haagent-etcd/main/data/member && pid=$(sed -n "
                  "'s/.*\"pid\": *\\([0-9]*\\).*/\\1/p' "
                  "/run/haagent/units/haagent-etcd@main.service.json) && kill -STOP $pid && {} && "
                  "sync && kill -KILL $pid",
                  GetParam().second));
  ASSERT_EQ(broken.code, 0) << broken.out;
  std::vector<std::string> commands;
  ASSERT_TRUE(region.comes_true(
      [&] {
        for (auto const& each :
             printed_commands(region.sentence("masters-c", "etcd-main"), "haagent"))
          if (each.contains(" replace ")) commands = {each};
        return !commands.empty();
      },
      90s))
      << region.sentence("masters-c", "etcd-main");
  EXPECT_EQ(commands[0], "haagent etcd replace etcd-c");
  EXPECT_EQ(region.run("masters-c", {"haagent", "status"}).code, 1);

  auto const replaced = region.sh("masters-a", commands[0]);
  EXPECT_EQ(replaced.code, 0) << replaced.out;
  EXPECT_TRUE(
      region.comes_true([&] { return region.is_whole("masters-a", EtcdCluster::main, 3); }, 120s));
  EXPECT_TRUE(region.has("masters-c", EtcdCluster::main, "kept", "yes"));
  auto const aside = region.sh("masters-c", "ls -d /var/lib/haagent-etcd/main/data.2*");
  EXPECT_EQ(aside.code, 0) << "what was there is kept";
  // It is counted, and the command that deletes it is as it should be.
  std::vector<std::string> deletes;
  ASSERT_TRUE(region.comes_true(
      [&] {
        deletes = printed_commands(region.sentence("masters-c", "space-main"), "rm");
        return !deletes.empty();
      },
      60s));
  EXPECT_EQ(region.sh("masters-c", deletes[0]).code, 0);
  EXPECT_NE(region.sh("masters-c", "ls -d /var/lib/haagent-etcd/main/data.2*").code, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Data, ClusterDamage,
    testing::Values(
        // A record in the middle of the log: its checksum is not what follows from it.
        std::pair("Log",
                  "printf '\\377\\376\\375\\374\\373\\372' | dd of=$(ls wal/*.wal | head -n 1) "
                  "bs=1 seek=400 conv=notrunc 2>/dev/null"),
        std::pair("Database",
                  "dd if=/dev/urandom of=snap/db bs=4096 count=4 conv=notrunc "
                  "2>/dev/null")),
    [](auto const& tested) { return std::string(tested.param.first); });

}  // namespace
}  // namespace haagent::sim
