#include "bootstrap/etcd/backup/backup_decision.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

EtcdMember member(std::uint64_t id, bool learner = false) {
  return {.id = id,
          .name = fmt::format("etcd-{}", id),
          .peer_urls = {"http://p"},
          .client_urls = {"http://c"},
          .learner = learner};
}

BackupInputs three(std::uint64_t own, std::uint64_t leader, Duration age) {
  return {.own_id = own,
          .leader_id = leader,
          .members = {member(3), member(1), member(2)},
          .newest_age = age,
          .watched_for = 1h,
          .interval = 20min,
          .jitter = 0ms};
}

TEST(BackupTurn, TheFollowerOfTheLowestIdIsFirstAndTheLeaderLast) {
  EXPECT_EQ(backup_turn(three(1, 1, 0min))->rank, 2);
  EXPECT_EQ(backup_turn(three(2, 1, 0min))->rank, 0);
  EXPECT_EQ(backup_turn(three(3, 1, 0min))->rank, 1);
  EXPECT_EQ(backup_turn(three(1, 0, 0min))->rank, 0) << "no leader is known";
}

TEST(BackupTurn, EachNextOneStandsInHalfAnIntervalLater) {
  struct Row {
    Duration age;
    bool first, second, leader;
  };
  for (auto const& [age, first, second, leader] :
       {Row{19min, false, false, false}, Row{20min, true, false, false},
        Row{30min, true, true, false}, Row{40min, true, true, true}}) {
    EXPECT_EQ(backup_turn(three(2, 1, age))->due, first) << to_words(age);
    EXPECT_EQ(backup_turn(three(3, 1, age))->due, second) << to_words(age);
    EXPECT_EQ(backup_turn(three(1, 1, age))->due, leader) << to_words(age);
  }
}

TEST(BackupTurn, AMemberAloneBacksUpAlthoughItLeads) {
  auto in = three(1, 1, 20min);
  in.members = {member(1)};
  EXPECT_TRUE(backup_turn(in)->due);
}

TEST(BackupTurn, LearnersAndStrangersNever) {
  auto in = three(2, 1, 90min);
  in.members = {member(1), member(2, /*learner=*/true)};
  EXPECT_FALSE(backup_turn(in).has_value());
  in.members = {member(1)};
  EXPECT_FALSE(backup_turn(in).has_value());
}

TEST(BackupTurn, TheFirstBackupOfAllIsDueAtOnceAndStoodInFor) {
  auto in = three(2, 1, 0min);
  in.newest_age.reset();
  in.watched_for = 0min;
  EXPECT_TRUE(backup_turn(in)->due);
  in.own_id = 3;
  EXPECT_FALSE(backup_turn(in)->due);
  in.watched_for = 10min;
  EXPECT_TRUE(backup_turn(in)->due);
}

// However the store's times contradict each other, backups neither stop nor follow each other.
TEST(BackupTurn, ClockOfAStoreThatContradictsItselfMakesOneAnIntervalAtTheMost) {
  auto in = three(2, 1, 400h);
  in.taken_ago = 19min;
  EXPECT_FALSE(backup_turn(in)->due);
  EXPECT_EQ(backup_turn(in)->in, 1min);
  in.taken_ago = 20min;
  EXPECT_TRUE(backup_turn(in)->due);
  in.newest_age.reset();
  in.taken_ago = 1min;
  EXPECT_FALSE(backup_turn(in)->due);
}

TEST(BackupTurn, JitterComesOnTop) {
  auto in = three(2, 1, 20min);
  in.jitter = 30s;
  EXPECT_FALSE(backup_turn(in)->due);
  EXPECT_EQ(backup_turn(in)->in, 30s);
}

BeforeChangeInputs change(MemberChange what) {
  return {.change = what, .newest_age = 10min};
}
template <class T>
bool is(BeforeChange const& answer) {
  return std::holds_alternative<T>(answer);
}

TEST(BeforeAMemberChange, AFreshBackupIsEnough) {
  auto in = change(MemberChange::shrinks);
  EXPECT_TRUE(is<BackUpFirst>(before_change(in)));
  in.newest_age = 5min;
  EXPECT_TRUE(is<GoOn>(before_change(in)));
  in.newest_age.reset();
  EXPECT_TRUE(is<BackUpFirst>(before_change(in)));
}

TEST(BeforeAMemberChange, AFailedBackupHoldsOnlyWhatTakesAway) {
  auto in = change(MemberChange::restores);
  in.tried_ago = 1min;
  in.failure = Message(Reason::Unavailable, "the bucket does not answer");
  auto const answer = before_change(in);
  ASSERT_TRUE(is<GoOn>(answer));
  EXPECT_EQ(std::get<GoOn>(answer).note->reason, Reason::BackupFailing);
  EXPECT_TRUE(std::get<GoOn>(answer).note->text.contains(in.failure->text));
  in.change = MemberChange::shrinks;
  auto const held = before_change(in);
  ASSERT_TRUE(is<HoldChange>(held));
  EXPECT_EQ(std::get<HoldChange>(held).message.reason, Reason::BackupRequiredFirst);
  EXPECT_TRUE(std::get<HoldChange>(held).message.text.contains(in.failure->text));
}

TEST(BeforeAMemberChange, AFailureOfLongAgoIsTriedAgain) {
  auto in = change(MemberChange::restores);
  in.tried_ago = 6min;
  in.failure = Message(Reason::Unavailable, "the bucket does not answer");
  EXPECT_TRUE(is<BackUpFirst>(before_change(in)));
}

TEST(BeforeAMemberChange, SwitchedOffIsToldAndHoldsNothing) {
  auto in = change(MemberChange::shrinks);
  in.enabled = false;
  ASSERT_TRUE(is<GoOn>(before_change(in)));
  EXPECT_EQ(std::get<GoOn>(before_change(in)).note->reason, Reason::BackupsOff);
}

}  // namespace
}  // namespace haagent::bootstrap
