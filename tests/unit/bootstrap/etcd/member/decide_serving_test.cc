// What a member that serves may need, and what goes before all else.
#include "bootstrap/etcd/member/decide_serving.h"

#include <gtest/gtest.h>

#include <functional>

#include "bootstrap/etcd/member/message.h"
#include "tests/support/decision_names.h"
#include "tests/support/golden.h"

namespace haagent::bootstrap {
namespace {

constexpr std::uint64_t kCluster = 0xc1;

EtcdMember listed(std::uint64_t id, std::string const& member) {
  return {.id = id,
          .name = "etcd-" + member,
          .peer_urls = {"http://etcd-" + member},
          .client_urls = {"http://etcd-" + member + ":2379"},
          .learner = false};
}

MemberAnswer serves(std::string const& member, std::uint64_t id, std::uint64_t raft_index) {
  return {.member = member,
          .reach = MemberAnswer::Reach::answers,
          .cluster_id = kCluster,
          .member_id = id,
          .server = {.version = "3.5.33"},
          .raft_index = raft_index,
          .leader_id = 0xa0,
          .quorum_list = std::vector{listed(0xa0, "a"), listed(0xb0, "b"), listed(0xc0, "c")}};
}

// a, which leads, b and c serve; nothing is needed.
MemberInputs serving() {
  MemberInputs in{.me = {.member = "a",
                         .self = {"etcd-a", "http://etcd-a"},
                         .expected = {},
                         .expected_members = {"a", "b", "c"},
                         .version = "3.5.33"}};
  in.volume.data.state = DataDir::State::member;
  in.volume.data.identity = {0xa0, kCluster};
  in.volume.marker_cluster_id = in.volume.tag_cluster_id = "c1";
  in.volume.served_by = "3.5.33";
  in.volume.data_version = "3.5";
  in.etcd.unit = UnitState::Phase::running;
  in.etcd.own = serves("a", 0xa0, 1000);
  in.others.peers = {serves("b", 0xb0, 990), serves("c", 0xc0, 1000)};
  in.serving.versions = {.server = "3.5.33", .cluster = "3.5.0", .storage = ""};
  return in;
}

// It has the turn that it has asked for, and does not lead.
MemberInputs in_turn() {
  auto in = serving();
  in.serving.restart->configuration = true;
  in.serving.turn = {.asked = true, .mine = true, .holder = "a"};
  for (auto* each : {&in.etcd.own, &in.others.peers[0], &in.others.peers[1]})
    each->leader_id = 0xb0;
  return in;
}

MemberInputs stopped() {
  auto in = serving();
  in.etcd.unit = UnitState::Phase::failed;
  in.etcd.unit_detail = "exited with 2";
  in.etcd.failed_starts = 1;
  in.etcd.own = {};
  return in;
}

using Change = std::function<void(MemberInputs&)>;
struct Row {
  char const* name;
  MemberInputs (*base)();
  Change change;
  std::string_view move;
  Reason reason;  // tests/golden/etcd/serving_decisions.txt has the words
};

Row const kRows[] = {
    {"NothingIsNeeded", serving, [](auto&) {}, "Serving", Reason::EtcdServing},
    // Before all else.
    {"HostsFirst", stopped,
     [](auto& in) { in.machine.hosts = HostsChange{{}, "etcd-b is 10.0.0.2"}; }, "WriteHosts",
     Reason::HostsDiffer},
    {"AUserThatIsShutOutIsLetIn", serving,
     [](auto& in) {
       in.machine.shut_out = ShutOut{.etcd = {7, 7}, .path = "/etc/x.key"};
       in.serving.leftovers = true;
     },
     "LetEtcdIn", Reason::EtcdShutOut},
    {"WhetherItIsShutOutMustBeKnown", serving,
     [](auto& in) { in.machine.shut_out = fail(Kind::transient, "no such user"); }, "Unreadable",
     Reason::Unavailable},
    {"HostsBeforeWhatCannotBeRead", serving,
     [](auto& in) {
       in.machine.shut_out = fail(Kind::transient, "no such user");
       in.machine.hosts = HostsChange{{}, "etcd-b is 10.0.0.2"};
     },
     "WriteHosts", Reason::HostsDiffer},
    // In this request.
    {"AnotherEtcdHasServed", serving,
     [](auto& in) {
       in.volume.served_by = "3.5.30";
       in.serving.stale_leases = fail(Kind::transient, "no answer");
     },
     "WriteVersion", Reason::EtcdVersionToRecord},
    {"ItsDataWereRaised", serving, [](auto& in) { in.serving.versions.cluster = "3.6.0"; },
     "WriteVersion", Reason::EtcdVersionToRecord},
    {"LeasesMustBeKnown", serving,
     [](auto& in) {
       in.serving.stale_leases = fail(Kind::transient, "no answer");
       in.serving.leftovers = true;
     },
     "Unreadable", Reason::Unavailable},
    {"LeasesFromBeforeTheRestore", serving,
     [](auto& in) {
       in.serving.stale_leases = std::vector<std::string>{"/registry/masterleases/10.0.0.9"};
       in.serving.leftovers = true;
     },
     "EraseLeases", Reason::ApiserverLeasesStale},
    {"WhatARestoreHasLeft", serving,
     [](auto& in) {
       in.serving.leftovers = true;
       in.serving.restart = fail(Kind::transient, "no such file");
     },
     "DropLeftovers", Reason::LeftoversToRemove},
    {"WhatItRunsWithMustBeKnown", serving,
     [](auto& in) { in.serving.restart = fail(Kind::transient, "no such file"); }, "Unreadable",
     Reason::Unavailable},
    {"WarningsAreTold", serving, [](auto& in) { in.serving.warnings = "it may lose writes"; },
     "Serving", Reason::EtcdVersionDefective},
    // Restarts.
    {"AConfigurationAsksForTheTurn", serving,
     [](auto& in) { in.serving.restart->configuration = true; }, "Serving",
     Reason::EtcdRestartWaits},
    {"AConfigurationOnTheTurn", in_turn, [](auto&) {}, "RestartEtcd", Reason::EtcdToRestart},
    // The turn was had for something else, and may be on its way back.
    {"ATurnThatItHasNotAskedFor", in_turn, [](auto& in) { in.serving.turn.asked = false; },
     "Serving", Reason::EtcdRestartWaits},
    {"AnothersTurn", in_turn,
     [](auto& in) {
       in.serving.turn.mine = false;
       in.serving.turn.holder = "b";
     },
     "Serving", Reason::EtcdRestartWaits},
    {"NotWhileAVoterIsDown", in_turn,
     [](auto& in) { in.others.peers[1] = {.member = "c", .why = "refused"}; }, "Serving",
     Reason::EtcdMemberDown},
    {"NotWhileALearnerIsThere", in_turn,
     [](auto& in) {
       auto learner = listed(0xd0, "d");
       learner.learner = true;
       in.etcd.own.quorum_list->push_back(learner);
     },
     "Serving", Reason::EtcdRestartWaits},
    // The third was taken out, and is about to be added anew.
    {"NotOneOfTwo", in_turn,
     [](auto& in) {
       for (auto* each : {&in.etcd.own, &in.others.peers[0]}) each->quorum_list->pop_back();
       in.others.peers[1] = {.member = "c", .why = "refused"};
     },
     "Serving", Reason::EtcdMemberDown},
    {"AuthoritiesAreGrantedByTheTurnAlone", in_turn,
     [](auto& in) {
       *in.serving.restart = {.trust = true};
       in.serving.turn.asked = false;
     },
     "RestartEtcd", Reason::EtcdToRestart},
    {"AnotherVersion", in_turn, [](auto& in) { in.serving.restart->version = in.me.version; },
     "RestartEtcd", Reason::EtcdToRestart},
    {"WhatMustNotBeStartedIsNotStoppedFor", in_turn,
     [](auto& in) {
       in.me.version = in.serving.restart->version = "3.7.1";
       in.others.cluster_version = "3.5.0";
     },
     "Serving", Reason::EtcdVersionUnfit},
    {"AloneItNeedsNoTurn", in_turn,
     [](auto& in) {
       in.serving.turn = {};
       in.etcd.own.quorum_list->resize(1);
       in.others.peers.clear();
       in.me.expected_members = {"a"};
     },
     "RestartEtcd", Reason::EtcdToRestart},
    {"TheLeadGoesFirst", in_turn,
     [](auto& in) {
       for (auto* each : {&in.etcd.own, &in.others.peers[0], &in.others.peers[1]})
         each->leader_id = 0xa0;
     },
     "PassLead", Reason::LeaderToMove},
    {"OnceMore", in_turn,
     [](auto& in) {
       for (auto* each : {&in.etcd.own, &in.others.peers[0], &in.others.peers[1]})
         each->leader_id = 0xa0;
       in.serving.lead_passes = 1;
     },
     "PassLead", Reason::LeaderToMove},
    {"ALeadThatDoesNotGo", in_turn,
     [](auto& in) {
       for (auto* each : {&in.etcd.own, &in.others.peers[0], &in.others.peers[1]})
         each->leader_id = 0xa0;
       in.serving.lead_passes = 2;
     },
     "RestartEtcd", Reason::EtcdToRestart},
    // What was just tried in vain.
    {"AStartThatFailedIsTriedLater", stopped,
     [](auto& in) { in.etcd.starts_at = UtcTime(std::chrono::seconds(1768472100)); }, "StartLater",
     Reason::EtcdStartFailed},
    {"OnceItIsDue", stopped, [](auto&) {}, "StartAsIs", Reason::EtcdStopped},
};

class DecideServing : public testing::TestWithParam<Row> {};

TEST_P(DecideServing, Table) {
  auto in = GetParam().base();
  GetParam().change(in);
  auto const decision = decide(in);
  auto const message = message_of(decision, in);
  EXPECT_EQ(test::name_of(decision), GetParam().move) << message.sentence();
  EXPECT_EQ(to_string(message.reason), to_string(GetParam().reason)) << message.sentence();
}

TEST(DecideServing, ItsWords) {
  std::string page;
  for (auto const& row : kRows) {
    auto in = row.base();
    row.change(in);
    page += test::decision_words(row.name, decide(in), in);
  }
  EXPECT_TRUE(test::matches_golden("etcd/serving_decisions.txt", page));
}

INSTANTIATE_TEST_SUITE_P(Each, DecideServing, testing::ValuesIn(kRows),
                         [](auto const& row) { return row.param.name; });

TEST(DecideServing, SaysWhatOthersGoBy) {
  auto in = serving();
  in.serving.restart->configuration = true;
  EXPECT_TRUE(std::get<Serving>(decide(in)).asks_for_turn);
  in.others.peers[1] = {.member = "c"};
  EXPECT_FALSE(std::get<Serving>(decide(in)).asks_for_turn) << "it would hold the turn for as long";
  in = serving();
  in.me.version = in.serving.restart->version = "3.7.1";
  in.others.cluster_version = "3.5.0";
  EXPECT_FALSE(std::get<Serving>(decide(in)).restart_held.empty());
}

TEST(DecideServing, AChangeThatWasTooEarlyIsMadeLater) {
  auto in = serving();
  in.volume.data = {};
  in.volume.marker_cluster_id.clear();
  in.etcd.unit = UnitState::Phase::stopped;
  in.etcd.own = {};
  in.ec2.volumes.emplace();
  for (std::string const member : {"a", "b", "c"})
    in.ec2.volumes->push_back({"vol-" + member, member, {"a", "b", "c"}, "c1", true});
  for (auto const& member : in.me.expected_members)
    in.me.expected.push_back({"etcd-" + member, "http://etcd-" + member});
  ASSERT_EQ(test::name_of(decide(in)), "RemoveStale");
  in.etcd.change_was_early = true;
  auto const decision = decide(in);
  ASSERT_EQ(test::name_of(decision), "ChangeLater");
  EXPECT_EQ(message_of(decision, in).reason, Reason::MembersChangeEarly);
}

// It is asked first where nothing is decided without it, and beside a change that waits for it.
TEST(DecideServing, Ec2IsAskedOnlyWhereTheDecisionHangsOnIt) {
  auto in = serving();
  EXPECT_EQ(asks_ec2(in), AskEc2::no);
  in.ec2.volumes.emplace();
  in.ec2.volumes->push_back({"vol-a", "a", {"a"}, "c1", true});
  in.ec2.volumes_age = in.ec2.tags_settle;
  in.me.expected_members = {"a"};
  in.me.expected = {in.me.self};
  EXPECT_EQ(asks_ec2(in), AskEc2::if_it_answers);
  in.ec2.volumes_age = Duration(0);
  EXPECT_EQ(asks_ec2(in), AskEc2::no);
  in = serving();
  in.volume.data = {};
  in.etcd.unit = UnitState::Phase::stopped;
  in.etcd.own = {};
  for (auto const& member : in.me.expected_members)
    in.me.expected.push_back({"etcd-" + member, "http://etcd-" + member});
  EXPECT_EQ(asks_ec2(in), AskEc2::first);
}

}  // namespace
}  // namespace haagent::bootstrap
