// The four rows of an etcd cluster on real ground: a loop device that looks like an EBS disk, real
// mkfs, a real mount. EC2 alone is played.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/base/volume_marker.h"
#include "tests/support/loop_disk.h"
#include "tests/unit/volumes/machine.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class BootTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (auto why = test::LoopDisk::why_not(); !why.empty()) GTEST_SKIP() << why;
    ec2.add(etcd_volume_of_one_gib());
    aws::Instance me;
    me.id = "i-me";
    me.state = "running";
    me.zone = "eu-west-1a";
    ec2.add(me);
    config.cluster.name = "prod.example.com";
    config.volumes.filesystem = GetParam();
    disk = std::make_unique<test::LoopDisk>(1ull << 30u);
    ec2.on_call = [this](std::string const& action) {
      if (action == "AttachVolume") plug_in();
      if (action == "DetachVolume") std::filesystem::remove_all(root / "sys/block/nvme1n1");
    };
    reboot();
  }
  void TearDown() override { unmount(); }

  static aws::Volume etcd_volume_of_one_gib() {
    auto volume = etcd_volume("vol-0a1b", EtcdCluster::main);
    volume.size_gib = 1;
    return volume;
  }
  void plug_in() {
    auto sys = root / "sys/block/nvme1n1";
    test::write_bytes(sys / "dev",
                      fmt::format("{}:{}\n", major(disk->number()), minor(disk->number())));
    test::write_bytes(sys / "size", fmt::format("{}\n", disk->bytes() / 512));
    test::write_bytes(sys / "device/model", "Amazon Elastic Block Store              \n");
    test::write_bytes(sys / "device/serial", serial + "\n");
    std::filesystem::create_directories(root / "dev");
    std::filesystem::remove(root / "dev/nvme1n1");
    ASSERT_EQ(::mknod((root / "dev/nvme1n1").c_str(), S_IFBLK | 0600, disk->number()), 0);
  }
  void unmount() {
    while (::umount2((root / "var/lib/haagent-etcd/main").c_str(), 0) == 0) {
    }
  }
  void reboot() {
    unmount();
    steps.clear();
    facts = std::make_unique<Facts>();
    facts->identity.set({.instance_id = "i-me", .region = "eu-west-1", .zone = "eu-west-1a"});
    devices = std::make_unique<SystemDevices>(Root(root.path()));
    region = std::make_unique<aws::RegionView>(ec2, clock, config.cluster.name);
    volumes = std::make_unique<Volumes>(config, Root(root.path()), ec2, *region, clock, *devices,
                                        disks, mounts);
    auto made = volumes->steps(EtcdCluster::main, filesystems);
    for (auto* step : {&made.volume, &made.device, &made.filesystem, &made.mount})
      steps.push_back(std::move(*step));
  }
  // Each row to its end. Empty, or what it ended with.
  std::string boot() {
    for (auto& step : steps) {
      for (int i = 0;; ++i) {
        auto finding = step->look(*facts, {});
        if (!finding) return fmt::format("{} {}", step->name(), test::in_short(finding));
        if (std::holds_alternative<Done>(*finding)) break;
        if (i == 30) return fmt::format("{} {}", step->name(), test::in_short(*finding));
        if (std::holds_alternative<Needed>(*finding))
          if (auto acted = std::get<Needed>(*finding).act({}); !acted)
            return fmt::format("{}: {}", step->name(), acted.error().message.text);
        clock.advance(500ms);
      }
    }
    return "";
  }

  std::string serial = "vol0a1b             ";
  test::TemporaryDirectory root;
  test::FakeClock clock;
  test::FakeEc2 ec2{clock};
  NodeConfig config;
  SystemProcess process;
  SystemDisks disks{process, clock};
  SystemMounts mounts;
  test::FakeFilesystems filesystems;
  std::unique_ptr<test::LoopDisk> disk;
  std::unique_ptr<SystemDevices> devices;
  std::unique_ptr<Facts> facts;
  std::unique_ptr<aws::RegionView> region;
  std::unique_ptr<Volumes> volumes;
  std::vector<std::unique_ptr<Step>> steps;
};

TEST_P(BootTest, FromAFreshVolumeToAMarkedMountAndBackAfterAReboot) {
  ASSERT_EQ(boot(), "");
  auto point = root / "var/lib/haagent-etcd/main";
  auto marker = read_volume_marker(point);
  ASSERT_TRUE(marker && *marker);
  EXPECT_EQ((*marker)->volume_id, "vol-0a1b");
  EXPECT_EQ(facts->main.mount.get()->filesystem, GetParam());
  test::write_bytes(point / "member/snap/db", "acknowledged");

  auto calls = ec2.calls().size();
  reboot();
  EXPECT_FALSE(std::filesystem::exists(point / "member"));
  ASSERT_EQ(boot(), "");
  EXPECT_EQ(test::bytes_of(point / "member/snap/db"), "acknowledged");
  EXPECT_EQ(ec2.calls().size(), calls) << "no cloud API on the reboot path";
}

TEST_P(BootTest, ASuccessorFindsTheDataAndNeverFormats) {
  ASSERT_EQ(boot(), "");
  auto point = root / "var/lib/haagent-etcd/main";
  test::write_bytes(point / "member/snap/db", "acknowledged");
  ASSERT_TRUE(release(*volumes, EtcdCluster::main, *facts, clock));
  EXPECT_EQ(ec2.volume("vol-0a1b").state, "available");
  std::filesystem::remove_all(root / "var/lib/haagent");  // another instance, in effect
  reboot();
  ASSERT_EQ(boot(), "");
  EXPECT_EQ(test::bytes_of(point / "member/snap/db"), "acknowledged");
}

TEST_P(BootTest, ADiskWithDataStopsTheBootUntouched) {
  disk->write(5u << 20u, "somebody's data");
  auto before = disk->contents_hash();
  EXPECT_THAT(boot(), HasSubstr("filesystem-main refused: DiskNotBlank vol-0a1b"));
  EXPECT_EQ(disk->contents_hash(), before);
}

TEST_P(BootTest, ACopyIsMountedAndLeftAsItIs) {
  ASSERT_EQ(boot(), "");
  ASSERT_TRUE(release(*volumes, EtcdCluster::main, *facts, clock));
  ASSERT_EQ(ec2.volume("vol-0a1b").state, "available");
  ec2.remove_volume("vol-0a1b");
  auto copy = etcd_volume_of_one_gib();
  copy.id = "vol-0c0de";
  copy.snapshot_id = "snap-1";
  copy.tags["haagent.io/formatted-at"] = "2026-01-01T00:00:00Z";
  ec2.add(copy);
  serial = "vol0c0de";
  reboot();
  EXPECT_EQ(boot(), "");
  auto const seen = volumes->own().see(EtcdCluster::main, *facts->main.volume.get());
  ASSERT_TRUE(seen.seen()) << seen.unseen().message.text;
  EXPECT_EQ(seen.marker().volume_id, "vol-0a1b") << "it is not made its own in passing";
  EXPECT_EQ(copied_from(seen.marker(), "vol-0c0de", "snap-1"), "vol-0a1b (from snap-1)");
}

// By the kernel's own numbers.
TEST_P(BootTest, TheVolumeIsSeenOnlyWhereItIsMounted) {
  ASSERT_EQ(boot(), "");
  auto const point = root / "var/lib/haagent-etcd/main";
  auto const see = [&] { return volumes->own().see(EtcdCluster::main, *facts->main.volume.get()); };
  auto const held = see();
  ASSERT_TRUE(held.seen()) << held.unseen().message.text;
  EXPECT_NE(::umount2(point.c_str(), 0), 0) << "whoever is at work on it holds it";
  ASSERT_EQ(::umount2(point.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(see().unseen().message.reason, Reason::VolumeUnmounted);
  test::write_bytes(held.path() / "through", "the descriptor");
  EXPECT_FALSE(std::filesystem::exists(point / "through")) << "it went to the root disk";
  // A bind of the root disk in its place.
  ASSERT_EQ(::mount(root.path().c_str(), point.c_str(), nullptr, MS_BIND, nullptr), 0);
  EXPECT_EQ(see().unseen().message.reason, Reason::MountedElsewhere);
  ASSERT_EQ(::umount(point.c_str()), 0);
}

TEST_P(BootTest, AFilesystemThatTakesNoWritesHasFailed) {
  ASSERT_EQ(boot(), "");
  auto const point = root / "var/lib/haagent-etcd/main";
  auto const see = [&] { return volumes->own().see(EtcdCluster::main, *facts->main.volume.get()); };
  ASSERT_EQ(::mount(nullptr, point.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  EXPECT_TRUE(see().unseen().failed) << see().unseen().message.text;
  ASSERT_EQ(::mount(nullptr, point.c_str(), nullptr, MS_REMOUNT, nullptr), 0);
  ASSERT_TRUE(see().seen()) << see().unseen().message.text;
  // _IOR('X', 125, __u32): shut down, and nothing flushed any more.
  FileDescriptor const fd(::open(point.c_str(), O_RDONLY | O_CLOEXEC));
  std::uint32_t how = 2;
  ASSERT_EQ(::ioctl(fd.get(), 0x8004587d, &how), 0) << std::generic_category().message(errno);
  auto const sight = see();
  EXPECT_FALSE(sight.seen());
  EXPECT_TRUE(sight.unseen().failed) << sight.unseen().message.text;
}

TEST_P(BootTest, AnotherDiskAtTheMountPointIsRefused) {
  ASSERT_EQ(boot(), "");
  auto point = root / "var/lib/haagent-etcd/main";
  ASSERT_EQ(::mount("tmpfs", point.c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_THAT(boot(), HasSubstr("mount-main refused: MountedElsewhere vol-0a1b"));
}

INSTANTIATE_TEST_SUITE_P(Filesystems, BootTest, testing::Values("ext4", "xfs"),
                         [](auto const& row) { return row.param; });

}  // namespace
}  // namespace haagent::volumes
