// Operators' requests: the document, and what one makes of a member's next move.
#include "bootstrap/etcd/store/request.h"

#include <gtest/gtest.h>

#include <functional>

#include "bootstrap/etcd/member/decision.h"
#include "bootstrap/etcd/member/message.h"
#include "tests/support/decision_names.h"
#include "tests/support/fake_clock.h"
#include "tests/support/golden.h"
#include "tests/support/memory_store.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
using Phase = UnitState::Phase;
using Reach = MemberAnswer::Reach;
using Data = DataDir::State;

constexpr std::uint64_t kBefore = 0xc1;
constexpr std::uint64_t kRestored = 0xc2;

RecoveryRequest restore_request() {
  return {.id = "20260115T101500.000Z-i-a",
          .kind = RecoveryRequest::Kind::restore,
          .cluster = "prod.example.com",
          .etcd = EtcdCluster::main,
          .cluster_id = kRestored,
          .volumes = {{"a", "vol-a"}, {"b", "vol-b"}, {"c", "vol-c"}},
          .created_at = *parse_rfc3339("2026-01-15T10:15:00Z"),
          .by = "i-a",
          .backup = "20260115T100000.000Z-etcd-b",
          .revision = 42,
          .etcd_version = "3.5.33",
          .token = "prod-main-7",
          .members = {"a", "b", "c"},
          .bump = true};
}

RecoveryRequest recovery_request() {
  auto request = restore_request();
  return {.id = request.id,
          .kind = RecoveryRequest::Kind::recover,
          .cluster = request.cluster,
          .cluster_id = kBefore,
          .volumes = {{"a", "vol-a"}},
          .created_at = request.created_at,
          .by = "i-a",
          .backup = {},
          .etcd_version = {},
          .token = {},
          .members = {}};
}

TEST(RecoveryRequest, ReadsAsItWasWritten) {
  for (auto request : {restore_request(), recovery_request()}) {
    auto read = parse_request(request_json(request));
    ASSERT_TRUE(read) << read.error().message.text;
    EXPECT_EQ(*read, request);
    request.closed = request.is_void = true;
    request.closed_at = request.created_at + 5min;
    read = parse_request(request_json(request));
    ASSERT_TRUE(read) << read.error().message.text;
    EXPECT_EQ(*read, request);
  }
}

// A negative age counted as young.
TEST(EtcdOrderClock, AgesByTheStoresClockAndTheSteadyOne) {
  auto request = restore_request();
  auto const stored = request.created_at;
  SteadyTime const now(1h);
  EXPECT_FALSE(request.age_at(now)) << "nobody has said";
  EXPECT_TRUE(is_over(request, now));
  set_age(request, stored, stored + 10min, now);
  EXPECT_EQ(request.age_at(now), Duration(10min));
  EXPECT_EQ(request.age_at(now + 5min), Duration(15min));
  EXPECT_FALSE(is_over(request, now));
  EXPECT_TRUE(is_over(request, now + 51min));
  set_age(request, stored, stored - 1s, now);
  EXPECT_EQ(request.age_at(now), Duration(0)) << "whole seconds are cut off";
  set_age(request, stored, stored - 1h, now);
  EXPECT_FALSE(request.age_at(now)) << "from the store's own future";
  EXPECT_TRUE(is_over(request, now));
  set_age(request, {}, stored, now);
  EXPECT_TRUE(is_over(request, now));
  set_age(request, stored, {}, now);
  EXPECT_TRUE(is_over(request, now));
}

TEST(RecoveryRequest, WhatIsNoneIsNotCarriedOut) {
  auto const good = request_json(restore_request());
  for (auto const& [from, to, complaint] : std::vector<std::array<std::string, 3>>{
           {"\"schema\": 1", "\"schema\": 2", "'schema'"},
           {"\"restore\"", "\"remove\"", "kind"},
           {"\"c2\"", "\"0\"", "clusterId"},
           {"\"vol-b\"", "\"../b\"", "volumes"},
           {"\"member\": \"c\"", "\"member\": \"a\"", "'volumes'"},
           {"\"member\": \"c\"", "\"member\": \"d\"", "'volumes'"},
           {"\"prod-main-7\"", "\"--force\"", "token"},
           {"\"20260115T100000.000Z-etcd-b\"", "\"a/b\"", "backup"},
           {"\"revision\": 42", "\"revision\": -1", "revision"}}) {
    auto text = good;
    auto const at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    auto read = parse_request(text);
    ASSERT_FALSE(read) << to;
    EXPECT_EQ(read.error().kind, Kind::invalid);
    EXPECT_TRUE(read.error().message.text.contains(complaint)) << read.error().message.text;
  }
}

TEST(RecoveryRequest, IsGivenOnceAndClosedOnce) {
  test::FakeClock clock;
  test::MemoryStore store(clock);
  auto const first = restore_request();
  // An answer that is lost is not somebody else's request.
  store.lose_next_answer(test::MemoryStore::Call::create);
  auto given = file_request(store, first, std::nullopt, {});
  ASSERT_TRUE(given) << given.error().message.text;
  EXPECT_TRUE(*given);
  auto second = first;
  second.id += "2";
  EXPECT_FALSE(*file_request(store, second, std::nullopt, {})) << "another one stands there";

  auto closed = close_request(store, first, Closing::carried_out, clock.utc(), {});
  ASSERT_TRUE(closed);
  EXPECT_TRUE(closed->closed);
  auto const standing = read_request(store, EtcdCluster::main, {});
  ASSERT_TRUE(standing && *standing);
  EXPECT_TRUE(*file_request(store, second, *standing, {})) << "one that is over gives way";
  EXPECT_FALSE(*file_request(store, first, *standing, {})) << "and not twice";
  // Who closes late does not close another's.
  closed = close_request(store, first, Closing::taken_back, clock.utc(), {});
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->id, second.id);
  EXPECT_FALSE(closed->closed);
}

EtcdMember listed(std::uint64_t id, std::string const& member, bool started = true) {
  return {
      .id = id,
      .name = "etcd-" + member,
      .peer_urls = {"http://etcd-" + member},
      .client_urls = started ? std::vector<std::string>{"http://x"} : std::vector<std::string>{},
      .learner = false};
}

MemberAnswer answers(std::string member, std::uint64_t cluster) {
  return {.member = std::move(member),
          .reach = Reach::answers,
          .cluster_id = cluster,
          .member_id = 0xb0,
          .server = {.version = "3.5.33"}};
}

MemberAnswer leads(std::string member, std::uint64_t cluster, std::vector<EtcdMember> list) {
  auto answer = answers(std::move(member), cluster);
  answer.leader_id = answer.member_id;
  answer.quorum_list = std::move(list);
  return answer;
}

std::vector<EtcdMember> all(bool a_has_started) {
  return {listed(0xa0, "a", a_has_started), listed(0xb0, "b"), listed(0xc0, "c")};
}

// Member a, whose etcd runs on the data from before, without a quorum; a restore is requested.
MemberInputs requested() {
  MemberInputs in{.me = {.member = "a",
                         .self = {"etcd-a", "http://etcd-a"},
                         .expected = {},
                         .expected_members = {"a", "b", "c"},
                         .version = "3.5.33"}};
  for (auto const& member : in.me.expected_members)
    in.me.expected.push_back({"etcd-" + member, "http://etcd-" + member});
  for (auto const* member : {"b", "c"})
    in.others.peers.push_back({.member = member, .reach = Reach::unreachable, .why = "refused"});
  in.volume.data.state = Data::member;
  in.volume.data.identity = {0xa0, kBefore};
  in.volume.marker_cluster_id = in.volume.tag_cluster_id = "c1";
  in.etcd.unit = Phase::running;
  in.etcd.own = answers("a", kBefore);
  in.store.backups = StoreFacts::Backups::present;
  in.volume.volume_id = "vol-a";
  in.ec2.volumes.emplace();
  for (auto const& member : in.me.expected_members)
    in.ec2.volumes->push_back({.volume_id = "vol-" + member,
                               .member = member,
                               .members = in.me.expected_members,
                               .etcd_cluster_id = "c1",
                               .attached = true});
  in.store.request = restore_request();
  return in;
}

// The same, and its etcd was stopped, its data set aside.
MemberInputs emptied() {
  auto in = requested();
  in.etcd.unit = Phase::stopped;
  in.etcd.own = {};
  in.volume.data = {};
  in.volume.data.set_aside = {"data.20260115T101501Z"};
  return in;
}

// The same, restored.
MemberInputs restored() {
  auto in = emptied();
  in.store.request_done = in.store.request->id;
  in.volume.marker_cluster_id.clear();
  in.volume.data.state = Data::member;
  in.volume.data.identity = {0xa2, kRestored};
  return in;
}

// Recovery is requested for a, whose etcd runs without a quorum.
MemberInputs to_go_on_alone() {
  auto in = requested();
  in.store.request = recovery_request();
  return in;
}

MemberInputs from(std::function<MemberInputs()> const& base,
                  std::function<void(MemberInputs&)> const& change) {
  auto in = base();
  change(in);
  return in;
}

struct Case {
  std::string name;
  MemberInputs in;
  std::string move;
  Reason reason;  // tests/golden/etcd/request_decisions.txt has the words
};

class RequestedTest : public testing::TestWithParam<Case> {};

TEST_P(RequestedTest, Decides) {
  auto const& [name, in, move, reason] = GetParam();
  auto const decision = decide(in);
  EXPECT_EQ(test::name_of(decision), move) << sentence_of(decision, in);
  EXPECT_EQ(to_string(message_of(decision, in).reason), to_string(reason))
      << sentence_of(decision, in);
}

std::vector<Case> const kCases = {
    {"ARunningMemberStops", requested(), "StopUnit", Reason::EtcdToStop},
    {"ItsDataGoAside", from(requested, [](auto& in) { in.etcd.unit = Phase::stopped; }), "SetAside",
     Reason::DataToSetAside},
    {"UnfinishedDataGoAside",
     from(emptied, [](auto& in) { in.volume.data.state = Data::unfinished; }), "SetAside",
     Reason::DataToSetAside},
    {"AnEmptyPlaceIsRestoredInto", emptied(), "RestoreData", Reason::RestoreRequested},
    {"ABlankVolumeIsRestoredInto",
     from(emptied,
          [](auto& in) {
            in.volume.data.set_aside.clear();
            in.volume.marker_cluster_id.clear();
            in.volume.tag_cluster_id.clear();
          }),
     "RestoreData", Reason::RestoreRequested},
    {"OneThatWasBegunIsRestoredInto",
     from(emptied, [](auto& in) { in.volume.data.restored = true; }), "RestoreData",
     Reason::RestoreRequested},
    {"OneThatWasBuiltIsPutInPlace",
     from(restored,
          [](auto& in) {
            in.volume.data = {};
            in.volume.data.restored = true;
          }),
     "RestoreData", Reason::RestoreRequested},
    {"WhateverTheStoreSays",
     from(restored,
          [](auto& in) {
            in.volume.data = {};
            in.volume.data.restored = true;
            in.store.request.reset();
            in.others.peers[0] = leads("b", kRestored, all(false));
          }),
     "RestoreData", Reason::RestoreRequested},
    {"ANewerRequestBuildsItAgain",
     from(restored,
          [](auto& in) {
            in.volume.data = {};
            in.volume.data.restored = true;
            in.store.request->id += "2";
          }),
     "RestoreData", Reason::RestoreRequested},
    {"WhatIsRestoredStarts", restored(), "StartAsIs", Reason::EtcdStopped},
    {"WhatIsRestoredIsNotRestoredAgain", from(restored, [](auto& in) { in.volume.data = {}; }),
     "Wait", Reason::ClusterSilent},
    {"OneFromBeforeWithoutAQuorumHoldsNobodyUp",
     from(restored, [](auto& in) { in.others.peers[0] = answers("b", kBefore); }), "StartAsIs",
     Reason::EtcdStopped},
    {"NotBesideAQuorumFromBefore",
     from(restored, [](auto& in) { in.others.peers[0] = leads("b", kBefore, all(true)); }), "Wait",
     Reason::RestoreUnderWay},
    {"BesideAQuorumFromBeforeTheRequestIsAskedForFirst",
     from(restored,
          [](auto& in) {
            in.others.peers[0] = leads("b", kBefore, all(true));
            in.store.request.reset();
          }),
     "Wait", Reason::RequestNotKnown},
    {"OneThatHasJoinedRefusesAsEver",
     from(restored,
          [](auto& in) {
            in.others.peers[0] = leads("b", kBefore, all(true));
            in.store.request.reset();
            in.volume.marker_cluster_id = etcd_id_text(kRestored);
          }),
     "Refuse", Reason::ClustersDiffer},
    {"AQuorumFromBeforeThatIsToGoIsWaitedFor",
     from(restored,
          [](auto& in) {
            in.store.request->over_running = true;
            in.others.peers[0] = leads("b", kBefore, all(true));
          }),
     "Wait", Reason::RestoreUnderWay},
    {"AnotherVolumeTakesNoPart", from(emptied, [](auto& in) { in.volume.volume_id = "vol-a2"; }),
     "Wait", Reason::ClusterSilent},
    {"ABlankOtherVolumeWaits",
     from(emptied,
          [](auto& in) {
            in.volume.volume_id = "vol-a2";
            in.volume.data = {};
            in.volume.marker_cluster_id.clear();
            in.volume.tag_cluster_id.clear();
            in.store.restored_token = "prod-main-7";
            in.ec2.volumes = {{{.volume_id = "vol-a2",
                                .member = "a",
                                .members = {"a", "b", "c"},
                                .etcd_cluster_id = {}}}};
          }),
     "Wait", Reason::RestoreUnderWay},
    {"AQuorumThatServesIsLeftAlone",
     from(requested,
          [](auto& in) {
            in.etcd.own = leads("a", kBefore, all(true));
            in.etcd.own.member_id = in.etcd.own.leader_id = 0xa0;
          }),
     "Serving", Reason::EtcdMemberDown},
    {"AQuorumOfPeersIsLeftAlone",
     from(emptied, [](auto& in) { in.others.peers[0] = leads("b", kBefore, all(true)); }),
     "RemoveStale", Reason::MemberToRemove},
    {"UnlessItIsSaid",
     from(requested,
          [](auto& in) {
            in.etcd.own = leads("a", kBefore, all(true));
            in.store.request->over_running = true;
          }),
     "StopUnit", Reason::EtcdToStop},
    {"OneThatMayBeOverIsNotBegun",
     from(requested, [](auto& in) { in.store.request->stale = true; }), "Wait", Reason::QuorumLost},
    {"UnlessItIsMeantForARunningCluster",
     from(requested,
          [](auto& in) { in.store.request->stale = in.store.request->over_running = true; }),
     "StopUnit", Reason::EtcdToStop},
    {"ABlankVolumeThatCameLaterGoesToTheRestoredCluster",
     from(emptied,
          [](auto& in) {
            in.volume.volume_id = "vol-a2";
            in.volume.data = {};
            in.volume.marker_cluster_id.clear();
            in.others.peers[0] = leads("b", kRestored, all(true));
          }),
     "AdoptCluster", Reason::ClusterToAdopt},
    {"OneWithDataThatCameLaterIsLookedAt",
     from(requested,
          [](auto& in) {
            in.volume.volume_id = "vol-a2";
            in.etcd.unit = Phase::stopped;
            in.etcd.own = {};
            in.others.peers[0] = leads("b", kRestored, all(true));
          }),
     "Refuse", Reason::ClustersDiffer},
    {"NobodyJoinsWhatIsToBeReplaced",
     from(emptied,
          [](auto& in) {
            in.volume.volume_id = "vol-a2";
            in.volume.data = {};
            in.others.peers[0] = leads("b", kBefore, {listed(0xb0, "b"), listed(0xc0, "c")});
          }),
     "Wait", Reason::RequestUnderWay},
    {"UnlessTheRequestIsOver",
     from(emptied,
          [](auto& in) {
            in.volume.volume_id = "vol-a2";
            in.volume.data = {};
            in.store.request->closed = in.store.request->is_void = true;
            in.others.peers[0] = leads("b", kBefore, {listed(0xb0, "b"), listed(0xc0, "c")});
          }),
     "AddLearner", Reason::LearnerToAdd},
    {"AnOldRequestIsNotBegun",
     from(requested, [](auto& in) { in.store.request_age = kRequestBegins + Duration(1); }), "Wait",
     Reason::QuorumLost},
    {"ClockUnknownSoTheRequestIsNotBegun",
     from(requested, [](auto& in) { in.store.request_age.reset(); }), "Wait", Reason::QuorumLost},
    {"ClockUnknownAndABlankOneJoinsNobodyAllTheSame",
     from(emptied,
          [](auto& in) {
            in.volume.volume_id = "vol-a2";
            in.volume.data = {};
            in.store.request_age.reset();
            in.others.peers[0] = leads("b", kBefore, {listed(0xb0, "b"), listed(0xc0, "c")});
          }),
     "Wait", Reason::RequestUnderWay},
    {"WhoBeganAVoidOneSetsItAside",
     from(restored,
          [](auto& in) {
            in.store.request->closed = in.store.request->is_void = true;
            in.etcd.unit = Phase::stopped;
            in.etcd.own = {.member = "a"};
            in.others.peers[0] = leads("b", kBefore, all(true));
          }),
     "SetAside", Reason::DataToSetAside},
    {"AndIsOfTheClusterThatServes",
     from(restored,
          [](auto& in) {
            in.store.request->closed = in.store.request->is_void = true;
            in.etcd.unit = Phase::stopped;
            in.etcd.own = {.member = "a"};
            in.volume.data = {};
            in.others.peers[0] = leads("b", kBefore, all(true));
            in.volume.tag_cluster_id = "c2";
          }),
     "AdoptCluster", Reason::ClusterToAdopt},
    {"AClosedOneIsNotBegun", from(requested, [](auto& in) { in.store.request->closed = true; }),
     "Wait", Reason::QuorumLost},
    {"TheOthersAreRestoredAndExpectIt",
     from(emptied, [](auto& in) { in.others.peers[0] = leads("b", kRestored, all(false)); }),
     "RestoreData", Reason::RestoreRequested},
    {"TheOthersKnowItAsOneThatHasRun",
     from(emptied, [](auto& in) { in.others.peers[0] = leads("b", kRestored, all(true)); }),
     "AdoptCluster", Reason::ClusterToAdopt},
    {"TheOthersKnowItNoMore",
     from(emptied,
          [](auto& in) { in.others.peers[0] = leads("b", kRestored, {listed(0xb0, "b")}); }),
     "AdoptCluster", Reason::ClusterToAdopt},
    {"TheOthersHaveAddedItAnew",
     from(emptied,
          [](auto& in) {
            auto list = all(false);
            list[0].learner = true;
            in.others.peers[0] = leads("b", kRestored, list);
          }),
     "AdoptCluster", Reason::ClusterToAdopt},
    {"WhoIsOnTheUsualWayGoesOn",
     from(emptied,
          [](auto& in) {
            auto list = all(false);
            list[0].learner = true;
            list[0].name.clear();
            in.others.peers[0] = leads("b", kRestored, list);
            in.volume.marker_cluster_id.clear();
            in.volume.tag_cluster_id = "c2";
          }),
     "StartJoined", Reason::LearnerToStart},
    {"WhoHasJoinedTheUsualWayStays",
     from(requested,
          [](auto& in) {
            in.volume.data.identity.cluster_id = kRestored;
            in.volume.marker_cluster_id.clear();
            in.volume.tag_cluster_id = "c2";
            in.etcd.own = answers("a", kRestored);
            in.etcd.own.learner = true;
            in.others.peers[0] = leads("b", kRestored, all(true));
          }),
     "Wait", Reason::LearnerPromoted},
    {"AnAdoptionThatWasCutOffIsDoneAgain",
     from(emptied,
          [](auto& in) {
            in.volume.tag_cluster_id = "c2";
            in.others.peers[0] = leads("b", kRestored, all(true));
          }),
     "AdoptCluster", Reason::ClusterToAdopt},
    {"TooLateItsUnitStopsFirst",
     from(requested,
          [](auto& in) {
            in.store.request->closed = true;
            in.others.peers[0] = leads("b", kRestored, all(false));
          }),
     "StopUnit", Reason::EtcdToStop},
    {"TooLateItsDataGoAside",
     from(requested,
          [](auto& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = {};
            in.store.request->closed = true;
            in.others.peers[0] = leads("b", kRestored, all(false));
          }),
     "SetAside", Reason::DataToSetAside},
    {"ForeignContentIsNotBuiltBeside",
     from(emptied, [](auto& in) { in.volume.data.foreign = {"x"}; }), "Refuse",
     Reason::DataForeign},

    {"ARecoveryStopsTheUnit", to_go_on_alone(), "StopUnit", Reason::EtcdToStop},
    {"AndForces",
     from(to_go_on_alone,
          [](auto& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = {};
          }),
     "ForceAlone", Reason::RecoveryRequested},
    {"AndForcesOnce",
     from(to_go_on_alone,
          [](auto& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = {};
            in.store.request_done = in.store.request->id;
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"AForcedOneThatWasLeftBehindIsStopped",
     from(to_go_on_alone, [](auto& in) { in.etcd.own = leads("a", kBefore, {listed(0xa0, "a")}); }),
     "StopUnit", Reason::EtcdToStop},
    {"AQuorumThatCameBackIsNotForced",
     from(to_go_on_alone,
          [](auto& in) {
            in.etcd.own = leads("a", kBefore, all(true));
            in.etcd.own.member_id = in.etcd.own.leader_id = 0xa0;
          }),
     "Serving", Reason::EtcdMemberDown},
    {"NobodyElseForces",
     from(to_go_on_alone,
          [](auto& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = {};
            in.store.request->volumes = {{"b", "vol-b"}};
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"NotOnDataOfAnotherCluster",
     from(to_go_on_alone,
          [](auto& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = {};
            in.store.request->cluster_id = kRestored;
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"ARecoveryThatMayBeOverIsNotBegun",
     from(to_go_on_alone, [](auto& in) { in.store.request->stale = true; }), "Wait",
     Reason::QuorumLost},
    {"NobodyJoinsWhatARecoveryLeaves",
     from(emptied,
          [](auto& in) {
            in.store.request = recovery_request();
            in.store.request->volumes = {{"b", "vol-b"}};
            in.others.peers[1] = leads("c", kBefore, all(true));
          }),
     "Wait", Reason::RequestUnderWay},
    {"NorIsALearnerOfItPromoted",
     from(requested,
          [](auto& in) {
            in.store.request = recovery_request();
            in.store.request->volumes = {{"b", "vol-b"}};
            in.etcd.own.learner = true;
            in.others.peers[1] = leads("c", kBefore, all(true));
          }),
     "Wait", Reason::RequestUnderWay},
    {"WhoIsRecoveredIsJoined",
     from(emptied,
          [](auto& in) {
            in.store.request = recovery_request();
            in.store.request->volumes = {{"b", "vol-b"}};
            in.others.peers[0] = leads("b", kBefore, {listed(0xb0, "b")});
          }),
     "AddLearner", Reason::LearnerToAdd},
    {"AsOneThatHasALearnerAlready",
     from(emptied,
          [](auto& in) {
            in.store.request = recovery_request();
            in.store.request->volumes = {{"b", "vol-b"}};
            auto learner = listed(0xc0, "c");
            learner.learner = true;
            in.others.peers[0] = leads("b", kBefore, {listed(0xb0, "b"), learner});
          }),
     "Wait", Reason::LearnerWaits},
    {"AndThatLearnerGoesOn",
     from(requested,
          [](auto& in) {
            in.store.request = recovery_request();
            in.store.request->volumes = {{"b", "vol-b"}};
            auto learner = listed(0xa0, "a");
            learner.learner = in.etcd.own.learner = true;
            in.etcd.own.member_id = 0xa0;
            in.others.peers[0] = leads("b", kBefore, {listed(0xb0, "b"), learner});
          }),
     "Promote", Reason::LearnerToPromote},
    {"AnOldRecoveryIsNotBegun",
     from(to_go_on_alone, [](auto& in) { in.store.request_age = kRequestBegins + Duration(1); }),
     "Wait", Reason::QuorumLost},
};

INSTANTIATE_TEST_SUITE_P(Requests, RequestedTest, testing::ValuesIn(kCases),
                         [](auto const& each) { return each.param.name; });

TEST(Requested, ItsWords) {
  std::string page;
  for (auto const& row : kCases) page += test::decision_words(row.name, decide(row.in), row.in);
  EXPECT_TRUE(test::matches_golden("etcd/request_decisions.txt", page));
}

}  // namespace
}  // namespace haagent::bootstrap
