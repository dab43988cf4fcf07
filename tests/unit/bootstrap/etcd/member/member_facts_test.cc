#include "bootstrap/etcd/member/member_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Reach = MemberAnswer::Reach;

std::vector<EtcdMember> three() {
  return {{.id = 1, .name = "etcd-a"}, {.id = 2, .name = "etcd-b"}, {.id = 3, .name = "etcd-c"}};
}

MemberAnswer answer(std::string member, std::uint64_t id, std::uint64_t leader) {
  MemberAnswer made{.member = std::move(member), .reach = Reach::answers};
  made.cluster_id = 0xc0ffee;
  made.member_id = id;
  made.leader_id = leader;
  made.server.version = "3.5.32";
  if (leader != 0) made.quorum_list = three();
  return made;
}

MemberInputs inputs() {
  MemberInputs in;
  in.me.member = "a";
  in.me.expected.resize(3);
  in.etcd.own = answer("a", 1, 2);
  in.etcd.own.server.db_size = 4096;
  in.others.peers = {answer("b", 2, 2), answer("c", 3, 2)};
  return in;
}

TEST(EtcdMemberFacts, NamesTheLeaderAndCountsWhoAnswers) {
  auto facts = member_facts(EtcdCluster::main, inputs(), 8);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->name, "etcd-a");
  EXPECT_EQ(facts->member_id, "1");
  EXPECT_EQ(facts->cluster_id, "c0ffee");
  EXPECT_EQ(facts->leader, "etcd-b");
  EXPECT_EQ(facts->voters, 3);
  EXPECT_EQ(facts->healthy_voters, 3);
  EXPECT_THAT(facts->silent_voters, IsEmpty());
  EXPECT_EQ(facts->db_size, 4096u);
}

TEST(EtcdMemberFacts, ASilentPeerAndALearnerAreNoHealthyVoters) {
  auto in = inputs();
  in.others.peers[0] = MemberAnswer{.member = "b"};
  in.etcd.own.leader_id = in.others.peers[1].leader_id = 3;
  EXPECT_EQ(member_facts(EtcdCluster::main, in, 8)->healthy_voters, 2);
  EXPECT_THAT(member_facts(EtcdCluster::main, in, 8)->silent_voters, ElementsAre("etcd-b"));
  for (auto* each : {&in.etcd.own, &in.others.peers[1]}) each->quorum_list->at(1).learner = true;
  auto facts = member_facts(EtcdCluster::main, in, 8);
  EXPECT_EQ(facts->voters, 2);
  EXPECT_EQ(facts->healthy_voters, 2);
}

TEST(EtcdMemberFacts, WithoutAQuorumNobodyIsHealthyAndTheTagSaysHowManyThereShouldBe) {
  auto in = inputs();
  in.etcd.own = answer("a", 1, 0);
  in.others.peers = {MemberAnswer{.member = "b"}, answer("c", 3, 0)};
  auto facts = member_facts(EtcdCluster::main, in, 8);
  EXPECT_EQ(facts->leader, "");
  EXPECT_EQ(facts->voters, 3);
  EXPECT_EQ(facts->healthy_voters, 0);
  EXPECT_THAT(facts->silent_voters, ElementsAre("etcd-b"));
}

TEST(EtcdMemberFacts, NothingIsSaidOfAMemberThatDoesNotAnswer) {
  auto in = inputs();
  in.etcd.own.reach = Reach::unreachable;
  EXPECT_FALSE(member_facts(EtcdCluster::main, in, 8));
}

}  // namespace
}  // namespace haagent::bootstrap
