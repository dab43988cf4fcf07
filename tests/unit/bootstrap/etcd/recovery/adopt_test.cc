// Which copy goes on as the cluster, and when none may.
#include "bootstrap/etcd/recovery/adopt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Reach = MemberAnswer::Reach;

constexpr std::uint64_t kCluster = 0xc1;
UtcTime const kThen = UtcTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 15));

EtcdVolume volume(char member) {
  return {.volume_id = std::string("vol-") + member,
          .member = std::string(1, member),
          .members = {"a", "b", "c"},
          .etcd_cluster_id = "c1",
          .formatted_at = "2026-01-01T00:00:00Z",
          .snapshot_id = std::string("snap-") + member,
          .instance_id = std::string("i-") + member};
}

SeenMember copy(char member, std::uint64_t term, std::uint64_t index, std::uint64_t committed) {
  SeenMember seen;
  seen.answer = {.member = std::string(1, member), .reach = Reach::unreachable, .why = "refused"};
  seen.log =
      EtcdLogEnd{.cluster_id = kCluster, .term = term, .index = index, .committed = committed};
  seen.copy = EtcdCopy{.of = "vol-old", .written = kThen + std::chrono::minutes(member - 'a')};
  return seen;
}

// All three were replaced; b's snapshot is the youngest.
SeenCluster replaced() {
  return {.etcd = EtcdCluster::main,
          .own_member = "a",
          .own_volume = "vol-a",
          .own_data = true,
          .own_identity = {1, kCluster},
          .volumes = {volume('a'), volume('b'), volume('c')},
          .members = {copy('a', 2, 101, 100), copy('b', 2, 121, 120), copy('c', 2, 111, 110)}};
}

BackupManifest backup(UtcTime created) {
  BackupManifest made;
  made.name = "backup-1";
  made.cluster_id = "c1";
  made.created_at = created;
  return made;
}

TEST(MayAdopt, TheOneThatKeepsMostGoesOnWhoeverAsks) {
  auto const seen = replaced();
  auto const chosen = may_adopt(seen, {}, {});
  ASSERT_TRUE(chosen) << chosen.error().message.text;
  EXPECT_EQ(chosen->member, "b");
  EXPECT_EQ(chosen->volume_id, "vol-b");
  EXPECT_EQ(chosen->cluster_id, kCluster);
  EXPECT_EQ(chosen->dropped, 1u);
  auto const note = adoption_note(seen, *chosen);
  EXPECT_THAT(note, HasSubstr("vol-b"));
  EXPECT_THAT(note, HasSubstr("120"));
  auto const lines = what_volumes_hold(seen);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], HasSubstr("vol-old"));
  EXPECT_THAT(lines[0], HasSubstr("2026-01-15T00:00:00Z"));
}

TEST(MayAdopt, AnOriginalThatIsLeftAmongCopiesGoesOnWhereItKeepsMost) {
  auto seen = replaced();
  seen.members[2] = copy('c', 3, 200, 199);
  seen.members[2].copy.reset();
  auto const chosen = may_adopt(seen, {}, {});
  ASSERT_TRUE(chosen) << chosen.error().message.text;
  EXPECT_EQ(chosen->member, "c");
}

// By the tags alone: d and e have blank volumes, and are no members yet.
void grow_to_five(SeenCluster& seen) {
  for (char const member : {'d', 'e'}) {
    auto blank = volume(member);
    blank.etcd_cluster_id.clear();
    blank.formatted_at.clear();
    blank.snapshot_id.clear();
    seen.volumes.push_back(blank);
  }
  for (auto& each : seen.volumes) each.members = {"a", "b", "c", "d", "e"};
}

struct No {
  std::string name;
  std::function<void(SeenCluster&, std::optional<BackupManifest>&)> change;
  Reason why;
  std::string says;
  bool flag_goes_on;  // --lose-newer-writes
};
class MayNotAdopt : public testing::TestWithParam<No> {};

TEST_P(MayNotAdopt, AndSaysWhy) {
  auto const& row = GetParam();
  auto seen = replaced();
  std::optional<BackupManifest> newest;
  row.change(seen, newest);
  auto const may = may_adopt(seen, newest, {});
  ASSERT_FALSE(may);
  EXPECT_EQ(may.error().kind, Kind::refused);
  EXPECT_EQ(may.error().message.reason, row.why) << may.error().message.sentence();
  EXPECT_THAT(may.error().message.text, HasSubstr(row.says));
  if (row.flag_goes_on) {
    EXPECT_THAT(may.error().message.advice, HasSubstr("--lose-newer-writes"));
  }
  EXPECT_EQ(may_adopt(seen, newest, {.newer_writes = true}).has_value(), row.flag_goes_on);
}

INSTANTIATE_TEST_SUITE_P(
    Table, MayNotAdopt,
    testing::Values(No{"a_cluster_serves",
                       [](SeenCluster& seen, auto&) {
                         seen.members[2].answer.reach = Reach::answers;
                         seen.members[2].answer.cluster_id = kCluster;
                         seen.members[2].answer.quorum_list.emplace();
                       },
                       Reason::QuorumServes, "c1", false},
                    No{"no_copy_at_all",
                       [](SeenCluster& seen, auto&) {
                         for (auto& each : seen.members) each.copy.reset();
                       },
                       Reason::VolumesAreNoCopies, "", false},
                    No{"two_volumes_of_one_member",
                       [](SeenCluster& seen, auto&) {
                         seen.volumes.push_back(volume('c'));
                         seen.volumes.back().volume_id = "vol-c2";
                       },
                       Reason::VolumeTagsInvalid, "vol-c", false},
                    No{"a_tag_that_cannot_be_read",
                       [](SeenCluster& seen, auto&) {
                         seen.volumes[1].member.clear();
                         seen.volumes[1].members.clear();
                         seen.volumes[1].tag_error = "it says 'b'";
                       },
                       Reason::VolumeTagsInvalid, "'b'", false},
                    No{"data_of_two_clusters",
                       [](SeenCluster& seen, auto&) { seen.members[2].log->cluster_id = 0xc2; },
                       Reason::VolumeTagsInvalid, "c2", false},
                    No{"one_master_says_nothing",
                       [](SeenCluster& seen, auto&) {
                         seen.members[2].log.reset();
                         seen.members[2].copy.reset();
                       },
                       Reason::VolumesNotCompared, "vol-c", true},
                    No{"two_masters_say_nothing",
                       [](SeenCluster& seen, auto&) {
                         for (int i : {1, 2}) {
                           seen.members[i].log.reset();
                           seen.members[i].copy.reset();
                         }
                       },
                       Reason::SecondClusterPossible, "vol-b", false},
                    No{"two_are_no_copies",
                       [](SeenCluster& seen, auto&) {
                         for (int i : {0, 2}) seen.members[i].copy.reset();
                       },
                       Reason::VolumesAreNoCopies, "", false},
                    // It votes by a later term, though less of it is known to be committed.
                    No{"another_log_goes_further",
                       [](SeenCluster& seen, auto&) { seen.members[2] = copy('c', 3, 130, 115); },
                       Reason::NewerDataElsewhere, "130", true},
                    No{"a_younger_backup",
                       [](SeenCluster&, std::optional<BackupManifest>& newest) {
                         newest = backup(kThen + 1h);
                       },
                       Reason::NewerDataElsewhere, "backup-1", true},
                    // The clock of the machine that wrote the copy was ahead; revisions are not.
                    No{"a_later_revision_in_the_backup",
                       [](SeenCluster& seen, std::optional<BackupManifest>& newest) {
                         seen.members[1].copy->written = kThen + 24h * 365;
                         seen.members[1].copy->revision = 40;
                         newest = backup(kThen + 1h);
                         newest->revision = 41;
                       },
                       Reason::NewerDataElsewhere, "41", true},
                    // All were replaced by copies from before a restore.
                    No{"a_younger_backup_of_a_later_cluster",
                       [](SeenCluster& seen, std::optional<BackupManifest>& newest) {
                         seen.members[1].copy->revision = 900;
                         newest = backup(kThen + 1h);
                         newest->cluster_id = "c2";
                         newest->revision = 7;
                       },
                       Reason::NewerDataElsewhere, "c2", true},
                    // It was away while backups went on, and then the others were lost.
                    No{"an_original_that_is_older_than_the_backup",
                       [](SeenCluster& seen, std::optional<BackupManifest>& newest) {
                         seen.members[1].copy.reset();
                         newest = backup(kThen + 1h);
                         newest->revision = 41;
                       },
                       Reason::NewerDataElsewhere, "41", true},
                    // Five by the tags, three as yet: a and b may be a quorum of those.
                    No{"two_of_a_cluster_that_has_not_grown_yet_say_nothing",
                       [](SeenCluster& seen, auto&) {
                         grow_to_five(seen);
                         for (int i : {0, 1}) {
                           seen.members[i].log.reset();
                           seen.members[i].copy.reset();
                         }
                       },
                       Reason::SecondClusterPossible, "vol-b", false},
                    No{"two_of_a_cluster_that_has_not_grown_yet_are_no_copies",
                       [](SeenCluster& seen, auto&) {
                         grow_to_five(seen);
                         for (int i : {0, 2}) seen.members[i].copy.reset();
                       },
                       Reason::SecondClusterPossible, "", false},
                    // b drops what it does not know to be committed, and with a it would not.
                    No{"the_one_that_keeps_most_and_another_are_no_copies",
                       [](SeenCluster& seen, auto&) {
                         for (int i : {0, 1}) seen.members[i].copy.reset();
                       },
                       Reason::NewerDataElsewhere, "", true},
                    // Their tags were taken off, and nobody ended the masters that run on them.
                    No{"the_originals_are_still_attached_somewhere",
                       [](SeenCluster& seen, auto&) {
                         for (std::string const id : {"vol-x", "vol-y"}) {
                           EtcdVolume old;
                           old.volume_id = id;
                           old.etcd_cluster_id = "c1";
                           old.instance_id = "i-old";
                           seen.retired.push_back(old);
                         }
                       },
                       Reason::SecondClusterPossible, "vol-y", false}),
    [](auto const& row) { return row.param.name; });

TEST(MayAdopt, EtcdsOwnListSaysHowManyAreAQuorum) {
  auto seen = replaced();
  grow_to_five(seen);
  for (int i : {0, 1}) seen.members[i].copy.reset();
  seen.own_list.emplace();
  for (std::uint64_t id : {1, 2, 3, 4, 5}) seen.own_list->push_back({.id = id});
  auto const chosen = may_adopt(seen, {}, {});
  ASSERT_TRUE(chosen) << chosen.error().message.text;
  EXPECT_EQ(chosen->member, "b");
}

TEST(MayAdopt, WhatIsRetiredAndAttachedToNobodyIsInNobodysWay) {
  auto seen = replaced();
  EtcdVolume old;
  old.volume_id = "vol-x";
  old.etcd_cluster_id = "c1";
  seen.retired = {old};
  EXPECT_TRUE(may_adopt(seen, {}, {}));
  seen.retired[0].etcd_cluster_id = "c0";
  seen.retired[0].instance_id = "i-old";
  EXPECT_TRUE(may_adopt(seen, {}, {})) << "of another cluster, or of events";
}

TEST(MayAdopt, WhatIsBlankOrOlderIsInNobodysWay) {
  auto seen = replaced();
  seen.members[2].log.reset();
  seen.members[2].copy.reset();
  seen.members[2].blank = true;
  EXPECT_TRUE(may_adopt(seen, backup(kThen - 1h), {}));
}

}  // namespace
}  // namespace haagent::bootstrap
