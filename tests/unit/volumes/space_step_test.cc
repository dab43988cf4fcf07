// The room of an etcd volume: what is told, when the node is not ready, and that a disk that has
// grown helps without a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/ebs_page_bytes.h"
#include "tests/unit/volumes/machine.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::uint64_t kGiB = 1ull << 30u;

class SpaceStepTest : public testing::Test {
 protected:
  SpaceStepTest() {
    ec2.add(etcd_volume("vol-m", EtcdCluster::main));
    ec2.add(etcd_volume("vol-e", EtcdCluster::events));
    machine.devices.know("vol-m", 1);
    machine.devices.know("vol-e", 2);
    for (auto const* row : {"volume-main", "device-main", "filesystem-main", "mount-main"})
      EXPECT_TRUE(machine.converge({row}, 60s)) << row;
    room() = {.device = 1, .size = 20 * kGiB, .avail = 18 * kGiB};
  }
  std::string point() {
    return std::filesystem::weakly_canonical(machine.root / "var/lib/haagent-etcd/main").string();
  }
  FilesystemSpace& room() { return machine.filesystems.below[point()]; }
  FakeDisks::Disk& disk() { return machine.disks.disks["/dev/vol-m"]; }

  test::FakeClock clock;
  test::FakeEc2 ec2{clock};
  Machine machine{ec2, clock, "i-me"};
};

TEST_F(SpaceStepTest, AFullVolumeIsWaitedForAndToldWithFigures) {
  EXPECT_THAT(machine.look("space-main"), StartsWith("done: "));
  EXPECT_EQ(machine.facts->main.space.get()->level, SpaceLevel::ok);
  room().avail = 10 << 20;
  EXPECT_THAT(machine.look("space-main"), "waiting: SpaceExhausted vol-m");
  auto const told = *machine.facts->main.space.get();
  EXPECT_EQ(told.level, SpaceLevel::critical);
  EXPECT_EQ(told.avail, 10u << 20u);
  EXPECT_EQ(told.size, 20 * kGiB);
  EXPECT_THAT(told.message, HasSubstr("aws ec2 modify-volume --region eu-west-1"));
  room().avail = 18 * kGiB;
  EXPECT_THAT(machine.look("space-main"), StartsWith("done: "));
}

TEST_F(SpaceStepTest, AnotherFilesystemAtTheMountPointSaysNothingOfTheVolume) {
  ASSERT_THAT(machine.look("space-main"), StartsWith("done: "));
  room().device = 99;  // the root disk, with all its room
  EXPECT_THAT(machine.look("space-main"), "waiting: MountedElsewhere vol-m");
  EXPECT_FALSE(machine.facts->main.space.get());
  room().device = 1;
  machine.facts->main.mount.clear();  // mount-main does not see it any more
  EXPECT_THAT(machine.look("space-main"), "waiting: VolumeUnmounted vol-m");
  EXPECT_FALSE(machine.facts->main.space.get());
}

TEST_F(SpaceStepTest, EbsCountersOfTheMountedVolumeAreAFact) {
  EXPECT_THAT(machine.look("space-main"), StartsWith("done: "));
  EXPECT_FALSE(machine.facts->main.ebs.get()) << "absent, and not 0";
  machine.reboot();
  for (auto const* row : {"volume-main", "device-main", "filesystem-main", "mount-main"})
    ASSERT_TRUE(machine.converge({row}, 60s)) << row;
  test::EbsPage page;
  page.counters[1] = 12;
  disk().ebs_page = page.bytes();
  EXPECT_THAT(machine.look("space-main"), StartsWith("done: "));
  ASSERT_TRUE(machine.facts->main.ebs.get());
  EXPECT_EQ(machine.facts->main.ebs.get()->counters.write_ops, 12u);
  room().device = 99;
  machine.look("space-main");
  EXPECT_FALSE(machine.facts->main.ebs.get()) << "it is not mounted there any more";
}

TEST_F(SpaceStepTest, AGrownDiskGrowsItsFilesystemWithoutAReboot) {
  room().avail = 0;
  machine.devices.bytes = 40 * kGiB;
  EXPECT_EQ(machine.look("space-main"), "needed: FilesystemSmallerThanVolume vol-m to 40.0 GiB");
  ASSERT_TRUE(machine.act());
  EXPECT_EQ(disk().filesystem_bytes, 40 * kGiB);
  EXPECT_EQ(machine.facts->main.device.get()->bytes, 40 * kGiB);
  EXPECT_THAT(machine.look("mount-main"), StartsWith("done: "));
}

TEST_F(SpaceStepTest, AFilesystemThatDoesNotGrowIsTriedNowAndThen) {
  room().avail = 0;
  machine.devices.bytes = 40 * kGiB;
  disk().can_grow = false;
  EXPECT_FALSE(machine.turn("space-main"));
  EXPECT_EQ(machine.look("space-main"), "waiting: SpaceExhausted vol-m");
  EXPECT_THAT(machine.message("space-main").advice,
              testing::AllOf(HasSubstr("resize_inode"), HasSubstr("'resize2fs /dev/vol-m'")));
  EXPECT_THAT(machine.look("mount-main"), StartsWith("done: ")) << "that is not its business now";
  clock.advance(9min);
  EXPECT_THAT(machine.look("space-main"), StartsWith("waiting: "));
  clock.advance(2min);
  EXPECT_THAT(machine.look("space-main"), StartsWith("needed: FilesystemSmallerThanVolume"));
  EXPECT_FALSE(machine.turn("space-main"));
  machine.devices.bytes = 60 * kGiB;
  disk().can_grow = true;
  EXPECT_FALSE(machine.turn("space-main"));
  EXPECT_EQ(disk().filesystem_bytes, 60 * kGiB);
}

TEST_F(SpaceStepTest, SetAsideDataIsCountedAndNamed) {
  test::write_bytes(point() + "/data.20260115T101500Z/member/snap/db", std::string(5'000, 'x'));
  test::write_bytes(point() + "/data.restored/member/snap/db", std::string(70'000, 'x'));
  test::write_bytes(point() + "/data/member/snap/db", std::string(70'000, 'x'));
  EXPECT_EQ(machine.look("space-main"), "done: DataSetAside vol-m");
  EXPECT_THAT(machine.message("space-main").advice,
              HasSubstr("'rm -r /var/lib/haagent-etcd/main/data.20260115T101500Z'"));
  EXPECT_EQ(machine.facts->main.space.get()->set_aside, 5'000u);
  std::filesystem::remove_all(point() + "/data.20260115T101500Z");
  (void)machine.look("space-main");
  EXPECT_EQ(machine.facts->main.space.get()->set_aside, 0u);
}

TEST_F(SpaceStepTest, WhatAByteChangesIsNoNews) {
  (void)machine.look("space-main");
  auto const before = machine.facts->main.space.get();
  room().avail -= 4'096;
  (void)machine.look("space-main");
  EXPECT_EQ(machine.facts->main.space.get(), before);
}

}  // namespace
}  // namespace haagent::volumes
