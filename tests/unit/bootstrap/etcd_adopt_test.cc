// Which copy goes on as the cluster, and when none may.
#include "bootstrap/etcd/adopt.h"

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
  seen.answer = {.member = std::string(1, member), .reach = Reach::silent, .why = "refused"};
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
  ASSERT_TRUE(chosen) << chosen.error().what;
  EXPECT_EQ(chosen->member, "b");
  EXPECT_EQ(chosen->volume_id, "vol-b");
  EXPECT_EQ(chosen->cluster_id, kCluster);
  EXPECT_EQ(chosen->dropped, 1u);
  auto const note = adoption_note(seen, *chosen);
  EXPECT_THAT(note, HasSubstr("b goes on with all that vol-b holds up to entry 120"));
  EXPECT_THAT(note, HasSubstr("the entry after it"));
  auto const lines = what_volumes_hold(seen);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], HasSubstr("a copy of vol-old, last written at 2026-01-15T00:00:00Z"));
}

TEST(MayAdopt, AnOriginalThatIsLeftAmongCopiesGoesOnWhereItKeepsMost) {
  auto seen = replaced();
  seen.members[2] = copy('c', 3, 200, 199);
  seen.members[2].copy.reset();
  auto const chosen = may_adopt(seen, {}, {});
  ASSERT_TRUE(chosen) << chosen.error().what;
  EXPECT_EQ(chosen->member, "c");
}

struct No {
  std::string name;
  std::function<void(SeenCluster&, std::optional<BackupManifest>&)> change;
  std::string why;
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
  EXPECT_THAT(may.error().what, HasSubstr(row.why));
  if (row.flag_goes_on) {
    EXPECT_THAT(may.error().what, HasSubstr("--lose-newer-writes"));
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
                       "a quorum of cluster c1 serves", false},
                    No{"no_copy_at_all",
                       [](SeenCluster& seen, auto&) {
                         for (auto& each : seen.members) each.copy.reset();
                       },
                       "no volume here is known to be a copy", false},
                    No{"two_volumes_of_one_member",
                       [](SeenCluster& seen, auto&) {
                         seen.volumes.push_back(volume('c'));
                         seen.volumes.back().volume_id = "vol-c2";
                       },
                       "c has two volumes", false},
                    No{"data_of_two_clusters",
                       [](SeenCluster& seen, auto&) { seen.members[2].log->cluster_id = 0xc2; },
                       "c of c2", false},
                    No{"one_master_says_nothing",
                       [](SeenCluster& seen, auto&) {
                         seen.members[2].log.reset();
                         seen.members[2].copy.reset();
                       },
                       "nobody says what vol-c of c holds: start the master", true},
                    No{"two_masters_say_nothing",
                       [](SeenCluster& seen, auto&) {
                         for (int i : {1, 2}) {
                           seen.members[i].log.reset();
                           seen.members[i].copy.reset();
                         }
                       },
                       "they may be a quorum without the others", false},
                    No{"two_are_no_copies",
                       [](SeenCluster& seen, auto&) {
                         for (int i : {0, 2}) seen.members[i].copy.reset();
                       },
                       "a and c are no copies, and a quorum", false},
                    // It votes by a later term, though less of it is known to be committed.
                    No{"another_log_goes_further",
                       [](SeenCluster& seen, auto&) { seen.members[2] = copy('c', 3, 130, 115); },
                       "the log of c goes to entry 130 of term 3", true},
                    No{"a_younger_backup",
                       [](SeenCluster&, std::optional<BackupManifest>& newest) {
                         newest = backup(kThen + 1h);
                       },
                       "'haagent etcd restore' keeps more", true}),
    [](auto const& row) { return row.param.name; });

TEST(MayAdopt, WhatIsBlankOrOlderIsInNobodysWay) {
  auto seen = replaced();
  seen.members[2].log.reset();
  seen.members[2].copy.reset();
  seen.members[2].blank = true;
  EXPECT_TRUE(may_adopt(seen, backup(kThen - 1h), {}));
}

}  // namespace
}  // namespace haagent::bootstrap
