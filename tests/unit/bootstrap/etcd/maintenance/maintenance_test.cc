#include "bootstrap/etcd/maintenance/maintenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1ull << 20u;
constexpr std::uint64_t kA = 1, kB = 2, kC = 3;

// Three healthy members; b leads; a's master has the turn.
MaintenanceInputs healthy() {
  MaintenanceInputs in{
      .own_id = kA, .leader_id = kB, .quota = 1024 * kMiB, .revision = 7'000, .my_turn = true};
  for (auto [id, name] : {std::pair(kA, "etcd-a"), {kB, "etcd-b"}, {kC, "etcd-c"}})
    in.members.push_back({.id = id,
                          .name = name,
                          .answers = true,
                          .db_size = 100 * kMiB,
                          .db_size_in_use = 90 * kMiB});
  return in;
}

void make_empty(MaintenanceMember& member) {
  member.db_size = 400 * kMiB;
  member.db_size_in_use = 100 * kMiB;
}

Message said(MaintenanceInputs const& in) {
  return message_of(decide_maintenance(in));
}
bool says_nothing(MaintenanceInputs const& in) {
  auto const message = said(in);
  return message.text.empty() && message.reason == Reason::MaintenanceIdle;
}

TEST(EtcdMaintenance, AHealthyClusterIsLeftAlone) {
  EXPECT_TRUE(says_nothing(healthy()));
}

bool asks(MaintenanceInputs const& in) {
  auto const maintenance = decide_maintenance(in);
  auto const* idle = std::get_if<NothingToDo>(&maintenance);
  return idle && idle->asks_for_turn;
}

TEST(EtcdMaintenanceClock, AFileThatIsMostlyEmptyIsDefragmentedInItsTurn) {
  auto in = healthy();
  make_empty(in.members[0]);
  EXPECT_EQ(said(in).reason, Reason::MaintenanceDue);
  EXPECT_EQ(said(in).subject, "defragment etcd-a");
  EXPECT_THAT(said(in).text, AllOf(HasSubstr("300.0"), HasSubstr("400.0")));
  in.my_turn = false;
  EXPECT_TRUE(asks(in));
  EXPECT_EQ(said(in).reason, Reason::MaintenanceAwaitsTurn);
  auto const nobodys = said(in);
  in.turn = "c";
  EXPECT_EQ(said(in).identity(), nobodys.identity()) << "whose turn it is is no news";
  EXPECT_THAT(said(in).text, HasSubstr("c's"));
  in.members.resize(1);
  EXPECT_TRUE(std::holds_alternative<DefragmentOwn>(decide_maintenance(in)))
      << "alone it needs no turn";
}

// Whoever has the turn and cannot do it lets others have it.
TEST(EtcdMaintenanceClock, WhatFailedIsNotWantedForAWhile) {
  for (bool alarm : {false, true}) {
    auto in = healthy();
    make_empty(in.members[0]);
    if (alarm) {
      in.members[0].db_size = 1'000 * kMiB;
      in.alarms = {{kA, "NOSPACE"}};
      in.compacted = true;
      in.alarm_for = 1min;
    }
    in.failed_ago = 9min;
    EXPECT_FALSE(std::holds_alternative<DefragmentOwn>(decide_maintenance(in)));
    EXPECT_FALSE(asks(in));
    EXPECT_EQ(said(in).reason, Reason::DefragmentationHeld);
    in.failed_ago = 10min;
    EXPECT_TRUE(std::holds_alternative<DefragmentOwn>(decide_maintenance(in)));
  }
}

// Out of turn nobody is defragmented, whatever the alarms say.
TEST(EtcdMaintenanceClock, NoTwoMembersAreDefragmentedAtOnce) {
  for (bool alarm : {false, true}) {
    auto in = healthy();
    for (auto& member : in.members) {
      make_empty(member);
      if (alarm) member.db_size = 1'000 * kMiB;
    }
    if (alarm) in.alarms = {{kA, "NOSPACE"}};
    in.compacted = true;
    in.alarm_for = 1min;
    in.leader_id = 9;  // so that nobody waits for the followers
    for (auto id : {kA, kB, kC}) {
      in.own_id = id;
      in.my_turn = false;
      EXPECT_TRUE(asks(in));
      in.my_turn = true;
      EXPECT_TRUE(std::holds_alternative<DefragmentOwn>(decide_maintenance(in)));
    }
  }
}

TEST(EtcdMaintenance, TheLeaderIsLast) {
  auto in = healthy();
  in.leader_id = kA;
  make_empty(in.members[0]);
  make_empty(in.members[2]);
  EXPECT_TRUE(says_nothing(in));
  in.members[2] = healthy().members[2];
  EXPECT_TRUE(std::holds_alternative<DefragmentOwn>(decide_maintenance(in)));
}

TEST(EtcdMaintenance, NobodyIsDefragmentedWhileAnotherIsAway) {
  auto in = healthy();
  make_empty(in.members[0]);
  in.members[2].answers = false;
  EXPECT_TRUE(says_nothing(in));
  in.members[2].answers = true;
  in.members[2].learner = true;
  EXPECT_TRUE(says_nothing(in));
}

struct PaysRow {
  char const* name;
  std::uint64_t size, in_use;  // MiB, of a quota of 1024
  bool pays;
};
constexpr PaysRow kPays[] = {
    {"small", 100, 37, false},          {"small and empty", 64, 0, true},
    {"half", 400, 200, true},           {"less than half", 400, 201, false},
    {"near the quota", 820, 700, true}, {"near it, little to gain", 820, 730, false},
    {"stale figures", 100, 120, false},
};
TEST(EtcdMaintenance, DefragmentingPays) {
  for (auto const& row : kPays)
    EXPECT_EQ(defragmenting_pays({.db_size = row.size * kMiB, .db_size_in_use = row.in_use * kMiB},
                                 1024 * kMiB),
              row.pays)
        << row.name;
}

TEST(EtcdMaintenance, OutOfSpaceIsCompactedDefragmentedAndDisarmed) {
  auto in = healthy();
  in.alarms = {{kC, "NOSPACE"}};
  for (auto& member : in.members) {
    member.db_size = 1'030 * kMiB;
    member.db_size_in_use = 1'020 * kMiB;
  }
  in.own_id = kB;  // who leads compacts
  EXPECT_EQ(said(in).reason, Reason::MaintenanceDue);
  EXPECT_EQ(said(in).subject, "compact to 7000");
  in.own_id = kA;
  EXPECT_FALSE(std::holds_alternative<CompactTo>(decide_maintenance(in)));

  // No word of free pages is needed: nothing is written that would count them.
  in.compacted = true;
  EXPECT_FALSE(std::holds_alternative<DefragmentOwn>(decide_maintenance(in)))
      << "not before the leader";
  in.alarm_for = 30s;
  EXPECT_TRUE(std::holds_alternative<DefragmentOwn>(decide_maintenance(in)));
  in.my_turn = false;
  in.own_id = kC;
  EXPECT_TRUE(asks(in));

  in.own_id = kB;
  for (auto& member : in.members) member.db_size = 310 * kMiB;
  in.members[2].db_size = 1'030 * kMiB;
  EXPECT_FALSE(std::holds_alternative<DisarmNospace>(decide_maintenance(in)));
  in.members[2].db_size = 310 * kMiB;
  ASSERT_TRUE(std::holds_alternative<DisarmNospace>(decide_maintenance(in)));
  EXPECT_EQ(std::get<DisarmNospace>(decide_maintenance(in)).member_id, kC);
  in.own_id = kA;
  EXPECT_FALSE(std::holds_alternative<DisarmNospace>(decide_maintenance(in)));
}

TEST(EtcdMaintenance, AlarmsThatAreTheOperatorsSayWhatToDo) {
  auto in = healthy();
  in.alarms = {{kB, "CORRUPT"}};
  EXPECT_EQ(said(in).reason, Reason::EtcdCorrupt);
  EXPECT_EQ(said(in).subject, "etcd-b");
  EXPECT_THAT(said(in).advice, HasSubstr("'haagent etcd replace etcd-b'"));
  in.alarms.push_back({kC, "NOSPACE"});
  EXPECT_EQ(said(in).reason, Reason::EtcdCorrupt);

  in.alarms = {{kC, "NOSPACE"}};
  in.compacted = true;
  in.alarm_for = 1min;
  in.members[0].db_size = in.members[0].db_size_in_use = 1'020 * kMiB;
  in.defragmented_ago = 9min;
  EXPECT_EQ(said(in).reason, Reason::EtcdQuotaUsed);
  in.defragmented_ago = 10min;
  EXPECT_TRUE(std::holds_alternative<DefragmentOwn>(decide_maintenance(in)));

  in.members[1].answers = false;
  EXPECT_EQ(said(in).reason, Reason::EtcdAlarm);
  EXPECT_THAT(said(in).text, HasSubstr("etcd-b"));
  EXPECT_NE(said(in).advice, "");
}

TEST(EtcdMaintenance, AQuotaThatIsNearlyUsedIsToldBeforeTheAlarm) {
  auto in = healthy();
  in.members[1].db_size = in.members[1].db_size_in_use = 820 * kMiB;
  EXPECT_EQ(said(in).reason, Reason::EtcdQuotaNearlyUsed);
  EXPECT_THAT(said(in).text, AllOf(HasSubstr("820.0"), HasSubstr("1.0")));
}

}  // namespace
}  // namespace haagent::bootstrap
