#include "volumes/filesystem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/in_short.h"

#include "volumes/marker_check.h"

namespace haagent::volumes {
namespace {

using testing::AllOf;
using testing::HasSubstr;

BlockDevice const kDisk{"/dev/nvme1n1", 1, 20ull << 30u};

EtcdVolume fresh() {
  EtcdVolume volume;
  volume.volume_id = "vol-1";
  volume.member = "a";
  volume.members = {"a", "b", "c"};
  volume.size_gib = 20;
  return volume;
}

std::string said(FilesystemDecision const& decision) {
  struct {
    std::string operator()(Ready const& d) { return "ready " + d.type; }
    std::string operator()(Tag const& d) { return "tag " + d.type; }
    std::string operator()(Make const& d) {
      return "make " + d.type + (d.again ? " again as " + d.again->uuid : "");
    }
    std::string operator()(RefuseDisk const& d) { return "refuse: " + test::in_short(d.message); }
  } say;
  return std::visit(say, decision);
}

struct Found {  // beside a fresh volume of 20 GiB, wanted as ext4
  EtcdVolume volume = fresh();
  BlockDevice device = kDisk;
  std::string wanted = "ext4";
};

struct Case {
  std::string name;
  Probe probe;
  void (*change)(Found&);
  std::string expected;
  std::string says = "";  // figures and names of a refusal
};

class DecideFilesystem : public testing::TestWithParam<Case> {};

TEST_P(DecideFilesystem, Decides) {
  Found found;
  GetParam().change(found);
  auto const decision =
      decide_filesystem(GetParam().probe, found.volume, found.device, found.wanted);
  EXPECT_EQ(said(decision), GetParam().expected);
  if (auto const* refused = std::get_if<RefuseDisk>(&decision)) {
    EXPECT_THAT(refused->message.text,
                AllOf(HasSubstr("/dev/nvme1n1"), HasSubstr(GetParam().says)));
  }
}

constexpr char kUuid[] = "0f1e2d3c-4b5a-4697-8877-665544332211";
constexpr char kBegun[] = "ext4/0f1e2d3c-4b5a-4697-8877-665544332211/vol-1";
HalfMade const kHalf{"ext4", kUuid};

void nothing(Found&) {}
void begun(Found& found) {
  found.volume.formatting = kBegun;
}
void known(Found& found) {
  found.volume.formatted_at = "2026-01-01T00:00:00Z";
}

INSTANTIATE_TEST_SUITE_P(
    Table, DecideFilesystem,
    testing::Values(
        Case{"blank_and_never_used", Blank{}, nothing, "make ext4"},
        Case{"blank_and_xfs_wanted", Blank{}, [](Found& f) { f.wanted = "xfs"; }, "make xfs"},
        Case{"blank_but_formatted", Blank{}, known, "refuse: VolumeDataMissing vol-1",
             "2026-01-01"},
        Case{"blank_but_joined", Blank{}, [](Found& f) { f.volume.etcd_cluster_id = "c0ffee"; },
             "refuse: VolumeDataMissing vol-1", "c0ffee"},
        Case{"blank_but_from_a_snapshot", Blank{},
             [](Found& f) { f.volume.snapshot_id = "snap-1"; }, "refuse: VolumeDataMissing vol-1",
             "snap-1"},
        Case{"blank_but_of_another_size", Blank{}, [](Found& f) { f.device.bytes -= 512; },
             "refuse: DiskChanged vol-1", "21474835968"},
        Case{"blank_of_unknown_size", Blank{}, [](Found& f) { f.volume.size_gib = 0; },
             "refuse: DiskChanged vol-1"},
        Case{"blank_and_a_strange_wish", Blank{}, [](Found& f) { f.wanted = "btrfs"; },
             "refuse: FilesystemUnsupported vol-1", "'btrfs'"},
        Case{"blank_and_begun", Blank{}, begun, std::string("make ext4 again as ") + kUuid},
        Case{"blank_and_begun_as_another_type", Blank{},
             [](Found& f) {
               begun(f);
               f.wanted = "xfs";
             },
             "make xfs"},
        Case{"half_made_and_begun_by_us", kHalf, begun, std::string("make ext4 again as ") + kUuid},
        Case{"half_made_whatever_is_wanted", kHalf,
             [](Found& f) {
               begun(f);
               f.wanted = "xfs";
             },
             std::string("make ext4 again as ") + kUuid},
        Case{"half_made_without_the_tag", kHalf, nothing, "refuse: DiskNotBlank vol-1"},
        Case{"half_made_by_another_mkfs", HalfMade{"ext4", "11111111-1111-4111-8111-111111111111"},
             begun, "refuse: DiskNotBlank vol-1"},
        Case{"half_made_as_another_type", HalfMade{"xfs", kUuid}, begun,
             "refuse: DiskNotBlank vol-1"},
        Case{"half_made_and_the_tag_of_another_volume", kHalf,
             [](Found& f) {
               f.volume.formatting = "ext4/0f1e2d3c-4b5a-4697-8877-665544332211/vol-2";
             },
             "refuse: DiskNotBlank vol-1"},
        Case{"half_made_but_done", kHalf, [](Found& f) { f.volume.formatting = "done"; },
             "refuse: DiskNotBlank vol-1"},
        Case{"half_made_but_formatted", kHalf,
             [](Found& f) {
               begun(f);
               known(f);
             },
             "refuse: VolumeDataMissing vol-1", "2026-01-01"},
        Case{"half_made_but_joined", kHalf,
             [](Found& f) {
               begun(f);
               f.volume.etcd_cluster_id = "c0ffee";
             },
             "refuse: VolumeDataMissing vol-1", "c0ffee"},
        Case{"half_made_but_from_a_snapshot", kHalf,
             [](Found& f) {
               begun(f);
               f.volume.snapshot_id = "snap-1";
             },
             "refuse: VolumeDataMissing vol-1", "snap-1"},
        Case{"half_made_but_of_another_size", kHalf,
             [](Found& f) {
               begun(f);
               f.device.bytes *= 2;
             },
             "refuse: DiskChanged vol-1"},
        Case{"foreign_and_begun", Foreign{"data at byte 4096"}, begun, "refuse: DiskNotBlank vol-1",
             "4096"},
        Case{"ext4_that_was_finished_and_not_tagged", Formatted{"ext4", kUuid, "l"}, begun,
             "tag ext4"},
        Case{"foreign", Foreign{"a gpt partition table"}, nothing, "refuse: DiskNotBlank vol-1"},
        Case{"ext4_that_is_known", Formatted{"ext4", "u", "l"}, known, "ready ext4"},
        Case{"ext4_whatever_is_wanted", Formatted{"ext4", "u", "l"},
             [](Found& f) {
               known(f);
               f.wanted = "xfs";
             },
             "ready ext4"},
        Case{"xfs_that_is_known", Formatted{"xfs", "u", "l"}, known, "ready xfs"},
        Case{"ext4_without_its_tag", Formatted{"ext4", "u", "l"}, nothing, "tag ext4"},
        Case{"ext4_from_a_snapshot", Formatted{"ext4", "u", "l"},
             [](Found& f) {
               known(f);
               f.volume.snapshot_id = "snap-1";
             },
             "ready ext4"},
        Case{"ext4_that_was_grown", Formatted{"ext4", "u", "l"},
             [](Found& f) {
               known(f);
               f.device.bytes *= 2;
             },
             "ready ext4"},
        Case{"btrfs", Formatted{"btrfs", "u", "home"}, nothing,
             "refuse: FilesystemUnsupported vol-1", "'home'"},
        Case{"ext3", Formatted{"ext3", "u", "l"}, known, "refuse: FilesystemUnsupported vol-1"}),
    [](auto const& row) { return row.param.name; });

TEST(MakingOf, IsWhatTheTagSaysOfThisVolume) {
  auto volume = fresh();
  EXPECT_FALSE(making_of(volume));
  for (std::string type : {"ext4", "xfs"}) {
    auto const making = new_making(type, "vol-1");
    volume.formatting = to_tag(making);
    EXPECT_EQ(making_of(volume), making) << volume.formatting;
    EXPECT_NE(new_making(type, "vol-1").uuid, making.uuid);
    EXPECT_THAT(making.uuid, testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-"
                                                   "[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  }
  for (auto const* other :
       {"done", "ext4", "ext4/x/vol-1", "ext4/0f1e2d3c-4b5a-4697-8877-665544332211/vol-11",
        "ext4/0f1e2d3c-4b5a-4697-8877-665544332211",
        "ext4/0F1E2D3C-4B5A-4697-8877-665544332211/vol-1",
        "btrfs/0f1e2d3c-4b5a-4697-8877-665544332211/vol-1",
        "ext4/0f1e2d3c-4b5a-4697-8877-665544332211/vol-1/", "//"}) {
    volume.formatting = other;
    EXPECT_FALSE(making_of(volume)) << other;
  }
}

TEST(FilesystemLabel, FitsIntoTheSuperblock) {
  for (auto cluster : kEtcdClusters) {
    EXPECT_LE(filesystem_label("ext4", cluster).size(), 16u);
    EXPECT_LE(filesystem_label("xfs", cluster).size(), 12u);
  }
  EXPECT_EQ(filesystem_label("ext4", EtcdCluster::main), "haagent-main");
}

// --- The marker at its root.

VolumeMarker expected() {
  return {.cluster = "prod.example.com",
          .etcd = "main",
          .member = "a",
          .members = {"a", "b", "c"},
          .volume_id = "vol-1",
          .formatted_at = "t",
          .etcd_cluster_id = ""};
}

std::string said(MarkerDecision const& decision) {
  struct {
    std::string operator()(MarkerFits const&) { return "fits"; }
    std::string operator()(WriteMarker const&) { return "write"; }
    std::string operator()(RefuseMarker const& d) { return "refuse: " + test::in_short(d.message); }
  } say;
  return std::visit(say, decision);
}

TEST(DecideMarker, AnEmptyFilesystemBecomesOurs) {
  EXPECT_EQ(said(decide_marker(std::nullopt, expected(), {})), "write");
}

TEST(DecideMarker, ItsOwnFitsWhateverStandsBeside) {
  auto marker = expected();
  marker.etcd_cluster_id = "c0ffee";
  marker.members = {"a"};
  EXPECT_EQ(said(decide_marker(marker, expected(), {"data", "what-else"})), "fits");
}

TEST(DecideMarker, FilesWithoutAMarkerAreSomebodys) {
  auto const decision = decide_marker(std::nullopt, expected(), {"0.wal", "db.snap"});
  EXPECT_EQ(said(decision), "refuse: VolumeUnidentified vol-1");
  auto const& message = std::get<RefuseMarker>(decision).message;
  EXPECT_THAT(message.text, AllOf(HasSubstr("0.wal"), HasSubstr("db.snap")));
  EXPECT_THAT(message.advice,
              AllOf(HasSubstr("haagent.json"), HasSubstr("\"volumeId\":\"vol-1\"")));
}

TEST(DecideMarker, AnEmptyFilesystemOfAMemberThatHasJoinedIsALoss) {
  auto joined = expected();
  joined.etcd_cluster_id = "c0ffee";
  EXPECT_EQ(said(decide_marker(std::nullopt, joined, {})), "refuse: VolumeDataMissing vol-1");
}

TEST(DecideMarker, AnothersMarkerIsRefusedSayingBoth) {
  for (auto [member, was] : {std::pair{&VolumeMarker::cluster, "other.example.com"},
                             {&VolumeMarker::etcd, "events"},
                             {&VolumeMarker::member, "b"}}) {
    auto marker = expected();
    marker.*member = was;
    auto const decision = decide_marker(marker, expected(), {});
    EXPECT_EQ(said(decision), "refuse: VolumeOfAnotherMember vol-1");
    EXPECT_THAT(std::get<RefuseMarker>(decision).message.text,
                AllOf(HasSubstr(fmt::format("'{}'", was)),
                      HasSubstr(fmt::format("'{}'", expected().*member))));
  }
}

// What becomes of it is decided where etcd is known.
TEST(DecideMarker, ACopyOfAnotherVolumeOfTheMemberFits) {
  auto marker = expected();
  marker.volume_id = "vol-2";
  EXPECT_EQ(said(decide_marker(marker, expected(), {"data"})), "fits");
}

}  // namespace
}  // namespace haagent::volumes
