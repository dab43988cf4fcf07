// What is true of a volume at the moment of looking.
#include "volumes/own_volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/volumes/machine.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class OwnVolumesTest : public testing::Test {
 protected:
  void SetUp() override {
    ec2.add(etcd_volume("vol-m", EtcdCluster::main));
    ec2.add(etcd_volume("vol-e", EtcdCluster::events));
    machine.devices.know("vol-m", 1);
    machine.devices.know("vol-e", 2);
    for (auto const* row : {"volume-main", "device-main", "filesystem-main", "mount-main"})
      ASSERT_TRUE(machine.converge({row}, 60s)) << machine.said[row];
  }
  VolumeSight see() { return machine.volumes->own().see(EtcdCluster::main, volume()); }
  EtcdVolume volume() { return *machine.facts->main.volume.get(); }
  std::string point() {
    return std::filesystem::weakly_canonical(machine.root / "var/lib/haagent-etcd/main").string();
  }
  Mount& mount() { return machine.mounts.mounts.at(0); }

  test::FakeClock clock;
  test::FakeEc2 ec2{clock};
  Machine machine{ec2, clock, "i-me"};
};

TEST_F(OwnVolumesTest, TheVolumeIsSeenThroughADescriptor) {
  auto const sight = see();
  ASSERT_TRUE(sight.seen()) << sight.unseen().message.text;
  EXPECT_EQ(sight.marker().volume_id, "vol-m");
  EXPECT_TRUE(read_volume_marker(sight.path()).value().has_value());
  EXPECT_EQ(sight.in_words("reading " + (sight.path() / "data").string()),
            "reading " + sight.mount_point().string() + "/data");
}

// What is written goes to the volume that was seen, whatever stands at the mount point by then.
TEST_F(OwnVolumesTest, WhatIsSeenStaysTheVolumeWhenItIsUnmounted) {
  auto const sight = see();
  ASSERT_TRUE(sight.seen());
  machine.mounts.unmount_all();
  auto marker = sight.marker();
  marker.etcd_cluster_id = "cafe";
  ASSERT_TRUE(write_volume_marker(sight.path(), marker));
  EXPECT_FALSE(std::filesystem::exists(volume_marker_path(point()))) << "it went to the root disk";
  EXPECT_FALSE(see().seen());
}

struct Unseen {
  std::string name;
  std::function<void(Machine&, std::string const& point)> change;
  Reason reason;
  std::string names = "";  // in the text
};
class IsNotSeen : public OwnVolumesTest, public testing::WithParamInterface<Unseen> {};

void rewrite(std::string const& point, std::function<void(VolumeMarker&)> const& change) {
  auto marker = **read_volume_marker(point);
  change(marker);
  ASSERT_TRUE(write_volume_marker(point, marker));
}

TEST_P(IsNotSeen, AndSaysWhyAndWhatToDo) {
  GetParam().change(machine, point());
  auto const sight = see();
  EXPECT_FALSE(sight.seen());
  EXPECT_EQ(sight.unseen().message.reason, GetParam().reason);
  EXPECT_THAT(sight.unseen().message.text, HasSubstr(GetParam().names));
  EXPECT_FALSE(sight.unseen().message.advice.empty());
  EXPECT_EQ(sight.unseen().failed, GetParam().reason == Reason::FilesystemFailed);
}

INSTANTIATE_TEST_SUITE_P(
    Table, IsNotSeen,
    testing::Values(
        Unseen{"not_mounted", [](Machine& m, auto const&) { m.mounts.unmount_all(); },
               Reason::VolumeUnmounted, "vol-m (/dev/vol-m)"},
        Unseen{"no_folder",
               [](Machine& m, std::string const& point) {
                 m.mounts.unmount_all();
                 std::filesystem::remove_all(point);
               },
               Reason::VolumeUnmounted},
        // A hand has copied haagent.json to the root disk as well.
        Unseen{"the_root_disk_with_a_marker",
               [](Machine& m, std::string const& point) {
                 auto const marker = **read_volume_marker(point);
                 m.mounts.unmount_all();
                 ASSERT_TRUE(write_volume_marker(point, marker));
               },
               Reason::VolumeUnmounted},
        Unseen{"another_disk", [](Machine& m, auto const&) { m.mounts.mounts[0].device = 7; },
               Reason::MountedElsewhere, "vol-m (/dev/vol-m)"},
        // Detached and attached again: the mount is of the disk that is no more.
        Unseen{"attached_again", [](Machine& m, auto const&) { m.devices.know("vol-m", 9); },
               Reason::MountedElsewhere, "vol-m (/dev/vol-m)"},
        Unseen{"another_mount_on_top",
               [](Machine& m, std::string const& point) {
                 m.mounts.mounts.push_back({9, "/", point, "tmpfs", "tmpfs", false});
               },
               Reason::MountedElsewhere, "tmpfs"},
        // A mount over etcd's data hides them from everybody who reads through the volume.
        Unseen{"another_mount_on_its_data",
               [](Machine& m, std::string const& point) {
                 m.mounts.mounts.push_back({9, "/", point + "/data", "tmpfs", "tmpfs", false});
               },
               Reason::MountedElsewhere, "tmpfs"},
        Unseen{"a_folder_of_its_own_on_its_data",
               [](Machine& m, std::string const& point) {
                 m.mounts.mounts.push_back({m.mounts.mounts[0].device, "/data.20260115T101500Z",
                                            point + "/data/member", "ext4", "/dev/vol-m", false});
               },
               Reason::MountedElsewhere, "vol-m"},
        Unseen{"a_part_of_it", [](Machine& m, auto const&) { m.mounts.mounts[0].root = "/sub"; },
               Reason::MountedElsewhere, "/sub"},
        Unseen{"no_disk", [](Machine& m, auto const&) { m.devices.forget("vol-m"); },
               Reason::VolumeGone, "vol-m"},
        Unseen{"no_marker",
               [](Machine&, std::string const& point) {
                 std::filesystem::remove(volume_marker_path(point));
               },
               Reason::VolumeUnidentified, "haagent.json"},
        Unseen{"a_torn_marker",
               [](Machine&, std::string const& point) {
                 test::write_bytes(volume_marker_path(point), "{\"cluster\": \"pro");
               },
               Reason::VolumeUnidentified},
        Unseen{"of_another_member",
               [](Machine&, std::string const& point) {
                 rewrite(point, [](VolumeMarker& marker) { marker.member = "b"; });
               },
               Reason::VolumeOfAnotherMember, "'b'"},
        Unseen{"of_another_cluster",
               [](Machine&, std::string const& point) {
                 rewrite(point, [](VolumeMarker& marker) { marker.cluster = "x.example"; });
               },
               Reason::VolumeOfAnotherMember, "'x.example'"},
        Unseen{"of_the_other_etcd",
               [](Machine&, std::string const& point) {
                 rewrite(point, [](VolumeMarker& marker) { marker.etcd = "events"; });
               },
               Reason::VolumeOfAnotherMember, "'events'"},
        Unseen{"read_only", [](Machine& m, auto const&) { m.mounts.mounts[0].read_only = true; },
               Reason::FilesystemFailed}),
    [](auto const& row) { return row.param.name; });

TEST(Copies, AreToldByTheirVolumeAndByTheirSnapshot) {
  VolumeMarker marker{.volume_id = "vol-1"};
  EXPECT_EQ(copied_from(marker, "vol-1", ""), "");
  EXPECT_EQ(copied_from(marker, "vol-2", ""), "vol-1");
  EXPECT_EQ(copied_from(marker, "vol-2", "snap-1"), "vol-1 (from snap-1)");
  // One line of haagent.json edited by hand.
  marker.volume_id = "vol-2";
  EXPECT_EQ(copied_from(marker, "vol-2", "snap-1"), "snap-1");
  make_own(marker, "vol-2", "snap-1");
  EXPECT_EQ(copied_from(marker, "vol-2", "snap-1"), "");
  // And a snapshot of that, in the next volume's place.
  EXPECT_EQ(copied_from(marker, "vol-3", "snap-2"), "vol-2 (from snap-2)");
  EXPECT_EQ(copied_from(marker, "vol-2", "snap-2"), "snap-2");
}

}  // namespace
}  // namespace haagent::volumes
