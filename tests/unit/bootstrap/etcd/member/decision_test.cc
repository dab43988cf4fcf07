#include "bootstrap/etcd/member/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "bootstrap/etcd/member/message.h"
#include "bootstrap/etcd/member/obstacles.h"
#include "bootstrap/etcd/member/standing.h"
#include "tests/support/decision_names.h"
#include "tests/support/golden.h"

namespace haagent::bootstrap {
namespace {

using testing::HasSubstr;
using testing::Not;
using Phase = UnitState::Phase;
using Reach = MemberAnswer::Reach;

constexpr std::uint64_t kCluster = 0xc1;
constexpr std::uint64_t kOther = 0xc2;
constexpr std::uint64_t kIdA = 0xa0, kIdB = 0xb0, kIdC = 0xc0;

std::string peer_url(std::string const& member) {
  return "http://etcd-" + member + ".internal.test:2380";
}

EtcdMember listed(std::uint64_t id, std::string const& member, bool started = true) {
  return {.id = id,
          .name = "etcd-" + member,
          .peer_urls = {peer_url(member)},
          .client_urls = started ? std::vector<std::string>{"http://etcd-" + member + ":2379"}
                                 : std::vector<std::string>{},
          .learner = false};
}

EtcdMember learner(std::uint64_t id, std::string const& member, bool started) {
  auto entry = listed(id, member, started);
  entry.learner = true;
  if (!started) entry.name.clear();
  return entry;
}

std::vector<EtcdMember> all_three() {
  return {listed(kIdA, "a"), listed(kIdB, "b"), listed(kIdC, "c")};
}

MemberAnswer silent(std::string member) {
  return {.member = std::move(member), .reach = Reach::unreachable, .why = "connection refused"};
}

MemberAnswer no_quorum(std::string member, std::uint64_t id) {
  return {.member = std::move(member),
          .reach = Reach::answers,
          .cluster_id = kCluster,
          .member_id = id,
          .server = {.version = "3.5.33"}};
}

MemberAnswer serves(std::string member, std::uint64_t id, std::vector<EtcdMember> list) {
  auto answer = no_quorum(std::move(member), id);
  answer.raft_index = 1000;
  answer.quorum_list = std::move(list);
  return answer;
}

VolumeEvidence volume(std::string member, bool attached, std::string cluster_id = "") {
  return {.volume_id = "vol-" + member,
          .member = member,
          .members = {"a", "b", "c"},
          .etcd_cluster_id = std::move(cluster_id),
          .attached = attached};
}

// What EC2 says of three masters whose volumes agree.
std::vector<VolumeEvidence> agreed() {
  return {volume("a", true), volume("b", true), volume("c", true)};
}

// Member a of three: a blank volume, no unit, everybody silent, all volumes attached.
MemberInputs blank() {
  MemberInputs in{.me = {.member = "a",
                         .self = {"etcd-a", peer_url("a")},
                         .expected = {},
                         .expected_members = {"a", "b", "c"},
                         .version = "3.5.33"}};
  for (auto const& member : in.me.expected_members)
    in.me.expected.push_back({"etcd-" + member, peer_url(member)});
  in.others.peers = {silent("b"), silent("c")};
  in.ec2.volumes = agreed();
  return in;
}

// The same, and its volume says that it has heard of the cluster.
MemberInputs hears() {
  auto in = blank();
  in.volume.tag_cluster_id = "c1";
  return in;
}

// Member a with data of the cluster.
MemberInputs with_data() {
  auto in = blank();
  in.ec2.volumes.reset();
  in.volume.data.state = DataDir::State::member;
  in.volume.data.identity = {kIdA, kCluster};
  in.volume.marker_cluster_id = "c1";
  return in;
}

// The same, and its etcd runs and serves.
MemberInputs running() {
  auto in = with_data();
  in.etcd.unit = Phase::running;
  in.etcd.own = serves("a", kIdA, all_three());
  in.others.peers = {serves("b", kIdB, all_three()), serves("c", kIdC, all_three())};
  return in;
}

// Its etcd runs as a learner that has most of the log.
MemberInputs learns() {
  auto in = running();
  in.etcd.own = no_quorum("a", kIdA);
  in.etcd.own.learner = true;
  in.etcd.own.raft_index = 900;
  in.volume.tag_cluster_id = "c1";
  std::vector<EtcdMember> const list = {learner(kIdA, "a", true), listed(kIdB, "b"),
                                        listed(kIdC, "c")};
  in.others.peers = {serves("b", kIdB, list), serves("c", kIdC, list)};
  return in;
}

// A volume with other members in its tag.
VolumeEvidence tagged(std::string member, std::vector<std::string> members) {
  auto evidence = volume(std::move(member), true, "c1");
  evidence.members = std::move(members);
  return evidence;
}

// Member a leads three, and the tags of all volumes have listed a alone for long.
MemberInputs shrinks() {
  auto in = running();
  in.etcd.own.leader_id = kIdA;
  for (auto& peer : in.others.peers) peer.leader_id = kIdA;
  in.ec2.volumes = {{tagged("a", {"a"})}};
  in.me.expected_members = {"a"};
  in.me.expected.resize(1);
  in.ec2.tags_agree_for = kTagsSettle;
  return in;
}

// Member b of the same: the tags do not list it.
MemberInputs leaves() {
  auto in = shrinks();
  in.me.member = "b";
  in.me.self = {"etcd-b", peer_url("b")};
  in.volume.data.identity = {kIdB, kCluster};
  in.me.expected_members = {"a", "b", "c"};
  in.me.expected = blank().me.expected;
  std::swap(in.etcd.own, in.others.peers[0]);
  return in;
}

// Member a of three: b and c are to join a alone, as its volume's tag says by now.
MemberInputs grows() {
  auto in = running();
  in.etcd.own = serves("a", kIdA, {listed(kIdA, "a")});
  in.etcd.own.leader_id = kIdA;
  in.others.peers = {silent("b"), silent("c")};
  in.ec2.volumes = agreed();
  return in;
}

// Member a of three that serve, and its volume is not where it was.
MemberInputs unseen() {
  auto in = running();
  in.volume.data = {};
  in.volume.marker_cluster_id.clear();
  in.volume.unseen =
      UnseenVolume{.message = {Reason::VolumeUnmounted, "vol-a is not mounted", "run mount"}};
  return in;
}

// Member a of three, whose volume was made from a snapshot; the others serve.
MemberInputs copied() {
  auto in = with_data();
  in.volume.volume_id = "vol-a";
  in.volume.snapshot_id = "snap-1";
  in.volume.copy_of = "vol-old (from snap-1)";
  in.ec2.volumes = agreed();
  in.others.peers = {serves("b", kIdB, all_three()), serves("c", kIdC, all_three())};
  return in;
}

struct Case {
  char const* name;
  std::function<MemberInputs()> inputs;
  std::string_view move;  // which alternative
  Reason reason;          // and why; tests/golden/etcd/decisions.txt has the words
};

template <class Change>
std::function<MemberInputs()> from(MemberInputs (*base)(), Change change) {
  return [base, change] {
    auto in = base();
    change(in);
    return in;
  };
}

Case const kCases[] = {
    // Data on the volume.
    {"DataAndNobodyAnswers", with_data, "StartAsIs", Reason::EtcdStopped},
    {"DataAndEverybodyAnswers",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, all_three()), serves("c", kIdC, all_three())};
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"DataAndNoMarkerYet", from(with_data, [](MemberInputs& in) { in.volume.marker_cluster_id = ""; }),
     "StartAsIs", Reason::EtcdStopped},
    {"DataOutweighsEverySignOfABlankWorld",
     from(with_data,
          [](MemberInputs& in) {
            in.ec2.volumes = agreed();
            in.store.backups = StoreFacts::Backups::present;
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"DataAndAPeerWithoutQuorum",
     from(with_data, [](MemberInputs& in) { in.others.peers[0] = no_quorum("b", kIdB); }), "StartAsIs",
     Reason::EtcdStopped},
    {"DataAfterAFailedStart",
     from(with_data,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::failed;
            in.etcd.failed_starts = 2;
            in.etcd.unit_detail = "exited with 2";
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"DataOfARemovedMember",
     from(with_data,
          [](MemberInputs& in) {
            in.ec2.volumes = agreed();
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "SetAside",
     Reason::DataToSetAside},
    {"DataOfARemovedMemberWhoseNameIsListedAnew",
     from(with_data,
          [](MemberInputs& in) {
            in.ec2.volumes = agreed();
            in.others.peers[0] =
                serves("b", kIdB, {listed(0xa1, "a"), listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "SetAside",
     Reason::DataToSetAside},
    {"RemovedWhileItRuns",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = silent("a");
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "StopUnit", Reason::EtcdToStop},
    {"NotListedByAPeerWithoutQuorumIsNotRemoved",
     from(with_data, [](MemberInputs& in) { in.others.peers[0] = no_quorum("b", kIdB); }), "StartAsIs",
     Reason::EtcdStopped},
    {"AnUnreadableLogIsRecognisedByItsName",
     from(with_data,
          [](MemberInputs& in) {
            in.volume.data.identity = {};
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"DataOfAnotherCluster",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, all_three());
            in.others.peers[0].cluster_id = kOther;
          }),
     "Refuse",
     Reason::ClustersDiffer},
    // It may be the one that is behind, and then this one's quorum is what it needs.
    {"DataBesideAnotherClusterThatHasNoQuorum",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers[0] = no_quorum("b", kIdB);
            in.others.peers[0].cluster_id = kOther;
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"WithoutAMarkerTheLogSaysWhoseItIs",
     from(with_data,
          [](MemberInputs& in) {
            in.volume.marker_cluster_id = "";
            in.volume.tag_cluster_id = "c2";
            in.others.peers[0] = serves("b", kIdB, all_three());
            in.others.peers[0].cluster_id = kOther;
          }),
     "Refuse", Reason::ClustersDiffer},
    {"AStrayPeerDoesNotStopAMemberOfTheQuorum",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, all_three()), no_quorum("c", kIdC)};
            in.others.peers[1].cluster_id = kOther;
          }),
     "StartAsIs", Reason::EtcdStopped},
    // Whose list does not have me, which is no removal.
    {"AStrayQuorumBesideItsOwnIsNotAsked",
     from(with_data,
          [](MemberInputs& in) {
            in.ec2.volumes = agreed();
            in.others.peers = {serves("b", kIdB, {listed(kIdB, "b")}), serves("c", kIdC, all_three())};
            in.others.peers[0].cluster_id = kOther;
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"ABlankVolumeThatIsTaggedJoinsItsOwnQuorum",
     from(hears,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, {listed(kIdB, "b")}),
                        serves("c", kIdC, {learner(0xa1, "a", false), listed(kIdC, "c")})};
            in.others.peers[0].cluster_id = kOther;
          }),
     "StartJoined", Reason::LearnerToStart},
    {"ALearnerIsHeldAgainstItsOwnCluster",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own.learner = true;
            in.etcd.own.quorum_list.reset();
            in.volume.tag_cluster_id = "c1";
            in.others.peers = {serves("b", kIdB, {listed(kIdB, "b")}),
                        serves("c", kIdC, {learner(kIdA, "a", true), listed(kIdC, "c")})};
            in.others.peers[0].cluster_id = kOther;
            in.others.peers[0].raft_index = 1'000'000;
          }),
     "Promote", Reason::LearnerToPromote},
    {"DataAndMarkerDisagree",
     from(with_data, [](MemberInputs& in) { in.volume.marker_cluster_id = "c9"; }), "Refuse",
     Reason::MarkerContradicts},
    {"TwoMinorVersionsApart",
     from(with_data,
          [](MemberInputs& in) {
            in.me.version = "3.7.1";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse",
     Reason::EtcdVersionUnfit},
    {"OneMinorVersionApart",
     from(with_data,
          [](MemberInputs& in) {
            in.me.version = "3.6.14";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "StartAsIs", Reason::EtcdStopped},

    {"TheVolumeIsAtAHigherVersion",
     from(with_data, [](MemberInputs& in) { in.volume.data_version = "3.6"; }), "Refuse",
     Reason::EtcdVersionUnfit},
    {"TheClusterIsAtAHigherVersion",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, all_three());
            in.others.peers[0].server.version = "3.6.14";
            in.others.cluster_version = "3.6.0";
          }),
     "Refuse", Reason::EtcdVersionUnfit},
    {"TheVolumeWasServedTwoVersionsBefore",
     from(with_data,
          [](MemberInputs& in) {
            in.me.version = "3.7.1";
            in.volume.served_by = "3.5.33";
          }),
     "Refuse",
     Reason::EtcdVersionUnfit},

    // Its etcd runs.
    {"Serves", running, "Serving", Reason::EtcdServing},
    {"ServesWhileAPeerIsSilent", from(running, [](MemberInputs& in) { in.others.peers[1] = silent("c"); }),
     "Serving", Reason::EtcdMemberDown},
    {"ServesWithAnAlarm",
     from(running, [](MemberInputs& in) { in.etcd.own.server.alarms = {"alarm:NOSPACE"}; }), "Serving",
     Reason::EtcdAlarm},
    {"ServesAndTheVolumeDoesNotSaySo",
     from(running, [](MemberInputs& in) { in.volume.marker_cluster_id = ""; }), "TagVolume",
     Reason::ClusterIdToTag},
    {"ServesAndOnlyItsOwnVolumeSaysSo",
     from(running,
          [](MemberInputs& in) {
            in.volume.marker_cluster_id = "";
            in.volume.tag_cluster_id = "c1";
            in.ec2.volumes = {{volume("a", true), volume("b", true, "c2"), volume("c", true)}};
          }),
     "Wait", Reason::ClusterIdToSpread},
    {"ServesAndAVolumeThatNamesNoMemberSaysSoToo",
     from(running,
          [](MemberInputs& in) {
            in.volume.marker_cluster_id = "";
            in.volume.tag_cluster_id = "c1";
            in.ec2.volumes = {{volume("a", true), volume("b", true), volume("c", true),
                               {.volume_id = "vol-copy", .etcd_cluster_id = "c1"}}};
          }),
     "Wait", Reason::ClusterIdToSpread},
    {"ServesAndAQuorumOfVolumesSaysSo",
     from(running,
          [](MemberInputs& in) {
            in.volume.marker_cluster_id = "";
            in.ec2.volumes = {{volume("a", true, "c1"), volume("b", true), volume("c", false, "c1")}};
          }),
     "MarkVolume", Reason::ClusterIdToRecord},
    {"ServesAnotherClusterThanTheMarkerSays",
     from(running,
          [](MemberInputs& in) {
            in.volume.data.identity = {};
            in.etcd.own.cluster_id = kOther;
            in.others.peers = {silent("b"), silent("c")};
          }),
     "Refuse", Reason::MarkerContradicts},
    {"ServesUnderAnOldPeerUrl",
     from(running,
          [](MemberInputs& in) { (*in.etcd.own.quorum_list)[0].peer_urls = {"http://10.0.0.1:2380"}; }),
     "UpdatePeerUrl", Reason::PeerUrlDiffers},
    {"RunsWithoutQuorum",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = no_quorum("a", kIdA);
            in.others.peers = {silent("b"), silent("c")};
          }),
     "Wait",
     Reason::QuorumLost},
    {"RunsAndDoesNotAnswerYet",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = silent("a");
            in.others.peers = {no_quorum("b", kIdB), silent("c")};
          }),
     "Wait", Reason::EtcdStarting},
    {"ALearnerCatchesUp",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = no_quorum("a", kIdA);
            in.etcd.own.learner = true;
            in.etcd.own.raft_index = 899;
          }),
     "Wait", Reason::LearnerBehind},
    {"ALearnerIsInSync", learns, "Promote", Reason::LearnerToPromote},
    {"ALearnerUnderAnOldPeerUrlIsPromotedFirst",
     from(learns,
          [](MemberInputs& in) {
            for (auto& peer : in.others.peers)
              (*peer.quorum_list)[0].peer_urls = {"http://10.0.0.1:2380"};
          }),
     "Promote", Reason::LearnerToPromote},
    // Before it votes, its volume must speak of the cluster: the others' may be lost.
    {"ALearnersVolumeIsTaggedBeforeItVotes",
     from(learns, [](MemberInputs& in) { in.volume.tag_cluster_id = ""; }), "TagVolume",
     Reason::ClusterIdToTag},
    {"ALearnerThatEtcdDoesNotPromoteYet",
     from(learns, [](MemberInputs& in) { in.etcd.promotion_refused = "not in sync"; }), "Wait",
     Reason::LearnerNotPromoted},
    {"ALearnerThatVotesAndDoesNotKnowItYet",
     from(learns,
          [](MemberInputs& in) {
            for (auto& peer : in.others.peers) (*peer.quorum_list)[0].learner = false;
          }),
     "Wait", Reason::LearnerPromoted},
    {"ALearnerThatDoesNotGetOn",
     from(learns,
          [](MemberInputs& in) {
            in.etcd.own.raft_index = 500;
            in.others.learner_still = kLearnerPatience;
          }),
     "RemoveMember",
     Reason::MemberToRemove},
    {"ALearnerThatEtcdNeverPromotes",
     from(learns,
          [](MemberInputs& in) {
            in.etcd.promotion_refused = "not in sync";
            in.others.learner_still = kLearnerPatience;
          }),
     "RemoveMember", Reason::MemberToRemove},
    {"ALearnerOfAnIdleClusterHasNothingToGetOnWith",
     from(learns, [](MemberInputs& in) { in.others.learner_still = 10 * kLearnerPatience; }), "Promote",
     Reason::LearnerToPromote},
    // Of four voters three must be up.
    {"ALearnerIsNotMadeTheFourthVoterWhileOneIsDown",
     from(learns,
          [](MemberInputs& in) {
            for (auto& peer : in.others.peers) peer.quorum_list->push_back(listed(0xd0, "d"));
          }),
     "Wait",
     Reason::LearnerWaits},
    {"ALearnerIsMadeTheThirdVoterWhileOneIsDown",
     from(learns, [](MemberInputs& in) { in.others.peers[1] = silent("c"); }), "Promote",
     Reason::LearnerToPromote},
    {"ALearnerAndNoQuorum",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = no_quorum("a", kIdA);
            in.etcd.own.learner = true;
            in.others.peers = {no_quorum("b", kIdB), silent("c")};
          }),
     "Wait", Reason::QuorumLost},
    {"ALearnerThatKeepsFailing",
     from(with_data,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::failed;
            in.etcd.unit_detail = "exited with 2";
            in.etcd.failed_starts = 3;
            in.others.peers[0] =
                serves("b", kIdB, {learner(kIdA, "a", true), listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "RemoveStale",
     Reason::MemberToRemove},
    {"ALearnerThatFailedAndNowRunsIsKept",
     from(running,
          [](MemberInputs& in) {
            in.etcd.failed_starts = 3;
            in.etcd.own = silent("a");
            in.others.peers[0] =
                serves("b", kIdB, {learner(kIdA, "a", true), listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "Wait", Reason::EtcdStarting},
    {"AVoterThatKeepsFailingIsNotRemoved",
     from(with_data,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::failed;
            in.etcd.unit_detail = "exited with 2";
            in.etcd.failed_starts = 9;
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "StartAsIs", Reason::EtcdStopped},

    // My volume is not seen: an empty folder of the root disk is no blank volume.
    {"ItsMountIsGoneWhileItServes", unseen, "Wait",
     Reason::VolumeNotSeen},
    {"ItsMountIsGoneAndItsEtcdHasEnded",
     from(unseen,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::failed;
            in.etcd.own = silent("a");
          }),
     "Wait", Reason::VolumeNotSeen},
    {"ItsMountIsGoneAndNobodyAnswers",
     from(unseen,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("a");
            in.others.peers = {silent("b"), silent("c")};
            in.ec2.volumes = agreed();
          }),
     "Wait", Reason::VolumeNotSeen},
    {"ItsMountIsGoneAndItLeadsAndAnotherIsToGo",
     from(shrinks,
          [](MemberInputs& in) {
            in.volume.data = {};
            in.volume.unseen = UnseenVolume{.message = {Reason::VolumeUnmounted, "vol-a is not mounted", "run mount"}};
          }),
     "Wait", Reason::VolumeNotSeen},
    {"ItsMountIsGoneAndARestoreIsRequested",
     from(unseen,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("a");
            in.others.peers = {silent("b"), silent("c")};
            in.volume.volume_id = "vol-a";
            in.store.request = RecoveryRequest{.id = "1",
                                 .cluster_id = kOther,
                                 .volumes = {{"a", "vol-a"}},
                                 .backup = "x",
                                 .members = {"a", "b", "c"}};
          }),
     "Wait", Reason::VolumeNotSeen},
    // No member can run on a filesystem that takes no writes: it is down, for everybody to see.
    {"ItsFilesystemHasFailedAndTheOthersDoWithoutIt",
     from(unseen,
          [](MemberInputs& in) {
            in.volume.unseen = UnseenVolume{.message = {Reason::VolumeUnmounted, "vol-a is read-only", "see to it"}, .failed = true};
            for (auto& peer : in.others.peers) peer.leader_id = kIdB;
          }),
     "StopUnit", Reason::EtcdToStop},
    {"ItsFilesystemHasFailedAndTheOthersNeedIt",
     from(unseen,
          [](MemberInputs& in) {
            in.volume.unseen = UnseenVolume{.message = {Reason::VolumeUnmounted, "vol-a is read-only", "see to it"}, .failed = true};
            in.others.peers = {serves("b", kIdB, all_three()), silent("c")};
            in.others.peers[0].leader_id = kIdB;
          }),
     "Wait", Reason::VolumeNotSeen},
    {"ItsFilesystemHasFailedAndItIsAlone",
     from(unseen,
          [](MemberInputs& in) {
            in.volume.unseen = UnseenVolume{.message = {Reason::VolumeUnmounted, "vol-a is read-only", "see to it"}, .failed = true};
            in.others.peers.clear();
          }),
     "Wait", Reason::VolumeNotSeen},

    // Data that are an older copy.
    {"ACopyBesideAQuorumThatListsIt", copied, "SetAside",
     Reason::DataToSetAside},
    {"ACopyBesideAQuorumThatHasRemovedIt",
     from(copied,
          [](MemberInputs& in) {
            for (auto& peer : in.others.peers)
              peer.quorum_list = {{listed(kIdB, "b"), listed(kIdC, "c")}};
          }),
     "SetAside",
     Reason::DataToSetAside},
    {"ACopyAndNobodyAnswers",
     from(copied, [](MemberInputs& in) { in.others.peers = {silent("b"), silent("c")}; }), "Wait",
     Reason::DataIsCopy},
    {"ACopyAndNoQuorum",
     from(copied,
          [](MemberInputs& in) { in.others.peers = {no_quorum("b", kIdB), silent("c")}; }),
     "Wait",
     Reason::DataIsCopy},
    {"ACopyOfTheOnlyMember",
     from(copied,
          [](MemberInputs& in) {
            in.others.peers.clear();
            in.me.expected_members = {"a"};
            in.me.expected.resize(1);
          }),
     "Wait",
     Reason::DataIsCopy},
    {"ACopyWhoseOriginalServesElsewhere",
     from(copied, [](MemberInputs& in) { in.others.peers[1] = serves("c", kIdA, all_three()); }), "Refuse",
     Reason::MemberServedTwice},
    {"ACopyThatTheTagsDoNotListAnyMore",
     from(copied,
          [](MemberInputs& in) {
            in.ec2.volumes = {tagged("b", {"b"})};
            in.me.expected_members = {"a", "b", "c"};
          }),
     "Wait", Reason::MemberNotListed},
    // An agent that could not tell copies has started it long ago, and it serves.
    {"ACopyThatServesIsItsOwnByNow",
     from(running,
          [](MemberInputs& in) {
            in.volume.volume_id = "vol-a";
            in.volume.snapshot_id = in.volume.copy_of = "snap-1";
          }),
     "MarkVolume", Reason::ClusterIdToRecord},
    {"ACopyThatRunsWithoutAQuorumGoesOn",
     from(running,
          [](MemberInputs& in) {
            in.volume.copy_of = "snap-1";
            in.etcd.own = no_quorum("a", kIdA);
            in.others.peers = {silent("b"), silent("c")};
          }),
     "Wait", Reason::QuorumLost},

    // A blank volume and a quorum that answers.
    {"ReplacesItsDeadSelf",
     from(hears, [](MemberInputs& in) { in.others.peers[0] = serves("b", kIdB, all_three()); }),
     "RemoveStale", Reason::MemberToRemove},
    // It may have voted before it lost its disk: never state new under its old id.
    {"ListedAndNeverSeenToStart",
     from(hears,
          [](MemberInputs& in) {
            in.others.peers[0] =
                serves("b", kIdB, {listed(kIdA, "a", false), listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "RemoveStale", Reason::MemberToRemove},
    {"ListedByItsPeerUrlUnderAnotherName",
     from(hears,
          [](MemberInputs& in) {
            auto list = all_three();
            list[0].name = "old";
            in.others.peers[0] = serves("b", kIdB, list);
          }),
     "RemoveStale", Reason::MemberToRemove},
    {"ListedByItsNameUnderAnOldPeerUrl",
     from(hears,
          [](MemberInputs& in) {
            auto list = all_three();
            list[0].peer_urls = {"http://10.0.0.1:2380"};
            in.others.peers[0] = serves("b", kIdB, list);
          }),
     "RemoveStale", Reason::MemberToRemove},
    {"RemovedAndNotYetAdded",
     from(hears,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "AddLearner", Reason::LearnerToAdd},
    // Once it is out of the list, only its volume remembers: it must not form anew.
    {"ABlankVolumeIsTaggedBeforeItsOldIdGoes",
     from(blank, [](MemberInputs& in) { in.others.peers[0] = serves("b", kIdB, all_three()); }),
     "TagVolume", Reason::ClusterIdToTag},
    {"ABlankVolumeIsTaggedBeforeItIsAdded",
     from(blank, [](MemberInputs& in) { in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")}); }),
     "TagVolume", Reason::ClusterIdToTag},
    {"AddedAndNotYetStarted",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB,
                                 {listed(kIdB, "b"), listed(kIdC, "c"), learner(0xa1, "a", false)});
          }),
     "StartJoined", Reason::LearnerToStart},
    {"StartedAsALearnerAndItsDiskIsLost",
     from(hears,
          [](MemberInputs& in) {
            in.others.peers[0] =
                serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c"), learner(0xa1, "a", true)});
          }),
     "RemoveStale", Reason::MemberToRemove},
    // A name or client URLs alone say so too: its log was begun.
    {"ALearnerThatHasANameHasStarted",
     from(hears,
          [](MemberInputs& in) {
            auto named = learner(0xa1, "a", false);
            named.name = "etcd-a";
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c"), named});
          }),
     "RemoveStale", Reason::MemberToRemove},
    {"ALearnerThatHasClientUrlsHasStarted",
     from(hears,
          [](MemberInputs& in) {
            auto unnamed = learner(0xa1, "a", true);
            unnamed.name.clear();
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c"), unnamed});
          }),
     "RemoveStale", Reason::MemberToRemove},
    {"ALearnerThatCannotStart",
     from(hears,
          [](MemberInputs& in) {
            in.etcd.failed_starts = 3;
            in.etcd.unit_detail = "exited with 1";
            in.others.peers[0] = serves("b", kIdB,
                                 {listed(kIdB, "b"), listed(kIdC, "c"), learner(0xa1, "a", false)});
          }),
     "RemoveStale",
     Reason::MemberToRemove},
    {"AnotherLearnerJoins",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), learner(kIdC, "c", true)});
          }),
     "Wait", Reason::LearnerWaits},
    {"GrowsAClusterOfOne",
     from(hears, [](MemberInputs& in) { in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")}); }),
     "AddLearner", Reason::LearnerToAdd},
    {"SomebodyElseRunsAsMe",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, all_three()), serves("c", kIdA, all_three())};
          }),
     "Refuse",
     Reason::MemberServedTwice},
    {"BlankAndItsMarkerNamesAnotherCluster",
     from(blank,
          [](MemberInputs& in) {
            in.volume.marker_cluster_id = "c2";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse",
     Reason::ClustersDiffer},
    {"BlankAndItsTagNamesAnotherCluster",
     from(blank,
          [](MemberInputs& in) {
            in.volume.tag_cluster_id = "c2";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse", Reason::ClustersDiffer},
    {"PeersServeTwoClusters",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, all_three()), serves("c", kIdC, all_three())};
            in.others.peers[1].cluster_id = kOther;
          }),
     "Refuse", Reason::ClustersDiffer},
    {"BlankBesideAHigherCluster",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, all_three());
            in.others.peers[0].server.version = "3.6.14";
            in.others.cluster_version = "3.6.0";
          }),
     "Refuse", Reason::EtcdVersionUnfit},
    {"BlankAndTwoMinorVersionsApart",
     from(blank,
          [](MemberInputs& in) {
            in.me.version = "3.7.1";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse",
     Reason::EtcdVersionUnfit},
    {"BlankWhileItStarts", from(blank, [](MemberInputs& in) { in.etcd.unit = Phase::running; }), "Wait",
     Reason::EtcdStarting},

    // A blank volume and no quorum.
    {"APeerKnowsAClusterWithoutQuorum",
     from(blank, [](MemberInputs& in) { in.others.peers[0] = no_quorum("b", kIdB); }), "Wait",
     Reason::ClusterWithoutQuorum},
    {"APeerAnswersStrangely",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers[1].reach = Reach::not_etcd;
            in.others.peers[1].why = "HTTP 404";
          }),
     "Wait", Reason::PeerNotEtcd},
    {"ASiblingCarriesAClusterId",
     from(blank,
          [](MemberInputs& in) {
            in.ec2.volumes = {{volume("a", true), volume("b", false, "c1"), volume("c", true)}};
          }),
     "Wait",
     Reason::ClusterSilent},
    {"ALostVolumeOfMineCarriesAClusterId",
     from(blank,
          [](MemberInputs& in) {
            in.ec2.volumes->push_back(volume("a", false, "c1"));
            in.ec2.volumes->back().volume_id = "vol-old";
          }),
     "Wait",
     Reason::ClusterSilent},
    {"TheMarkerNamesACluster", from(blank, [](MemberInputs& in) { in.volume.marker_cluster_id = "c1"; }),
     "Wait", Reason::ClusterSilent},
    {"TheTagNamesACluster",
     from(blank,
          [](MemberInputs& in) {
            in.volume.tag_cluster_id = "c1";
            in.ec2.volumes = {{volume("a", true, "c1"), volume("b", true), volume("c", true)}};
          }),
     "Wait", Reason::ClusterSilent},
    {"AVolumeMadeFromASnapshot", from(blank, [](MemberInputs& in) { in.volume.snapshot_id = "snap-1"; }),
     "Wait", Reason::ClusterSilent},
    {"DataThatWasSetAside",
     from(blank, [](MemberInputs& in) { in.volume.data.set_aside = {"data.20260115T101500Z"}; }), "Wait",
     Reason::ClusterSilent},
    {"ForeignContent",
     from(blank, [](MemberInputs& in) { in.volume.data.foreign = {"state", "data-trashcan"}; }), "Refuse",
     Reason::DataForeign},
    {"ForeignContentEvenWhereAQuorumAnswers",
     from(blank,
          [](MemberInputs& in) {
            in.volume.data.foreign = {"state"};
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse", Reason::DataForeign},
    {"TheLogIsLost",
     from(blank,
          [](MemberInputs& in) {
            in.volume.data.state = DataDir::State::unfinished;
            in.volume.marker_cluster_id = "c1";
          }),
     "SetAside", Reason::DataToSetAside},
    {"AllBlankAndABackup",
     from(blank, [](MemberInputs& in) { in.store.backups = StoreFacts::Backups::present; }), "Wait",
     Reason::BackupsFound},
    {"AllBlankAndABackupOfAName",
     from(blank,
          [](MemberInputs& in) {
            in.store.backups = StoreFacts::Backups::present;
            in.store.backups_detail = "2026-01-15T10:15:00Z";
          }),
     "Wait",
     Reason::BackupsFound},
    {"TheStateStoreDoesNotAnswer",
     from(blank,
          [](MemberInputs& in) {
            in.store.backups = StoreFacts::Backups::unknown;
            in.store.backups_detail = "s3://x timed out";
          }),
     "Wait",
     Reason::StoreNotKnown},
    {"TheStateStoreHasNoBackup",
     from(blank, [](MemberInputs& in) { in.store.backups = StoreFacts::Backups::none; }), "FormNew",
     Reason::ClusterToForm},
    {"ARestoreIsUnderWay",
     from(blank,
          [](MemberInputs& in) {
            in.store.backups = StoreFacts::Backups::none;
            in.store.restored_token = "prod-main-7";
          }),
     "Wait",
     Reason::RestoreUnderWay},
    {"AVolumeThatLostItsTagCarriesACluster",
     from(blank,
          [](MemberInputs& in) {
            auto retired = volume("c", false, "c1");
            retired.member.clear();
            retired.members.clear();
            retired.tagged = false;
            (*in.ec2.volumes)[2] = retired;
          }),
     "Wait", Reason::ClusterSilent},
    {"Ec2WasNotAsked", from(blank, [](MemberInputs& in) { in.ec2.volumes.reset(); }), "Wait",
     Reason::VolumesNotKnown},
    {"Ec2WasAskedLongAgo",
     from(blank, [](MemberInputs& in) { in.ec2.volumes_age = kEvidenceAge + Duration(1); }), "Wait",
     Reason::VolumesNotKnown},

    // The tags and the list differ: growing.
    {"WhoIsToJoinIsTold", grows, "Serving",
     Reason::EtcdMemberDown},
    {"TheTagsDisagree",
     from(grows, [](MemberInputs& in) { (*in.ec2.volumes)[0].members = {"a"}; }), "Serving",
     Reason::EtcdMemberDown},
    {"NobodyJoinsWhileTheTagsDisagree",
     from(blank,
          [](MemberInputs& in) {
            (*in.ec2.volumes)[1].members = {"b"};
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")});
          }),
     "Wait",
     Reason::TagsDisagree},
    {"NobodyIsReplacedWhileTheTagsDisagree",
     from(blank,
          [](MemberInputs& in) {
            (*in.ec2.volumes)[1].members.clear();
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Wait", Reason::TagsDisagree},
    {"NobodyJoinsBeforeEc2HasBeenAsked",
     from(blank,
          [](MemberInputs& in) {
            in.ec2.volumes.reset();
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")});
          }),
     "Wait", Reason::VolumesNotKnown},
    {"NobodyJoinsAnEvenNumber",
     from(blank,
          [](MemberInputs& in) {
            in.ec2.volumes = {{tagged("a", {"a", "b"}), tagged("b", {"a", "b"})}};
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")});
          }),
     "Refuse", Reason::MemberCountInvalid},
    {"TheFourthVoterWaitsForAllThree",
     from(blank,
          [](MemberInputs& in) {
            std::vector<std::string> const five = {"a", "b", "c", "d", "e"};
            in.ec2.volumes->clear();
            for (auto const& member : five) in.ec2.volumes->push_back(tagged(member, five));
            in.others.peers[0] = serves("b", kIdB,
                                 {listed(kIdB, "b"), listed(kIdC, "c"), listed(0xd0, "d")});
          }),
     "Wait",
     Reason::LearnerWaits},

    // Shrinking.
    {"TakesOutOneWhomTheTagsDoNotList", shrinks, "RemoveMember",
     Reason::MemberToRemove},
    {"TakesOutTheNext",
     from(shrinks,
          [](MemberInputs& in) {
            in.etcd.own.quorum_list = {listed(kIdA, "a"), listed(kIdB, "b")};
          }),
     "RemoveMember", Reason::MemberToRemove},
    {"OnlyTheLeadersAgentTakesOut",
     from(shrinks, [](MemberInputs& in) { in.etcd.own.leader_id = kIdB; }), "Serving",
     Reason::MembersChangeWaits},
    {"NobodyIsTakenOutOnYoungTags",
     from(shrinks, [](MemberInputs& in) { in.ec2.tags_agree_for = kTagsSettle - Duration(1); }),
     "Serving",
     Reason::MembersChangeWaits},
    {"NobodyIsTakenOutOnOldEvidence",
     from(shrinks, [](MemberInputs& in) { in.ec2.volumes_age = kEvidenceAge + Duration(1); }), "Wait",
     Reason::VolumesNotKnown},
    {"NobodyIsTakenOutWhileOneTagListsIt",
     from(shrinks,
          [](MemberInputs& in) { in.ec2.volumes->push_back(tagged("c", {"a", "b", "c"})); }),
     "Serving",
     Reason::MembersChangeWaits},
    {"NobodyIsTakenOutBecauseEc2ShowsNoVolumes",
     from(shrinks, [](MemberInputs& in) { in.ec2.volumes->clear(); }), "Serving",
     Reason::EtcdServing},
    {"NobodyIsTakenOutWhileAVolumeThatIsListedIsUnseen",
     from(shrinks,
          [](MemberInputs& in) {
            in.ec2.volumes = {{tagged("a", {"a", "d", "e"})}};
            in.me.expected_members = {"a", "d", "e"};
            in.me.expected.push_back({"etcd-d", peer_url("d")});
            in.me.expected.push_back({"etcd-e", peer_url("e")});
          }),
     "Serving",
     Reason::MembersChangeWaits},
    {"NobodyIsTakenOutBeforeItsSuccessorVotes",
     from(shrinks,
          [](MemberInputs& in) {
            std::vector<std::string> const three = {"a", "b", "d"};
            in.ec2.volumes->clear();
            for (auto const& member : three) in.ec2.volumes->push_back(tagged(member, three));
            in.me.expected_members = three;
            in.me.expected = {{"etcd-a", peer_url("a")}, {"etcd-b", peer_url("b")},
                           {"etcd-d", peer_url("d")}};
          }),
     "Serving",
     Reason::MembersChangeWaits},
    {"NobodyIsTakenOutWhileOneThatStaysIsDown",
     from(shrinks,
          [](MemberInputs& in) {
            std::vector<std::string> const two = {"a", "b", "d"};
            in.ec2.volumes->clear();
            for (auto const& member : two) in.ec2.volumes->push_back(tagged(member, two));
            in.me.expected_members = two;
            in.me.expected = {{"etcd-a", peer_url("a")}, {"etcd-b", peer_url("b")},
                           {"etcd-d", peer_url("d")}};
            in.etcd.own.quorum_list->push_back(listed(0xd0, "d"));
          }),
     "Serving",
     Reason::MembersChangeWaits},
    {"WhoIsDownGoesFirst", from(shrinks, [](MemberInputs& in) { in.others.peers[0] = silent("b"); }),
     "RemoveMember", Reason::MemberToRemove},
    {"ALearnerThatIsToGoGoesFirst",
     from(shrinks,
          [](MemberInputs& in) { in.etcd.own.quorum_list->push_back(learner(0xd0, "d", false)); }),
     "RemoveMember", Reason::MemberToRemove},
    {"WhoJoinsJoinsFirst",
     from(shrinks,
          [](MemberInputs& in) {
            std::vector<std::string> const three = {"a", "b", "d"};
            in.ec2.volumes->clear();
            for (auto const& member : three) in.ec2.volumes->push_back(tagged(member, three));
            in.me.expected_members = three;
            in.me.expected = {{"etcd-a", peer_url("a")}, {"etcd-b", peer_url("b")},
                           {"etcd-d", peer_url("d")}};
            in.etcd.own.quorum_list->push_back(learner(0xd0, "d", true));
          }),
     "Serving",
     Reason::MembersChangeWaits},
    {"NobodyIsTakenOutToAnEvenNumber",
     from(shrinks,
          [](MemberInputs& in) {
            in.ec2.volumes = {{tagged("a", {"a", "b"}), tagged("b", {"a", "b"})}};
            in.me.expected_members = {"a", "b"};
            in.me.expected.push_back({"etcd-b", peer_url("b")});
          }),
     "Serving",
     Reason::MembersChangeWaits},
    {"ALeaderThatIsToGoHandsTheLeadOver",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.own.leader_id = kIdB;
            for (auto& peer : in.others.peers) peer.leader_id = kIdB;
            in.etcd.own.quorum_list = {listed(kIdA, "a"), listed(kIdB, "b")};
          }),
     "MoveLeader", Reason::LeaderToMove},
    {"WhoIsToGoWaits", leaves, "Serving",
     Reason::MembersChangeWaits},
    {"WhoWasTakenOutRests",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("b");
            in.others.peers[0] = serves("a", kIdA, {listed(kIdA, "a")});
          }),
     "Wait",
     Reason::MemberNotListed},
    {"WhoWasTakenOutAndRunsIsStopped",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.own = silent("b");
            in.others.peers[0] = serves("a", kIdA, {listed(kIdA, "a")});
          }),
     "StopUnit", Reason::EtcdToStop},
    {"WhoWasTakenOutWaitsForTheTags",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("b");
            in.ec2.volumes.reset();
            in.others.peers[0] = serves("a", kIdA, {listed(kIdA, "a")});
          }),
     "Wait", Reason::VolumesNotKnown},
    {"WhoIsToGoStartsOnItsDataWhileItIsListed",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("b");
          }),
     "StartAsIs", Reason::EtcdStopped},
    {"ASilentLearnerIsTakenOutByTheLeadersAgent",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own.leader_id = kIdA;
            in.etcd.own.quorum_list->push_back(learner(0xd0, "d", true));
            in.others.learner_still = 2 * kLearnerPatience;
          }),
     "RemoveMember",
     Reason::MemberToRemove},

    // A new cluster.
    {"ThreeOfThree", blank, "FormNew", Reason::ClusterToForm},
    {"TwoOfThree", from(blank, [](MemberInputs& in) { (*in.ec2.volumes)[2].attached = false; }),
     "FormNew", Reason::ClusterToForm},
    {"OneOfThree",
     from(blank,
          [](MemberInputs& in) {
            (*in.ec2.volumes)[1].attached = false;
            in.ec2.volumes->pop_back();
          }),
     "Wait", Reason::ClusterIncomplete},
    {"ABegunStartGoesOn",
     from(blank,
          [](MemberInputs& in) {
            in.volume.data.state = DataDir::State::unfinished;
            in.etcd.failed_starts = 1;
            in.etcd.unit_detail = "exited with 1";
          }),
     "FormNew", Reason::ClusterToForm},
    {"OneOfOne",
     [] {
       auto in = blank();
       in.me.expected_members = {"a"};
       in.me.expected.resize(1);
       in.others.peers.clear();
       in.ec2.volumes->resize(1);
       (*in.ec2.volumes)[0].members = {"a"};
       return in;
     },
     "FormNew", Reason::ClusterToForm},
    {"TwoMembers",
     [] {
       auto in = blank();
       in.me.expected_members = {"a", "b"};
       in.me.expected.resize(2);
       in.others.peers.pop_back();
       in.ec2.volumes->resize(2);
       for (auto& each : *in.ec2.volumes) each.members = {"a", "b"};
       return in;
     },
     "Refuse", Reason::MemberCountInvalid},
    {"VolumesDisagreeAboutTheMembers",
     from(blank, [](MemberInputs& in) { (*in.ec2.volumes)[1].members = {"a", "b"}; }), "Refuse",
     Reason::TagsDisagree},
    {"AMemberWithoutItsUrl", from(blank, [](MemberInputs& in) { in.me.expected.pop_back(); }),
     "Refuse", Reason::MemberNotListed},
    {"NotAMemberOfItsOwnTag", from(blank, [](MemberInputs& in) { in.me.member = "d"; }), "Refuse",
     Reason::MemberNotListed},
};

class DecisionTest : public testing::TestWithParam<Case> {};

TEST_P(DecisionTest, Decides) {
  auto const in = GetParam().inputs();
  auto const decision = decide(in);
  EXPECT_EQ(test::name_of(decision), GetParam().move);
  auto const message = message_of(decision, in);
  EXPECT_EQ(to_string(message.reason), to_string(GetParam().reason)) << message.sentence();
}

INSTANTIATE_TEST_SUITE_P(Every, DecisionTest, testing::ValuesIn(kCases),
                         [](auto const& row) { return row.param.name; });

TEST(Decision, ItsWords) {
  std::string page;
  for (auto const& row : kCases) {
    auto const in = row.inputs();
    page += test::decision_words(row.name, decide(in), in);
  }
  EXPECT_TRUE(test::matches_golden("etcd/decisions.txt", page));
}

// Each wait or refusal says what the operator is to do, or that it is nothing.
TEST(Decision, EveryWaitAndRefusalSaysWhatToDo) {
  std::set<std::string> seen;
  for (auto const& row : kCases) {
    auto const in = row.inputs();
    auto const decision = decide(in);
    std::string todo;
    if (auto const* wait = std::get_if<Wait>(&decision))
      todo = wait->message.advice;
    else if (auto const* refuse = std::get_if<Refuse>(&decision))
      todo = refuse->message.advice;
    else
      continue;
    EXPECT_FALSE(todo.empty()) << row.name << ": " << sentence_of(decision, in);
    seen.insert(todo);
  }
  EXPECT_GT(seen.size(), 25u) << "each row of the decision has its own words";
}

// A member that was started while too few of the others live is for the operator what one is that
// has lost them; one that waits for the first others, or has enough of them, is not.
TEST(Decision, AMemberThatCannotServeWithoutTheLostOnesNamesRecover) {
  auto in = running();
  in.etcd.own = silent("a");
  in.others.peers = {silent("b"), silent("c")};
  EXPECT_THAT(sentence_of(decide(in), in), HasSubstr("'haagent etcd recover'"));
  auto enough = in;
  enough.others.peers[0] = no_quorum("b", kIdB);
  EXPECT_THAT(sentence_of(decide(enough), enough), Not(HasSubstr("recover")));
  auto first_start = in;
  first_start.volume.marker_cluster_id.clear();
  EXPECT_THAT(sentence_of(decide(first_start), first_start), Not(HasSubstr("recover")));
}

// A member that serves while a change waits says why, and who is to do what.
TEST(Decision, AHeldChangeSaysWhatItWaitsFor) {
  for (auto const& row : kCases) {
    auto const in = row.inputs();
    auto const decision = decide(in);
    auto const* serving = std::get_if<Serving>(&decision);
    if (!serving || !serving->message.text.contains("to go")) continue;
    EXPECT_TRUE(serving->message.text.contains(": ")) << row.name << ": " << serving->message.text;
  }
}

TEST(Decision, FormsWithTheSameListWhoeverDecides) {
  auto in = blank();
  auto const mine = std::get<FormNew>(decide(in)).initial;
  in.me.member = "c";
  in.others.peers = {silent("a"), silent("b")};
  EXPECT_EQ(std::get<FormNew>(decide(in)).initial, mine);
  EXPECT_EQ(mine.size(), 3u);
}

TEST(Decision, JoinsWithTheClustersOwnListAndItsOwnName) {
  auto in = blank();
  auto unnamed = listed(kIdC, "c", false);
  unnamed.name.clear();
  in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), unnamed, learner(0xa1, "a", false)});
  auto const initial = std::get<StartJoined>(decide(in)).initial;
  std::vector<InitialMember> const wanted = {
      {"etcd-b", peer_url("b")}, {"c0", peer_url("c")}, {"etcd-a", peer_url("a")}};
  EXPECT_EQ(initial, wanted);
}

// No input that speaks for an old cluster may leave the way to a new one open: each single sign,
// alone, in an otherwise blank world.
TEST(Decision, EverySignOfAClusterKeepsANewOneFromForming) {
  std::pair<char const*, std::function<void(MemberInputs&)>> const signs[] = {
      {"marker", [](MemberInputs& in) { in.volume.marker_cluster_id = "1"; }},
      {"tag", [](MemberInputs& in) { in.volume.tag_cluster_id = "1"; }},
      {"snapshot", [](MemberInputs& in) { in.volume.snapshot_id = "snap-1"; }},
      {"copy", [](MemberInputs& in) { in.volume.copy_of = "vol-0"; }},
      {"not seen",
       [](MemberInputs& in) {
         in.volume.unseen = UnseenVolume{.message = {Reason::VolumeUnmounted, "x", "y"}};
       }},
      {"set aside", [](MemberInputs& in) { in.volume.data.set_aside = {"data.x"}; }},
      {"foreign", [](MemberInputs& in) { in.volume.data.foreign = {"x"}; }},
      {"data", [](MemberInputs& in) { in.volume.data.state = DataDir::State::member; }},
      {"sibling's tag", [](MemberInputs& in) { (*in.ec2.volumes)[2].etcd_cluster_id = "1"; }},
      {"backup", [](MemberInputs& in) { in.store.backups = StoreFacts::Backups::present; }},
      {"EC2 silent", [](MemberInputs& in) { in.ec2.volumes.reset(); }},
      {"peer answers", [](MemberInputs& in) { in.others.peers[1] = no_quorum("c", kIdC); }},
      {"peer serves",
       [](MemberInputs& in) { in.others.peers[1] = serves("c", kIdC, all_three()); }},
      {"peer is strange", [](MemberInputs& in) { in.others.peers[1].reach = Reach::not_etcd; }},
      {"unit runs", [](MemberInputs& in) { in.etcd.unit = Phase::running; }},
      {"members differ", [](MemberInputs& in) { (*in.ec2.volumes)[1].members = {"a"}; }},
      {"no quorum of volumes",
       [](MemberInputs& in) {
         (*in.ec2.volumes)[1].attached = (*in.ec2.volumes)[2].attached = false;
       }},
  };
  ASSERT_TRUE(std::holds_alternative<FormNew>(decide(blank())));
  for (auto const& [name, set] : signs) {
    auto in = blank();
    set(in);
    EXPECT_FALSE(std::holds_alternative<FormNew>(decide(in))) << name;
  }
}

}  // namespace
}  // namespace haagent::bootstrap
