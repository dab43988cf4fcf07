#include "bootstrap/etcd/member/successor.h"

#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

constexpr std::uint64_t kMe = 1, kB = 2, kC = 3;

std::vector<EtcdMember> members() {
  std::vector<EtcdMember> list;
  for (auto id : {kMe, kB, kC}) list.push_back({.id = id, .client_urls = {"http://m:2379"}});
  return list;
}

MemberAnswer answer(std::uint64_t id, std::uint64_t raft_index, std::uint64_t leader = kMe) {
  MemberAnswer made;
  made.member = std::string(1, static_cast<char>('a' + id - 1));
  made.reach = MemberAnswer::Reach::answers;
  made.member_id = id;
  made.raft_index = raft_index;
  made.leader_id = leader;
  return made;
}

TEST(Successor, TheOneThatHasCaughtUpFurthest) {
  EXPECT_EQ(successor_of(kMe, members(), {answer(kB, 10), answer(kC, 12)}), kC);
  EXPECT_EQ(successor_of(kMe, members(), {answer(kB, 12), answer(kC, 10)}), kB);
}

TEST(Successor, AmongEqualsTheFirst) {
  EXPECT_EQ(successor_of(kMe, members(), {answer(kC, 12), answer(kB, 12)}), kB);
}

TEST(Successor, NeverOneThatDoesNotAnswer) {
  auto silent = answer(kC, 99);
  silent.reach = MemberAnswer::Reach::unreachable;
  EXPECT_EQ(successor_of(kMe, members(), {silent, answer(kB, 1)}), kB);
  EXPECT_EQ(successor_of(kMe, members(), {silent}), std::nullopt);
}

TEST(Successor, NeverALearner) {
  auto listed = members();
  listed[2].learner = true;
  EXPECT_EQ(successor_of(kMe, listed, {answer(kC, 99)}), std::nullopt);
  auto says_so = answer(kC, 99);
  says_so.learner = true;
  EXPECT_EQ(successor_of(kMe, members(), {says_so}), std::nullopt);
}

TEST(Successor, NeverOneThatSeesAnotherLeader) {
  EXPECT_EQ(successor_of(kMe, members(), {answer(kC, 99, 0), answer(kB, 99, kC)}), std::nullopt);
}

TEST(Successor, NeverOneThatIsNotListedNorTheLeaderItself) {
  EXPECT_EQ(successor_of(kMe, members(), {answer(7, 99), answer(kMe, 99)}), std::nullopt);
}

}  // namespace
}  // namespace haagent::bootstrap
