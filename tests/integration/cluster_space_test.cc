// Disks that fill: told before etcd ends, with a way out that works as it is printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"
#include "tests/support/mentions.h"
#include "tests/support/printed_commands.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using test::printed_commands;
using testing::HasSubstr;

constexpr auto kPoint = "/var/lib/haagent-etcd/main";
constexpr auto kMaster = "masters-a";

// Leaves so many MiB on the volume of main.
Outcome fill(ClusterRegion const& region, int left_mib) {
  return region.sh(kMaster, fmt::format("avail=$(df --output=avail -B1M {0} | tail -n 1); "
                                        "fallocate -l $((avail - {1}))M {0}/filler && sync {0}",
                                        kPoint, left_mib));
}

// Of main: its pid, its start time.
std::string etcd_pid(ClusterRegion const& region) {
  return region.sh(kMaster, "cat /run/haagent/units/haagent-etcd@main.service.json").out;
}

TEST(ClusterSpace, AFullVolumeIsNotReadyAndGrowsByTheCommandThatIsPrinted) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  // xfs, which grows everywhere: for ext4 the kernel asks for CAP_SYS_RESOURCE, which root of a
  // container may lack.
  ClusterRegion region(
      {.members = "a", .etcd_settings = "{binary: /usr/bin/etcd}\nvolumes: {filesystem: xfs}"});
  ASSERT_TRUE(region.gets_ready());
  ASSERT_TRUE(region.put(kMaster, EtcdCluster::main, "kept", "yes"));
  EXPECT_EQ(region.run(kMaster, {"haagent", "status"}).code, 0);
  EXPECT_EQ(region.run(kMaster, {"haagent", "status", "--cluster"}).code, 0);
  auto const pid = etcd_pid(region);

  auto const filled = fill(region, 40);
  ASSERT_EQ(filled.code, 0) << filled.out;
  ASSERT_TRUE(region.comes_true(
      [&] { return region.step_state(kMaster, "space-main") == "waiting"; }, 60s));
  auto const page = region.run(kMaster, {"haagent", "status", "-v"});
  EXPECT_EQ(page.code, 1) << page.out;
  auto const cluster = region.run(kMaster, {"haagent", "status", "--cluster"});
  EXPECT_EQ(cluster.code, 1) << "no leave to take another master down\n" << cluster.out;
  EXPECT_THAT(cluster.out, HasSubstr("SpaceExhausted"));
  EXPECT_EQ(region.step_state(kMaster, "etcd-main"), "done") << "etcd itself has noticed nothing";

  auto const before = region.volume("main-a").text_at("size");
  auto const said = region.sentence(kMaster, "space-main");
  auto const commands = printed_commands(said, "aws");
  ASSERT_EQ(commands.size(), 1u) << said;
  auto const ran = region.as_printed(commands.front());
  ASSERT_EQ(ran.code, 0) << commands.front() << '\n' << ran.out;
  EXPECT_TRUE(
      region.comes_true([&] { return region.step_state(kMaster, "space-main") == "done"; }, 60s));
  EXPECT_EQ(region.run(kMaster, {"haagent", "status"}).code, 0);
  EXPECT_EQ(etcd_pid(region), pid) << "it was not restarted for it";
  EXPECT_EQ(region.get(kMaster, EtcdCluster::main, "kept"), "yes");
  auto const df = region.sh(kMaster, fmt::format("df --output=size -BG {} | tail -n 1", kPoint));
  EXPECT_GE(std::stoi(df.out), 15) << "before: " << before;
}

TEST(ClusterSpace, AnEtcdThatFindsNoRoomSaysSoAndComesBackWithIt) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.members = "a"});
  ASSERT_TRUE(region.gets_ready());
  ASSERT_TRUE(region.put(kMaster, EtcdCluster::main, "kept", "yes"));
  ASSERT_EQ(fill(region, 1).code, 0);
  // It ends at the first write that finds no room.
  ASSERT_TRUE(region.comes_true(
      [&] {
        (void)region.sh(kMaster,
                        fmt::format("dd if=/dev/zero of={}/filler2 bs=4k 2>/dev/null", kPoint));
        for (int i = 0; i < 20; ++i)
          (void)region.sh(kMaster,
                          "head -c 1000000 /dev/zero | tr '\\0' x | ETCDCTL_API=3 etcdctl "
                          "--endpoints=https://127.0.0.1:2379 "
                          "--cacert=/etc/kubernetes/pki/etcd/ca.crt "
                          "--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt "
                          "--key=/etc/kubernetes/pki/etcd/healthcheck-client.key put big");
        return test::mentions(region.sentence(kMaster, "etcd-main"), "no space left on device");
      },
      120s))
      << region.sentence(kMaster, "etcd-main");
  // etcd's own words, and the row that says what to do.
  EXPECT_THAT(region.sentence(kMaster, "etcd-main"), HasSubstr("space-main"));
  EXPECT_TRUE(region.has_reason(kMaster, "space-main", Reason::SpaceExhausted));
  EXPECT_EQ(region.run(kMaster, {"haagent", "status"}).code, 1);
  // The agent goes on, and so does the other cluster.
  EXPECT_EQ(region.step_state(kMaster, "etcd-events"), "done");

  ASSERT_EQ(region.sh(kMaster, fmt::format("rm {0}/filler {0}/filler2", kPoint)).code, 0);
  EXPECT_TRUE(region.comes_true(
      [&] { return region.get(kMaster, EtcdCluster::main, "kept") == "yes"; }, 180s));
  EXPECT_TRUE(region.comes_true(
      [&] { return region.run(kMaster, {"haagent", "status"}).code == 0; }, 120s));
}

// What the agent writes itself: files that are there stay, and it goes on.
TEST(ClusterSpace, AFullRunLeavesTheStatusThatWasThereAndIsToldOf) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.members = "a"});
  ASSERT_TRUE(region.gets_ready());
  auto const kept = region.sh(kMaster,
                              "mount -t tmpfs -o size=256k tmpfs /mnt && "
                              "cp -a /run/haagent /mnt/ && mount --bind /mnt/haagent "
                              "/run/haagent && dd if=/dev/zero of=/mnt/haagent/filler "
                              "bs=4k 2>/dev/null; ls -s /run/haagent");
  ASSERT_THAT(kept.out, HasSubstr("status.json"));
  auto const page = region.run(kMaster, {"haagent", "status", "-v"});
  EXPECT_EQ(page.code, 1) << "it may be old\n" << page.out;
  EXPECT_THAT(page.out, HasSubstr("may be old"));
  ASSERT_TRUE(region.put(kMaster, EtcdCluster::main, "goes", "on"));
  ASSERT_EQ(region.sh(kMaster, "rm /mnt/haagent/filler").code, 0);
  EXPECT_TRUE(
      region.comes_true([&] { return region.run(kMaster, {"haagent", "status"}).code == 0; }, 60s));
}

}  // namespace
}  // namespace haagent::sim
