// device, filesystem and mount on disks in memory: what is needed, what is refused, and that
// nothing is made twice.
#include "volumes/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/volume_marker.h"
#include "tests/unit/volumes/machine.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

std::vector<std::string> const kMainRows = {"volume-main", "device-main", "filesystem-main",
                                            "mount-main"};

class StepsTest : public testing::Test {
 protected:
  StepsTest() {
    ec2.add(etcd_volume("vol-m", EtcdCluster::main));
    ec2.add(etcd_volume("vol-e", EtcdCluster::events));
    machine.devices.know("vol-m", 1);
    machine.devices.know("vol-e", 2);
  }
  FakeDisks::Disk& disk() { return machine.disks.disks["/dev/vol-m"]; }
  std::string point() {
    return std::filesystem::weakly_canonical(machine.root / "var/lib/haagent-etcd/main").string();
  }
  bool volume_and_device() { return machine.converge({"volume-main", "device-main"}, 60s); }
  // The rows one after the other, as the boot list has them.
  bool boot() {
    for (auto const& row : kMainRows)
      if (!machine.converge({row}, 60s)) return false;
    return true;
  }
  // The first says that mkfs begins, the second that it has ended.
  void lose_the_second_tag(std::string const& code) {
    machine.disks.before_make = [this, code] { ec2.fail_next("CreateTags", code, "no"); };
  }
  // What a look finds to be needed.
  Result<void> act(std::string const& row) {
    return test::look_and_act(machine.step(row), *machine.facts);
  }

  test::FakeClock clock;
  test::FakeEc2 ec2{clock};
  Machine machine{ec2, clock, "i-me"};
};

TEST_F(StepsTest, AFreshVolumeIsFormattedTaggedMountedAndMarked) {
  ASSERT_TRUE(boot()) << machine.said["mount-main"];
  auto const* formatted = std::get_if<Formatted>(&disk().contents);
  ASSERT_TRUE(formatted);
  EXPECT_EQ(formatted->type, "ext4");
  EXPECT_EQ(formatted->label, "haagent-main");
  EXPECT_EQ(disk().made, 1);
  EXPECT_THAT(ec2.volume("vol-m").tags["haagent.io/formatted-at"], HasSubstr("2026-01-15T10:15"));
  auto marker = read_volume_marker(point());
  ASSERT_TRUE(marker && *marker);
  EXPECT_EQ((*marker)->cluster, "prod.example.com");
  EXPECT_EQ((*marker)->volume_id, "vol-m");
  EXPECT_EQ((*marker)->member, "a");
  EXPECT_EQ((*marker)->formatted_at, ec2.volume("vol-m").tags["haagent.io/formatted-at"]);
  auto mounted = *machine.facts->main.mount.get();
  EXPECT_EQ(mounted.mount_point, "/var/lib/haagent-etcd/main");
  EXPECT_EQ(mounted.filesystem, "ext4");
  EXPECT_EQ(std::filesystem::status(point()).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(StepsTest, ASecondBootChangesNothingAndAsksNobody) {
  ASSERT_TRUE(boot());
  machine.mounts.unmount_all();
  machine.reboot();
  auto calls = ec2.calls().size();
  ASSERT_TRUE(boot());
  EXPECT_EQ(ec2.calls().size(), calls);
  EXPECT_EQ(disk().made, 1);
  machine.reboot();  // the agent alone: everything is Done at the first look
  for (auto const& row : kMainRows) EXPECT_THAT(machine.look(row), HasSubstr("done: "));
  EXPECT_EQ(ec2.calls().size(), calls);
  ASSERT_TRUE(machine.facts->main.mount.get()) << "facts are there also where nothing was to do";
}

TEST_F(StepsTest, AMarkersClusterIdIsHandedOn) {
  ASSERT_TRUE(boot());
  auto marker = **read_volume_marker(point());
  marker.etcd_cluster_id = "cafe";
  ASSERT_TRUE(write_volume_marker(point(), marker));
  EXPECT_THAT(machine.look("mount-main"), HasSubstr("done: "));
  EXPECT_EQ(machine.facts->main.mount.get()->marker_etcd_cluster_id, "cafe");
}

TEST_F(StepsTest, ALateDiskIsWaitedForByName) {
  machine.devices.late = {"vol-m"};
  ASSERT_TRUE(machine.converge({"volume-main"}, 60s));
  EXPECT_EQ(machine.look("device-main"), "waiting: DeviceMissing vol-m");
  EXPECT_THAT(machine.message("device-main").text,
              AllOf(HasSubstr("/dev/sdf"), HasSubstr("nvme0n1")));
  machine.devices.late.clear();
  EXPECT_EQ(machine.look("device-main"), "done: DeviceFound vol-m /dev/vol-m");
}

// --- The golden rule.

TEST_F(StepsTest, NothingIsMadeOnADiskThatHoldsAnything) {
  for (Probe contents : {Probe{Foreign{"stray bytes"}}, Probe{Formatted{"btrfs", "u", "l"}},
                         Probe{Foreign{"crypto_LUKS (crypto)"}}}) {
    disk().contents = contents;
    ASSERT_TRUE(volume_and_device());
    auto const found = machine.step("filesystem-main").look(*machine.facts, {});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, Kind::refused);
    EXPECT_THAT(found.error().message.reason,
                testing::AnyOf(Reason::DiskNotBlank, Reason::FilesystemUnsupported));
    auto acted = act("filesystem-main");
    ASSERT_FALSE(acted);
    EXPECT_EQ(acted.error().kind, Kind::refused);
    EXPECT_EQ(disk().contents, contents);
  }
}

TEST_F(StepsTest, AnUnreadableDiskIsNeverBlank) {
  disk().readable = false;
  ASSERT_TRUE(volume_and_device());
  EXPECT_THAT(machine.look("filesystem-main"), HasSubstr("refused: DiskNotBlank"));
  EXPECT_FALSE(act("filesystem-main"));
  EXPECT_EQ(disk().made, 0);
}

TEST_F(StepsTest, ABlankDiskOfATaggedVolumeIsRefused) {
  auto used = etcd_volume("vol-m", EtcdCluster::main);
  used.tags["haagent.io/formatted-at"] = "2026-01-01T00:00:00Z";
  ec2.add(used);
  ASSERT_TRUE(volume_and_device());
  EXPECT_THAT(machine.look("filesystem-main"), HasSubstr("refused: "));
  EXPECT_FALSE(act("filesystem-main"));
  EXPECT_EQ(disk().made, 0);
}

TEST_F(StepsTest, WhatHappensBetweenLookAndLockCounts) {
  ASSERT_TRUE(volume_and_device());
  ASSERT_THAT(machine.look("filesystem-main"), HasSubstr("needed: DiskBlank vol-m"));
  machine.disks.before_make = [&] { disk().contents = Formatted{"ext4", "other", "data"}; };
  auto acted = act("filesystem-main");
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::refused);
  EXPECT_EQ(disk().contents, (Probe{Formatted{"ext4", "other", "data"}}));
}

TEST_F(StepsTest, ATagThatAppearedSinceTheLookIsSeenBeforeMkfs) {
  ASSERT_TRUE(volume_and_device());
  ASSERT_THAT(machine.look("filesystem-main"), HasSubstr("needed: DiskBlank vol-m"));
  ASSERT_TRUE(ec2.create_tags("vol-m", {{"haagent.io/formatted-at", "2026-01-01T00:00:00Z"}}, {}));
  clock.advance(31s);
  auto acted = act("filesystem-main");
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::refused);
  EXPECT_EQ(disk().made, 0);
}

TEST_F(StepsTest, OnTheRecordAloneNothingIsMade) {
  ASSERT_TRUE(volume_and_device());
  machine.reboot();
  ASSERT_TRUE(volume_and_device());  // from the record, without EC2
  ASSERT_THAT(machine.look("filesystem-main"), HasSubstr("needed: DiskBlank vol-m"));
  ec2.on_call = [&](std::string const& action) {
    if (action == "DescribeVolumes") ec2.fail_next(action, "Unavailable", "down");
  };
  auto acted = act("filesystem-main");
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::transient);
  EXPECT_EQ(disk().made, 0);
}

struct ShownCase {
  std::string name;
  void (*change)(aws::Volume&);  // of what EC2 shows
};
class NotHereAlone : public StepsTest, public testing::WithParamInterface<ShownCase> {};

TEST_P(NotHereAlone, IsNotFormatted) {
  ASSERT_TRUE(volume_and_device());
  ASSERT_THAT(machine.look("filesystem-main"), HasSubstr("needed: DiskBlank vol-m"));
  auto shown = ec2.volume("vol-m");
  GetParam().change(shown);
  ec2.add(shown);
  clock.advance(31s);
  auto acted = act("filesystem-main");
  ASSERT_FALSE(acted) << "a filesystem was made on a disk that may be another's";
  EXPECT_EQ(acted.error().kind, Kind::transient);
  EXPECT_EQ(acted.error().message.reason, Reason::AttachmentNotKnown);
  EXPECT_THAT(acted.error().message.text, HasSubstr("vol-m"));
  EXPECT_EQ(disk().made, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Table, NotHereAlone,
    testing::Values(
        ShownCase{"here_and_elsewhere",
                  [](aws::Volume& v) { v.attachments.push_back(attached_to("i-other")); }},
        ShownCase{"elsewhere", [](aws::Volume& v) { v.attachments = {attached_to("i-other")}; }},
        ShownCase{"nowhere", [](aws::Volume& v) { v.attachments.clear(); }},
        ShownCase{"busy", [](aws::Volume& v) { v.attachments[0].state = "busy"; }},
        ShownCase{"detaching", [](aws::Volume& v) { v.attachments[0].state = "detaching"; }},
        ShownCase{"multi_attach", [](aws::Volume& v) { v.multi_attach = true; }}),
    [](auto const& row) { return row.param.name; });

// The tags were taken away by hand: what this instance's record knows counts beside them.
TEST_F(StepsTest, HistoryOnTheRecordOutlastsItsTags) {
  for (auto const* tag : {"haagent.io/formatted-at", "haagent.io/etcd-cluster-id"}) {
    SCOPED_TRACE(tag);
    auto used = etcd_volume("vol-m", EtcdCluster::main);
    used.tags[tag] = "2026-01-01T00:00:00Z";
    ec2.add(used);
    ASSERT_TRUE(volume_and_device());  // and keeps it on record
    auto bare = ec2.volume("vol-m");
    bare.tags.erase(tag);
    ec2.add(bare);
    machine.reboot();
    clock.advance(31s);
    ASSERT_TRUE(volume_and_device());
    auto acted = act("filesystem-main");
    ASSERT_FALSE(acted) << "a filesystem was made on a volume that had one";
    EXPECT_EQ(acted.error().kind, Kind::refused) << acted.error().message.text;
    EXPECT_EQ(disk().made, 0);
    std::filesystem::remove(machine.root / "var/lib/haagent/volumes.json");
    machine.reboot();
  }
}

TEST_F(StepsTest, ATagThatCannotBeWrittenStaysNeededAndMkfsIsNeverRepeated) {
  ASSERT_TRUE(volume_and_device());
  lose_the_second_tag("UnauthorizedOperation");
  auto acted = act("filesystem-main");
  ASSERT_FALSE(acted);
  EXPECT_THAT(acted.error().message.text, HasSubstr("ec2:CreateTags"));
  auto at = to_rfc3339(clock.utc());
  clock.advance(10min);
  EXPECT_EQ(machine.look("filesystem-main"), "needed: FilesystemUntagged vol-m");
  ASSERT_TRUE(act("filesystem-main"));
  EXPECT_THAT(machine.look("filesystem-main"), HasSubstr("done: "));
  EXPECT_EQ(disk().made, 1);
  EXPECT_EQ(ec2.volume("vol-m").tags["haagent.io/formatted-at"], at) << "when it was made";
}

TEST_F(StepsTest, ADiskThatReadsBlankAfterItsMkfsIsNotMadeAgain) {
  ASSERT_TRUE(volume_and_device());
  lose_the_second_tag("Unavailable");
  ASSERT_FALSE(act("filesystem-main"));
  disk().contents = Blank{};
  EXPECT_THAT(machine.look("filesystem-main"), HasSubstr("refused: "));
  EXPECT_FALSE(act("filesystem-main"));
  EXPECT_EQ(disk().made, 1);
}

TEST_F(StepsTest, WithoutTheEvidenceNoMkfsBegins) {
  ASSERT_TRUE(volume_and_device());
  ec2.fail_next("CreateTags", "UnauthorizedOperation", "no");
  auto acted = act("filesystem-main");
  ASSERT_FALSE(acted);
  EXPECT_THAT(acted.error().message.text,
              AllOf(HasSubstr("ec2:CreateTags"), HasSubstr("haagent.io/formatting=ext4/")));
  EXPECT_EQ(disk().contents, Probe(Blank{}));
  ASSERT_TRUE(act("filesystem-main"));
  EXPECT_EQ(ec2.volume("vol-m").tags["haagent.io/formatting"], "done");
}

class CutShort : public StepsTest {
 protected:
  CutShort() {
    EXPECT_TRUE(volume_and_device());
    machine.disks.cut_short = true;
    EXPECT_FALSE(act("filesystem-main"));
    EXPECT_TRUE(std::holds_alternative<HalfMade>(disk().contents));
    machine.reboot();
    clock.advance(31s);
  }
  void change(std::function<void(aws::Volume&)> const& how) {
    auto shown = ec2.volume("vol-m");
    how(shown);
    ec2.add(shown);
  }
  void forget_the_record() {
    std::filesystem::remove(machine.root / "var/lib/haagent/volumes.json");
    machine.reboot();
  }
  void expect_left_alone() {
    auto const before = disk().contents;
    ASSERT_TRUE(volume_and_device());
    EXPECT_THAT(machine.look("filesystem-main"), HasSubstr("refused: "));
    EXPECT_FALSE(act("filesystem-main"));
    EXPECT_EQ(disk().made, 0);
    EXPECT_EQ(disk().contents, before);
  }
};

TEST_F(CutShort, IsMadeAgainByTheSameMachine) {
  ASSERT_TRUE(boot()) << machine.said["filesystem-main"];
  EXPECT_EQ(disk().made, 1);
  EXPECT_EQ(ec2.volume("vol-m").tags["haagent.io/formatting"], "done");
  EXPECT_NE(ec2.volume("vol-m").tags["haagent.io/formatted-at"], "");
}

TEST_F(CutShort, IsMadeAgainByASuccessorOfWhichNothingIsOnRecord) {
  forget_the_record();
  ASSERT_TRUE(boot()) << machine.said["filesystem-main"];
  EXPECT_EQ(disk().made, 1);
}

TEST_F(CutShort, OnTheRecordAloneIsMadeAgainWhileDescribesLag) {
  change([](aws::Volume& v) { v.tags.erase("haagent.io/formatting"); });
  ASSERT_TRUE(boot()) << machine.said["filesystem-main"];
  EXPECT_EQ(ec2.volume("vol-m").tags["haagent.io/formatting"], "done");
}

TEST_F(CutShort, IsLeftAloneWhereNothingSaysThatItIsOurs) {
  change([](aws::Volume& v) { v.tags.erase("haagent.io/formatting"); });
  forget_the_record();
  expect_left_alone();
}

TEST_F(CutShort, ACopyWithTheTagsOfItsOriginalIsLeftAlone) {
  change([](aws::Volume& v) { v.tags["haagent.io/formatting"] += "-original"; });
  forget_the_record();
  expect_left_alone();
}

TEST_F(CutShort, AgainAndAgainItComesBackUnderOneUuid) {
  auto const uuid = std::get<HalfMade>(disk().contents).uuid;
  for (int i = 0; i < 3; ++i) {
    machine.disks.cut_short = true;
    ASSERT_TRUE(volume_and_device());
    EXPECT_FALSE(act("filesystem-main"));
    machine.reboot();
    if (i == 1) forget_the_record();
  }
  ASSERT_TRUE(boot()) << machine.said["filesystem-main"];
  EXPECT_EQ(std::get<Formatted>(disk().contents).uuid, uuid);
}

TEST_F(StepsTest, AfterwardsRemainsAreNotTakenForOurs) {
  ASSERT_TRUE(boot());
  auto const uuid = std::get<Formatted>(disk().contents).uuid;
  machine.mounts.unmount_all();
  // The worst that can come together: the data lost in part, and the tag of its end taken off.
  disk().contents = HalfMade{"ext4", uuid};
  auto shown = ec2.volume("vol-m");
  shown.tags.erase("haagent.io/formatted-at");
  ec2.add(shown);
  for (bool record : {true, false}) {
    if (!record) std::filesystem::remove(machine.root / "var/lib/haagent/volumes.json");
    machine.reboot();
    clock.advance(31s);
    ASSERT_TRUE(volume_and_device());
    EXPECT_THAT(machine.look("filesystem-main"), HasSubstr("refused: "));
    EXPECT_FALSE(act("filesystem-main"));
    EXPECT_EQ(disk().made, 1);
  }
}

TEST_F(StepsTest, AFilesystemOfOldKopsIsTaggedAndKept) {
  disk().contents = Formatted{"ext4", "old", ""};
  ASSERT_TRUE(volume_and_device());
  ASSERT_TRUE(machine.converge({"filesystem-main"}, 10s));
  EXPECT_EQ(disk().contents, (Probe{Formatted{"ext4", "old", ""}}));
  EXPECT_NE(ec2.volume("vol-m").tags["haagent.io/formatted-at"], "");
}

// --- Mounting.

TEST_F(StepsTest, FilesWithoutAMarkerAreRefused) {
  ASSERT_TRUE(boot());
  std::filesystem::remove(volume_marker_path(point()));
  test::write_bytes(point() + "/member/snap/db", "data");
  EXPECT_THAT(machine.look("mount-main"), "refused: VolumeUnidentified vol-m");
  EXPECT_THAT(machine.message("mount-main").advice, HasSubstr("haagent.json"));
  EXPECT_FALSE(machine.facts->main.mount.get()) << "nobody may start etcd there";
  EXPECT_FALSE(act("mount-main"));
  EXPECT_FALSE(std::filesystem::exists(volume_marker_path(point())));
}

TEST_F(StepsTest, AMarkerThatAPowerCutLeftHalfWrittenIsNobodysData) {
  ASSERT_TRUE(boot());
  std::filesystem::rename(volume_marker_path(point()),
                          std::filesystem::path(point()) / ".haagent.json.Xy12Z0");
  machine.reboot();
  EXPECT_TRUE(boot()) << machine.said["mount-main"];
  EXPECT_TRUE(*read_volume_marker(point()));
}

TEST_F(StepsTest, AnothersMarkerIsRefused) {
  ASSERT_TRUE(boot());
  auto marker = **read_volume_marker(point());
  marker.member = "b";
  ASSERT_TRUE(write_volume_marker(point(), marker));
  machine.reboot();
  machine.mounts.unmount_all();
  EXPECT_FALSE(boot());
  EXPECT_THAT(machine.look("mount-main"), "refused: VolumeOfAnotherMember vol-m");
  EXPECT_THAT(machine.message("mount-main").text, HasSubstr("'b'"));
  EXPECT_FALSE(act("mount-main"));
}

// A volume made from a snapshot of another one of this member: what becomes of its data is decided
// where etcd is known.
TEST_F(StepsTest, ACopyOfAnotherVolumeIsMountedAndToldApart) {
  ASSERT_TRUE(boot());
  auto marker = **read_volume_marker(point());
  marker.volume_id = "vol-original";
  ASSERT_TRUE(write_volume_marker(point(), marker));
  machine.reboot();
  machine.mounts.unmount_all();
  EXPECT_TRUE(boot());
  EXPECT_THAT(machine.look("mount-main"), "done: VolumeIsCopy vol-m");
  EXPECT_THAT(machine.message("mount-main").text, HasSubstr("vol-original"));
  EXPECT_EQ((*read_volume_marker(point()))->volume_id, "vol-original") << "looking never writes";
}

// An empty filesystem holds nothing that could be older than something else.
TEST_F(StepsTest, AnEmptyFilesystemOfASnapshotIsItsOwn) {
  auto volume = ec2.volume("vol-m");
  volume.snapshot_id = "snap-1";
  volume.tags["haagent.io/formatted-at"] = "2026-01-01T00:00:00Z";
  ec2.add(volume);
  ASSERT_TRUE(volume_and_device());
  disk().contents = Formatted{"ext4", "u", ""};
  ASSERT_TRUE(boot()) << machine.said["mount-main"];
  auto const marker = **read_volume_marker(point());
  EXPECT_EQ(marker.snapshot_id, "snap-1");
  EXPECT_EQ(copied_from(marker, "vol-m", "snap-1"), "");
}

// Whoever took the mount away may be at work on the disk.
TEST_F(StepsTest, AMountThatIsGoneIsToldAndNotMadeAgain) {
  ASSERT_TRUE(boot());
  machine.mounts.unmount_all();
  EXPECT_THAT(machine.look("mount-main"), "refused: VolumeUnmounted vol-m");
  EXPECT_THAT(machine.message("mount-main").text, HasSubstr("vol-m"));
  EXPECT_THAT(machine.message("mount-main").advice, HasSubstr(" haagent'"));
  EXPECT_FALSE(machine.facts->main.mount.get());
  EXPECT_TRUE(machine.mounts.mounts.empty());
  // An agent that starts anew mounts it again, as it says.
  machine.reboot();
  EXPECT_TRUE(boot());
  EXPECT_EQ(machine.mounts.mounts.size(), 1u);
}

TEST_F(StepsTest, ADiskThatIsGoneIsToldByTheMountAsWell) {
  ASSERT_TRUE(boot());
  machine.devices.forget("vol-m");
  (void)machine.look("device-main");
  EXPECT_THAT(machine.look("mount-main"), "refused: VolumeGone vol-m");
}

TEST_F(StepsTest, ATornMarkerIsRefused) {
  ASSERT_TRUE(boot());
  test::write_bytes(volume_marker_path(point()), "{\"cluster\": \"pro");
  EXPECT_THAT(machine.look("mount-main"), HasSubstr("refused: "));
}

struct MountedCase {
  std::string name;
  void (*change)(Mount&);
  Reason expected;
};
class MountedWrongly : public StepsTest, public testing::WithParamInterface<MountedCase> {};

TEST_P(MountedWrongly, IsRefused) {
  ASSERT_TRUE(boot());
  GetParam().change(machine.mounts.mounts[0]);
  auto const found = machine.step("mount-main").look(*machine.facts, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Kind::refused);
  EXPECT_EQ(found.error().message.reason, GetParam().expected);
  EXPECT_FALSE(machine.facts->main.mount.get());
  auto before = machine.mounts.mounts;
  EXPECT_FALSE(act("mount-main"));
  EXPECT_EQ(machine.mounts.mounts, before);
}

INSTANTIATE_TEST_SUITE_P(
    Table, MountedWrongly,
    testing::Values(
        MountedCase{"another_disk", [](Mount& m) { m.device = 7; }, Reason::MountedElsewhere},
        MountedCase{"a_part_of_it", [](Mount& m) { m.root = "/sub"; }, Reason::MountedElsewhere},
        MountedCase{"read_only", [](Mount& m) { m.read_only = true; }, Reason::FilesystemFailed},
        MountedCase{"as_another_type", [](Mount& m) { m.filesystem = "ext2"; },
                    Reason::FilesystemUnsupported}),
    [](auto const& row) { return row.param.name; });

TEST_F(StepsTest, AnExt4ThatGoesOnAfterAnErrorIsRemounted) {
  ASSERT_TRUE(boot());
  auto& mount = machine.mounts.mounts[0];
  EXPECT_EQ(mount.on_error, "remount-ro");
  // By its own option, or by its superblock where the mount says nothing.
  for (std::string said : {"continue", "panic", ""}) {
    SCOPED_TRACE(said);
    mount.on_error = said;
    disk().on_error = said.empty() ? "continue" : "remount-ro";
    EXPECT_THAT(machine.look("mount-main"), "needed: MountOptionsDiffer vol-m");
    ASSERT_TRUE(boot()) << machine.said["mount-main"];
    EXPECT_EQ(mount.on_error, "remount-ro");
    EXPECT_TRUE(machine.facts->main.mount.get());
  }
  mount.on_error.clear();
  disk().on_error = "remount-ro";
  EXPECT_THAT(machine.look("mount-main"), HasSubstr("done: ")) << "its superblock says so";
  mount.filesystem = "xfs";
  disk().on_error = "continue";
  EXPECT_THAT(machine.look("mount-main"), HasSubstr("done: ")) << "an XFS has no such option";
}

TEST_F(StepsTest, ARemountThatFailsIsAWarning) {
  ASSERT_TRUE(boot());
  machine.mounts.mounts[0].on_error = "continue";
  machine.mounts.can_remount = false;
  ASSERT_TRUE(boot()) << machine.said["mount-main"];
  EXPECT_THAT(machine.look("mount-main"), "done: MountOptionsNotApplied vol-m");
  EXPECT_TRUE(machine.facts->main.mount.get());
}

TEST_F(StepsTest, AnotherMountOnTopOfOursIsSeen) {
  ASSERT_TRUE(boot());
  machine.mounts.mounts.push_back({9, "/", point(), "tmpfs", "tmpfs", false});
  EXPECT_THAT(machine.look("mount-main"), "refused: MountedElsewhere vol-m");
}

TEST_F(StepsTest, ADiskThatIsMountedElsewhereIsNotMountedTwice) {
  ASSERT_TRUE(volume_and_device());
  disk().contents = Formatted{"ext4", "u", ""};
  machine.mounts.mounts = {{1, "/", "/mnt", "ext4", "/dev/vol-m", false}};
  EXPECT_THAT(machine.look("filesystem-main"), HasSubstr("done: ")) << "it is not even probed";
  EXPECT_THAT(machine.look("mount-main"), "refused: MountedElsewhere vol-m");
  EXPECT_THAT(machine.message("mount-main").text, HasSubstr("/mnt"));
}

TEST_F(StepsTest, FilesOfTheRootDiskAreNotHidden) {
  ASSERT_TRUE(volume_and_device());
  ASSERT_TRUE(machine.converge({"filesystem-main"}, 10s));
  test::write_bytes(point() + "/member/wal/0.wal", "written without its disk");
  EXPECT_THAT(machine.look("mount-main"), "refused: MountPointNotEmpty vol-m");
  EXPECT_FALSE(act("mount-main"));
  EXPECT_TRUE(machine.mounts.mounts.empty());
}

TEST_F(StepsTest, WhatBecameOfTheDiskBeforeItsMountCounts) {
  ASSERT_TRUE(volume_and_device());
  ASSERT_TRUE(machine.converge({"filesystem-main"}, 10s));
  for (Probe contents : {Probe{Blank{}}, Probe{Formatted{"btrfs", "u", "l"}},
                         Probe{Foreign{"a gpt partition table"}}}) {
    disk().contents = contents;
    auto acted = act("mount-main");
    ASSERT_FALSE(acted) << "it was mounted all the same";
    EXPECT_EQ(acted.error().kind, Kind::refused);
    EXPECT_TRUE(machine.mounts.mounts.empty());
  }
}

TEST_F(StepsTest, ErrorsThatFsckLeavesAreRefused) {
  ASSERT_TRUE(volume_and_device());
  ASSERT_TRUE(machine.converge({"filesystem-main"}, 10s));
  disk().fsck_exit = 4;
  auto acted = act("mount-main");
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::refused);
  EXPECT_TRUE(machine.mounts.mounts.empty());
  disk().fsck_exit = 1;
  EXPECT_TRUE(machine.converge({"mount-main"}, 10s));
}

TEST(JudgeFsck, GoesByTheBits) {
  for (int fine : {0, 1, 2, 3}) EXPECT_TRUE(judge_fsck(fine, "/dev/x", "")) << fine;
  for (int left : {4, 5, 6, 12})
    EXPECT_EQ(judge_fsck(left, "/dev/x", "").error().kind, Kind::refused) << left;
  for (int broken : {8, 16, 32, 128, 137})
    EXPECT_EQ(judge_fsck(broken, "/dev/x", "").error().kind, Kind::internal) << broken;
}

TEST_F(StepsTest, AGrownDiskGrowsItsFilesystem) {
  disk().filesystem_bytes = 10ull << 30u;
  ASSERT_TRUE(boot()) << machine.said["mount-main"];
  EXPECT_EQ(disk().filesystem_bytes, 20ull << 30u);
}

TEST_F(StepsTest, AFailedGrowIsAWarning) {
  disk().filesystem_bytes = 10ull << 30u;
  disk().can_grow = false;
  ASSERT_TRUE(boot());
  EXPECT_EQ(machine.look("mount-main"), "done: FilesystemNotGrown vol-m");
  EXPECT_THAT(machine.message("mount-main").text,
              AllOf(HasSubstr("/var/lib/haagent-etcd/main"), HasSubstr("10.0"), HasSubstr("20.0"),
                    HasSubstr("resize_inode")));
  machine.mounts.mounts[0].on_error = "continue";
  machine.mounts.can_remount = false;
  ASSERT_TRUE(boot());
  EXPECT_EQ(machine.look("mount-main"), "done: FilesystemNotGrown vol-m MountOptionsNotApplied")
      << "another warning is news";
}

// --- Interrupted after each change, started anew, and held to the same world.

TEST_F(StepsTest, EveryInterruptionEndsInTheSameWorldWithOneMkfs) {
  // Each act is one change; `k` of them happen before the machine reboots.
  for (int k = 0; k < 12; ++k) {
    SCOPED_TRACE(k);
    test::FakeClock own_clock;
    test::FakeEc2 own_ec2{own_clock};
    own_ec2.add(etcd_volume("vol-m", EtcdCluster::main));
    own_ec2.add(etcd_volume("vol-e", EtcdCluster::events));
    Machine each(own_ec2, own_clock, "i-me");
    each.devices.know("vol-m", 1);
    each.devices.know("vol-e", 2);
    int left = k;
    for (auto const& row : kMainRows) {
      for (int i = 0; i < 100 && left > 0; ++i) {
        auto said = each.look(row);
        if (said.starts_with("done: ")) break;
        if (said.starts_with("needed: ")) {
          (void)each.act();
          --left;
        }
        own_clock.advance(500ms);
      }
    }
    each.mounts.unmount_all();
    each.reboot();
    for (auto const& row : kMainRows)
      ASSERT_TRUE(each.converge({row}, 60s)) << row << ": " << each.said[row];
    EXPECT_EQ(each.disks.disks["/dev/vol-m"].made, 1);
    EXPECT_EQ(own_ec2.calls_of("AttachVolume"), 2);
    EXPECT_NE(own_ec2.volume("vol-m").tags["haagent.io/formatted-at"], "");
    EXPECT_TRUE(each.facts->main.mount.get());
  }
}

}  // namespace
}  // namespace haagent::volumes
