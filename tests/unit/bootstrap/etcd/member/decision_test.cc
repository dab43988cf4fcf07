#include "bootstrap/etcd/member/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "bootstrap/etcd/member/obstacles.h"
#include "bootstrap/etcd/member/sentence.h"
#include "bootstrap/etcd/member/standing.h"
#include "tests/support/decision_names.h"

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
  return {.member = std::move(member), .reach = Reach::silent, .why = "connection refused"};
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
  in.volume.unseen = UnseenVolume{.why = "vol-a is not mounted", .todo = "run mount"};
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
  char const* sentence;   // and in which words
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
    {"DataAndNobodyAnswers", with_data, "StartAsIs", "start etcd-a on its data"},
    {"DataAndEverybodyAnswers",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, all_three()), serves("c", kIdC, all_three())};
          }),
     "StartAsIs", "start etcd-a on its data"},
    {"DataAndNoMarkerYet", from(with_data, [](MemberInputs& in) { in.volume.marker_cluster_id = ""; }),
     "StartAsIs", "start etcd-a on its data"},
    {"DataOutweighsEverySignOfABlankWorld",
     from(with_data,
          [](MemberInputs& in) {
            in.ec2.volumes = agreed();
            in.store.backups = StoreFacts::Backups::present;
          }),
     "StartAsIs", "start etcd-a on its data"},
    {"DataAndAPeerWithoutQuorum",
     from(with_data, [](MemberInputs& in) { in.others.peers[0] = no_quorum("b", kIdB); }), "StartAsIs",
     "start etcd-a on its data"},
    {"DataAfterAFailedStart",
     from(with_data,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::failed;
            in.etcd.failed_starts = 2;
            in.etcd.unit_detail = "exited with 2";
          }),
     "StartAsIs", "start etcd-a on its data (try 3; before: exited with 2)"},
    {"DataOfARemovedMember",
     from(with_data,
          [](MemberInputs& in) {
            in.ec2.volumes = agreed();
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "SetAside",
     "set the data of etcd-a aside: the quorum that b belongs to has removed member a0"},
    {"DataOfARemovedMemberWhoseNameIsListedAnew",
     from(with_data,
          [](MemberInputs& in) {
            in.ec2.volumes = agreed();
            in.others.peers[0] =
                serves("b", kIdB, {listed(0xa1, "a"), listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "SetAside",
     "set the data of etcd-a aside: the quorum that b belongs to has removed member a0"},
    {"RemovedWhileItRuns",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = silent("a");
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "StopUnit", "stop etcd-a: the quorum that b belongs to has removed member a0"},
    {"NotListedByAPeerWithoutQuorumIsNotRemoved",
     from(with_data, [](MemberInputs& in) { in.others.peers[0] = no_quorum("b", kIdB); }), "StartAsIs",
     "start etcd-a on its data"},
    {"AnUnreadableLogIsRecognisedByItsName",
     from(with_data,
          [](MemberInputs& in) {
            in.volume.data.identity = {};
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "StartAsIs", "start etcd-a on its data"},
    {"DataOfAnotherCluster",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, all_three());
            in.others.peers[0].cluster_id = kOther;
          }),
     "Refuse",
     "this volume belongs to cluster c1, but b serves c2: two clusters must not run side by side: "
     "restore or replace one of them"},
    // It may be the one that is behind, and then this one's quorum is what it needs.
    {"DataBesideAnotherClusterThatHasNoQuorum",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers[0] = no_quorum("b", kIdB);
            in.others.peers[0].cluster_id = kOther;
          }),
     "StartAsIs", "start etcd-a on its data"},
    {"WithoutAMarkerTheLogSaysWhoseItIs",
     from(with_data,
          [](MemberInputs& in) {
            in.volume.marker_cluster_id = "";
            in.volume.tag_cluster_id = "c2";
            in.others.peers[0] = serves("b", kIdB, all_three());
            in.others.peers[0].cluster_id = kOther;
          }),
     "Refuse", "this volume belongs to cluster c1, but b serves c2: two clusters must not run"},
    {"AStrayPeerDoesNotStopAMemberOfTheQuorum",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, all_three()), no_quorum("c", kIdC)};
            in.others.peers[1].cluster_id = kOther;
          }),
     "StartAsIs", "start etcd-a on its data"},
    // Whose list does not have me, which is no removal.
    {"AStrayQuorumBesideItsOwnIsNotAsked",
     from(with_data,
          [](MemberInputs& in) {
            in.ec2.volumes = agreed();
            in.others.peers = {serves("b", kIdB, {listed(kIdB, "b")}), serves("c", kIdC, all_three())};
            in.others.peers[0].cluster_id = kOther;
          }),
     "StartAsIs", "start etcd-a on its data"},
    {"ABlankVolumeThatIsTaggedJoinsItsOwnQuorum",
     from(hears,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, {listed(kIdB, "b")}),
                        serves("c", kIdC, {learner(0xa1, "a", false), listed(kIdC, "c")})};
            in.others.peers[0].cluster_id = kOther;
          }),
     "StartJoined", "start etcd-a as a learner"},
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
     "Promote", ""},
    {"DataAndMarkerDisagree",
     from(with_data, [](MemberInputs& in) { in.volume.marker_cluster_id = "c9"; }), "Refuse",
     "the data on this volume is of cluster c1, and its haagent.json says c9: one of the two was "
     "changed by hand: find out which belongs here, and put the other right"},
    {"TwoMinorVersionsApart",
     from(with_data,
          [](MemberInputs& in) {
            in.me.version = "3.7.1";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse",
     "etcd here is 3.7.1 and b runs 3.5.33: members may differ by one minor version: install one "
     "in between first"},
    {"OneMinorVersionApart",
     from(with_data,
          [](MemberInputs& in) {
            in.me.version = "3.6.14";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "StartAsIs", "start etcd-a on its data"},

    {"TheVolumeIsAtAHigherVersion",
     from(with_data, [](MemberInputs& in) { in.volume.data_version = "3.6"; }), "Refuse",
     "etcd here is 3.5.33, and this volume's data is at 3.6: start etcd 3.6 here; to go down, run "
     "'etcdctl "},
    {"TheClusterIsAtAHigherVersion",
     from(with_data,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, all_three());
            in.others.peers[0].server.version = "3.6.14";
            in.others.cluster_version = "3.6.0";
          }),
     "Refuse", "etcd here is 3.5.33, and the cluster is at 3.6: start etcd 3.6 here"},
    {"TheVolumeWasServedTwoVersionsBefore",
     from(with_data,
          [](MemberInputs& in) {
            in.me.version = "3.7.1";
            in.volume.served_by = "3.5.33";
          }),
     "Refuse",
     "etcd here is 3.7.1, and 3.5.33 last served on this volume: etcd goes up one minor version at "
     "a time: start 3.6 on it first"},

    // Its etcd runs.
    {"Serves", running, "Serving", "etcd-a serves cluster c1 of 3 members"},
    {"ServesWhileAPeerIsSilent", from(running, [](MemberInputs& in) { in.others.peers[1] = silent("c"); }),
     "Serving", "etcd-a serves cluster c1 of 3 members; c does not answer (connection refused)"},
    {"ServesWithAnAlarm",
     from(running, [](MemberInputs& in) { in.etcd.own.server.alarms = {"alarm:NOSPACE"}; }), "Serving",
     "etcd-a serves cluster c1 of 3 members; alarm:NOSPACE"},
    {"ServesAndTheVolumeDoesNotSaySo",
     from(running, [](MemberInputs& in) { in.volume.marker_cluster_id = ""; }), "TagVolume",
     "tag the volume of etcd-a with cluster c1"},
    {"ServesAndOnlyItsOwnVolumeSaysSo",
     from(running,
          [](MemberInputs& in) {
            in.volume.marker_cluster_id = "";
            in.volume.tag_cluster_id = "c1";
            in.ec2.volumes = {{volume("a", true), volume("b", true, "c2"), volume("c", true)}};
          }),
     "Wait", "etcd-a serves cluster c1, and waits until the volumes of b and c carry it too"},
    {"ServesAndAQuorumOfVolumesSaysSo",
     from(running,
          [](MemberInputs& in) {
            in.volume.marker_cluster_id = "";
            in.ec2.volumes = {{volume("a", true, "c1"), volume("b", true), volume("c", false, "c1")}};
          }),
     "MarkVolume", "write cluster c1 to the volume of etcd-a"},
    {"ServesAnotherClusterThanTheMarkerSays",
     from(running,
          [](MemberInputs& in) {
            in.volume.data.identity = {};
            in.etcd.own.cluster_id = kOther;
            in.others.peers = {silent("b"), silent("c")};
          }),
     "Refuse", "etcd-a serves cluster c2, but haagent.json says c1"},
    {"ServesUnderAnOldPeerUrl",
     from(running,
          [](MemberInputs& in) { (*in.etcd.own.quorum_list)[0].peer_urls = {"http://10.0.0.1:2380"}; }),
     "UpdatePeerUrl", "set the peer URL of etcd-a (a0) to http://etcd-a.internal.test:2380"},
    {"RunsWithoutQuorum",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = no_quorum("a", kIdA);
            in.others.peers = {silent("b"), silent("c")};
          }),
     "Wait",
     "etcd-a runs and has no quorum: b does not answer (connection refused) and c does not answer "
     "(connection refused)"},
    {"RunsAndDoesNotAnswerYet",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = silent("a");
            in.others.peers = {no_quorum("b", kIdB), silent("c")};
          }),
     "Wait", "etcd-a runs and does not serve yet: c does not answer (connection refused)"},
    {"ALearnerCatchesUp",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = no_quorum("a", kIdA);
            in.etcd.own.learner = true;
            in.etcd.own.raft_index = 899;
          }),
     "Wait", "etcd-a is a learner and catches up: at entry 899 of 1000"},
    {"ALearnerIsInSync", learns, "Promote", "promote etcd-a (a0)"},
    {"ALearnerUnderAnOldPeerUrlIsPromotedFirst",
     from(learns,
          [](MemberInputs& in) {
            for (auto& peer : in.others.peers)
              (*peer.quorum_list)[0].peer_urls = {"http://10.0.0.1:2380"};
          }),
     "Promote", "promote etcd-a (a0)"},
    // Before it votes, its volume must speak of the cluster: the others' may be lost.
    {"ALearnersVolumeIsTaggedBeforeItVotes",
     from(learns, [](MemberInputs& in) { in.volume.tag_cluster_id = ""; }), "TagVolume",
     "tag the volume of etcd-a with cluster c1"},
    {"ALearnerThatEtcdDoesNotPromoteYet",
     from(learns, [](MemberInputs& in) { in.etcd.promotion_refused = "not in sync"; }), "Wait",
     "etcd-a is a learner at entry 900 of 1000, and etcd does not promote it yet (not in sync): "
     "nothing to do: it is asked again"},
    {"ALearnerThatVotesAndDoesNotKnowItYet",
     from(learns,
          [](MemberInputs& in) {
            for (auto& peer : in.others.peers) (*peer.quorum_list)[0].learner = false;
          }),
     "Wait", "etcd-a votes now, and has not read so in its log yet: nothing to do"},
    {"ALearnerThatDoesNotGetOn",
     from(learns,
          [](MemberInputs& in) {
            in.etcd.own.raft_index = 500;
            in.others.learner_still = kLearnerPatience;
          }),
     "RemoveMember",
     "remove etcd-a (a0) from the cluster: it is a learner that has not got on for 10 min, at "
     "entry 500 of 1000; it is added anew"},
    {"ALearnerThatEtcdNeverPromotes",
     from(learns,
          [](MemberInputs& in) {
            in.etcd.promotion_refused = "not in sync";
            in.others.learner_still = kLearnerPatience;
          }),
     "RemoveMember", "remove etcd-a (a0) from the cluster: it is a learner that has not got on"},
    {"ALearnerOfAnIdleClusterHasNothingToGetOnWith",
     from(learns, [](MemberInputs& in) { in.others.learner_still = 10 * kLearnerPatience; }), "Promote",
     "promote etcd-a (a0)"},
    // Of four voters three must be up.
    {"ALearnerIsNotMadeTheFourthVoterWhileOneIsDown",
     from(learns,
          [](MemberInputs& in) {
            for (auto& peer : in.others.peers) peer.quorum_list->push_back(listed(0xd0, "d"));
          }),
     "Wait",
     "etcd-a does not become a voter while etcd-d is down: of 4 voters 3 must be up: bring etcd-d "
     "back, or replace it"},
    {"ALearnerIsMadeTheThirdVoterWhileOneIsDown",
     from(learns, [](MemberInputs& in) { in.others.peers[1] = silent("c"); }), "Promote",
     "promote etcd-a (a0)"},
    {"ALearnerAndNoQuorum",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own = no_quorum("a", kIdA);
            in.etcd.own.learner = true;
            in.others.peers = {no_quorum("b", kIdB), silent("c")};
          }),
     "Wait", "etcd-a is a learner, and no quorum answers: c does not answer (connection refused)"},
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
     "remove etcd-a (a0) from the cluster: it is a learner that failed 3 times (exited with 2)"},
    {"ALearnerThatFailedAndNowRunsIsKept",
     from(running,
          [](MemberInputs& in) {
            in.etcd.failed_starts = 3;
            in.etcd.own = silent("a");
            in.others.peers[0] =
                serves("b", kIdB, {learner(kIdA, "a", true), listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "Wait", "etcd-a runs and does not serve yet: connection refused"},
    {"AVoterThatKeepsFailingIsNotRemoved",
     from(with_data,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::failed;
            in.etcd.unit_detail = "exited with 2";
            in.etcd.failed_starts = 9;
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "StartAsIs", "start etcd-a on its data (try 10; before: exited with 2)"},

    // My volume is not seen: an empty folder of the root disk is no blank volume.
    {"ItsMountIsGoneWhileItServes", unseen, "Wait",
     "vol-a is not mounted, and etcd-a still runs; nobody is added, removed or started without it: "
     "run mount"},
    {"ItsMountIsGoneAndItsEtcdHasEnded",
     from(unseen,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::failed;
            in.etcd.own = silent("a");
          }),
     "Wait", "vol-a is not mounted; nobody is added, removed or started without it: run mount"},
    {"ItsMountIsGoneAndNobodyAnswers",
     from(unseen,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("a");
            in.others.peers = {silent("b"), silent("c")};
            in.ec2.volumes = agreed();
          }),
     "Wait", "vol-a is not mounted; nobody is added, removed or started without it: run mount"},
    {"ItsMountIsGoneAndItLeadsAndAnotherIsToGo",
     from(shrinks,
          [](MemberInputs& in) {
            in.volume.data = {};
            in.volume.unseen = UnseenVolume{.why = "vol-a is not mounted", .todo = "run mount"};
          }),
     "Wait", "vol-a is not mounted, and etcd-a still runs"},
    {"ItsMountIsGoneAndARestoreIsOrdered",
     from(unseen,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("a");
            in.others.peers = {silent("b"), silent("c")};
            in.volume.volume_id = "vol-a";
            in.store.order = EtcdOrder{.id = "1",
                                 .cluster_id = kOther,
                                 .volumes = {{"a", "vol-a"}},
                                 .backup = "x",
                                 .members = {"a", "b", "c"}};
          }),
     "Wait", "vol-a is not mounted; nobody is added, removed or started without it: run mount"},
    // No member can run on a filesystem that takes no writes: it is down, for everybody to see.
    {"ItsFilesystemHasFailedAndTheOthersDoWithoutIt",
     from(unseen,
          [](MemberInputs& in) {
            in.volume.unseen = UnseenVolume{.why = "vol-a is read-only", .todo = "see to it", .failed = true};
            for (auto& peer : in.others.peers) peer.leader_id = kIdB;
          }),
     "StopUnit", "stop etcd-a: vol-a is read-only, and the others have a quorum without it"},
    {"ItsFilesystemHasFailedAndTheOthersNeedIt",
     from(unseen,
          [](MemberInputs& in) {
            in.volume.unseen = UnseenVolume{.why = "vol-a is read-only", .todo = "see to it", .failed = true};
            in.others.peers = {serves("b", kIdB, all_three()), silent("c")};
            in.others.peers[0].leader_id = kIdB;
          }),
     "Wait", "vol-a is read-only, and etcd-a still runs"},
    {"ItsFilesystemHasFailedAndItIsAlone",
     from(unseen,
          [](MemberInputs& in) {
            in.volume.unseen = UnseenVolume{.why = "vol-a is read-only", .todo = "see to it", .failed = true};
            in.others.peers.clear();
          }),
     "Wait", "vol-a is read-only, and etcd-a still runs"},

    // Data that are an older copy.
    {"ACopyBesideAQuorumThatListsIt", copied, "SetAside",
     "set the data of etcd-a aside: the data on vol-a are a copy of vol-old (from snap-1), older "
     "than what the others have: it joins as a new learner"},
    {"ACopyBesideAQuorumThatHasRemovedIt",
     from(copied,
          [](MemberInputs& in) {
            for (auto& peer : in.others.peers)
              peer.quorum_list = {{listed(kIdB, "b"), listed(kIdC, "c")}};
          }),
     "SetAside",
     "set the data of etcd-a aside: the quorum that b belongs to has removed member a0"},
    {"ACopyAndNobodyAnswers",
     from(copied, [](MemberInputs& in) { in.others.peers = {silent("b"), silent("c")}; }), "Wait",
     "the data on vol-a are a copy of vol-old (from snap-1), and an older copy must not be started "
     "as it is: it may lack what it confirmed; no quorum answers: b does not answer (connection "
     "refused) and c does not answer (connection refused): bring the others back, and it joins "
     "them; if every volume was replaced by a copy, run 'haagent etcd adopt-volume' on one master"},
    {"ACopyAndNoQuorum",
     from(copied,
          [](MemberInputs& in) { in.others.peers = {no_quorum("b", kIdB), silent("c")}; }),
     "Wait",
     "the data on vol-a are a copy of vol-old (from snap-1), and an older copy must not be started "
     "as it is"},
    {"ACopyOfTheOnlyMember",
     from(copied,
          [](MemberInputs& in) {
            in.others.peers.clear();
            in.me.expected_members = {"a"};
            in.me.expected.resize(1);
          }),
     "Wait",
     "the data on vol-a are a copy of vol-old (from snap-1), and an older copy must not be started "
     "as it is"},
    {"ACopyWhoseOriginalServesElsewhere",
     from(copied, [](MemberInputs& in) { in.others.peers[1] = serves("c", kIdA, all_three()); }), "Refuse",
     "the data on vol-a are a copy of vol-old (from snap-1), and etcd-a is served by the instance "
     "of c already"},
    {"ACopyThatTheTagsDoNotListAnyMore",
     from(copied,
          [](MemberInputs& in) {
            in.ec2.volumes = {tagged("b", {"b"})};
            in.me.expected_members = {"a", "b", "c"};
          }),
     "Wait", "etcd-a is no member of the cluster of b"},
    // An agent that could not tell copies has started it long ago, and it serves.
    {"ACopyThatServesIsItsOwnByNow",
     from(running,
          [](MemberInputs& in) {
            in.volume.volume_id = "vol-a";
            in.volume.snapshot_id = in.volume.copy_of = "snap-1";
          }),
     "MarkVolume", "write cluster c1 to the volume of etcd-a"},
    {"ACopyThatRunsWithoutAQuorumGoesOn",
     from(running,
          [](MemberInputs& in) {
            in.volume.copy_of = "snap-1";
            in.etcd.own = no_quorum("a", kIdA);
            in.others.peers = {silent("b"), silent("c")};
          }),
     "Wait", "etcd-a runs and has no quorum"},

    // A blank volume and a quorum that answers.
    {"ReplacesItsDeadSelf",
     from(hears, [](MemberInputs& in) { in.others.peers[0] = serves("b", kIdB, all_three()); }),
     "RemoveStale", "remove etcd-a (a0) from the cluster: its data is not on this volume"},
    // It may have voted before it lost its disk: never state new under its old id.
    {"ListedAndNeverSeenToStart",
     from(hears,
          [](MemberInputs& in) {
            in.others.peers[0] =
                serves("b", kIdB, {listed(kIdA, "a", false), listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "RemoveStale", "remove etcd-a (a0) from the cluster: its data is not on this volume"},
    {"ListedByItsPeerUrlUnderAnotherName",
     from(hears,
          [](MemberInputs& in) {
            auto list = all_three();
            list[0].name = "old";
            in.others.peers[0] = serves("b", kIdB, list);
          }),
     "RemoveStale", "remove etcd-a (a0) from the cluster: its data is not on this volume"},
    {"ListedByItsNameUnderAnOldPeerUrl",
     from(hears,
          [](MemberInputs& in) {
            auto list = all_three();
            list[0].peer_urls = {"http://10.0.0.1:2380"};
            in.others.peers[0] = serves("b", kIdB, list);
          }),
     "RemoveStale", "remove etcd-a (a0) from the cluster: its data is not on this volume"},
    {"RemovedAndNotYetAdded",
     from(hears,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c")});
          }),
     "AddLearner", "add etcd-a to the cluster as a learner"},
    // Once it is out of the list, only its volume remembers: it must not form anew.
    {"ABlankVolumeIsTaggedBeforeItsOldIdGoes",
     from(blank, [](MemberInputs& in) { in.others.peers[0] = serves("b", kIdB, all_three()); }),
     "TagVolume", "tag the volume of etcd-a with cluster c1"},
    {"ABlankVolumeIsTaggedBeforeItIsAdded",
     from(blank, [](MemberInputs& in) { in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")}); }),
     "TagVolume", "tag the volume of etcd-a with cluster c1"},
    {"AddedAndNotYetStarted",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB,
                                 {listed(kIdB, "b"), listed(kIdC, "c"), learner(0xa1, "a", false)});
          }),
     "StartJoined", "start etcd-a as a learner"},
    {"StartedAsALearnerAndItsDiskIsLost",
     from(hears,
          [](MemberInputs& in) {
            in.others.peers[0] =
                serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c"), learner(0xa1, "a", true)});
          }),
     "RemoveStale", "remove etcd-a (a1) from the cluster: its data is not on this volume"},
    // A name or client URLs alone say so too: its log was begun.
    {"ALearnerThatHasANameHasStarted",
     from(hears,
          [](MemberInputs& in) {
            auto named = learner(0xa1, "a", false);
            named.name = "etcd-a";
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c"), named});
          }),
     "RemoveStale", "remove etcd-a (a1) from the cluster: its data is not on this volume"},
    {"ALearnerThatHasClientUrlsHasStarted",
     from(hears,
          [](MemberInputs& in) {
            auto unnamed = learner(0xa1, "a", true);
            unnamed.name.clear();
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), listed(kIdC, "c"), unnamed});
          }),
     "RemoveStale", "remove etcd-a (a1) from the cluster: its data is not on this volume"},
    {"ALearnerThatCannotStart",
     from(hears,
          [](MemberInputs& in) {
            in.etcd.failed_starts = 3;
            in.etcd.unit_detail = "exited with 1";
            in.others.peers[0] = serves("b", kIdB,
                                 {listed(kIdB, "b"), listed(kIdC, "c"), learner(0xa1, "a", false)});
          }),
     "RemoveStale",
     "remove etcd-a (a1) from the cluster: it is a learner that failed 3 times (exited with 1)"},
    {"AnotherLearnerJoins",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b"), learner(kIdC, "c", true)});
          }),
     "Wait", "etcd-c joins as a learner, and learners join one at a time"},
    {"GrowsAClusterOfOne",
     from(hears, [](MemberInputs& in) { in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")}); }),
     "AddLearner", "add etcd-a to the cluster as a learner"},
    {"SomebodyElseRunsAsMe",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, all_three()), serves("c", kIdA, all_three())};
          }),
     "Refuse",
     "etcd-a is served by the instance of c already; two instances must not be one member"},
    {"BlankAndItsMarkerNamesAnotherCluster",
     from(blank,
          [](MemberInputs& in) {
            in.volume.marker_cluster_id = "c2";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse",
     "this volume belongs to cluster c2, but b serves c1: two clusters must not run side by side: "
     "restore or replace one of them"},
    {"BlankAndItsTagNamesAnotherCluster",
     from(blank,
          [](MemberInputs& in) {
            in.volume.tag_cluster_id = "c2";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse", "this volume belongs to cluster c2, but b serves c1: two clusters must not run"},
    {"PeersServeTwoClusters",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers = {serves("b", kIdB, all_three()), serves("c", kIdC, all_three())};
            in.others.peers[1].cluster_id = kOther;
          }),
     "Refuse", "the peers serve different clusters; this member joins none of them"},
    {"BlankBesideAHigherCluster",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers[0] = serves("b", kIdB, all_three());
            in.others.peers[0].server.version = "3.6.14";
            in.others.cluster_version = "3.6.0";
          }),
     "Refuse", "etcd here is 3.5.33, and the cluster is at 3.6: start etcd 3.6 here"},
    {"BlankAndTwoMinorVersionsApart",
     from(blank,
          [](MemberInputs& in) {
            in.me.version = "3.7.1";
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse",
     "etcd here is 3.7.1 and b runs 3.5.33: members may differ by one minor version: install one "
     "in between first"},
    {"BlankWhileItStarts", from(blank, [](MemberInputs& in) { in.etcd.unit = Phase::running; }), "Wait",
     "etcd-a starts: b does not answer (connection refused) and c does not answer (connection "
     "refused)"},

    // A blank volume and no quorum.
    {"APeerKnowsAClusterWithoutQuorum",
     from(blank, [](MemberInputs& in) { in.others.peers[0] = no_quorum("b", kIdB); }), "Wait",
     "b knows cluster c1, which has no quorum: c does not answer (connection refused)"},
    {"APeerAnswersStrangely",
     from(blank,
          [](MemberInputs& in) {
            in.others.peers[1].reach = Reach::strange;
            in.others.peers[1].why = "HTTP 404";
          }),
     "Wait", "c answers, but not as etcd does (HTTP 404): it may know a cluster"},
    {"ASiblingCarriesAClusterId",
     from(blank,
          [](MemberInputs& in) {
            in.ec2.volumes = {{volume("a", true), volume("b", false, "c1"), volume("c", true)}};
          }),
     "Wait",
     "there has been a cluster (vol-b (b) carries cluster c1), and no member of it answers: b does "
     "not answer (connection refused) and c does not answer (connection refused): bring one back, "
     "or run 'haagent etcd restore'"},
    {"ALostVolumeOfMineCarriesAClusterId",
     from(blank,
          [](MemberInputs& in) {
            in.ec2.volumes->push_back(volume("a", false, "c1"));
            in.ec2.volumes->back().volume_id = "vol-old";
          }),
     "Wait",
     "there has been a cluster (vol-old (a) carries cluster c1), and no member of it answers: b "
     "does not answer (connection refused) and c does not answer (connection refused): bring one "
     "back, or run 'haagent etcd restore'"},
    {"TheMarkerNamesACluster", from(blank, [](MemberInputs& in) { in.volume.marker_cluster_id = "c1"; }),
     "Wait", "there has been a cluster (this volume's haagent.json names cluster c1)"},
    {"TheTagNamesACluster",
     from(blank,
          [](MemberInputs& in) {
            in.volume.tag_cluster_id = "c1";
            in.ec2.volumes = {{volume("a", true, "c1"), volume("b", true), volume("c", true)}};
          }),
     "Wait", "there has been a cluster (this volume's tag names cluster c1), and no member"},
    {"AVolumeMadeFromASnapshot", from(blank, [](MemberInputs& in) { in.volume.snapshot_id = "snap-1"; }),
     "Wait", "there has been a cluster (this volume is made from snap-1)"},
    {"DataThatWasSetAside",
     from(blank, [](MemberInputs& in) { in.volume.data.set_aside = {"data.20260115T101500Z"}; }), "Wait",
     "there has been a cluster (this volume holds data.20260115T101500Z)"},
    {"ForeignContent",
     from(blank, [](MemberInputs& in) { in.volume.data.foreign = {"state", "data-trashcan"}; }), "Refuse",
     "the volume holds state and data-trashcan, which is neither etcd's nor haagent's: it may be "
     "data: look at it, and move it away or use another volume"},
    {"ForeignContentEvenWhereAQuorumAnswers",
     from(blank,
          [](MemberInputs& in) {
            in.volume.data.foreign = {"state"};
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Refuse", "the volume holds state, which is neither"},
    {"TheLogIsLost",
     from(blank,
          [](MemberInputs& in) {
            in.volume.data.state = DataDir::State::unfinished;
            in.volume.marker_cluster_id = "c1";
          }),
     "SetAside", "set the data of etcd-a aside: its log is missing"},
    {"AllBlankAndABackup",
     from(blank, [](MemberInputs& in) { in.store.backups = StoreFacts::Backups::present; }), "Wait",
     "every volume is blank and a backup exists: run 'haagent etcd restore'"},
    {"AllBlankAndABackupOfAName",
     from(blank,
          [](MemberInputs& in) {
            in.store.backups = StoreFacts::Backups::present;
            in.store.backups_detail = "2026-01-15T10:15:00Z";
          }),
     "Wait",
     "every volume is blank and a backup exists (2026-01-15T10:15:00Z): run 'haagent etcd restore'"},
    {"TheStateStoreDoesNotAnswer",
     from(blank,
          [](MemberInputs& in) {
            in.store.backups = StoreFacts::Backups::unknown;
            in.store.backups_detail = "s3://x timed out";
          }),
     "Wait",
     "the state store has not said whether it has a backup of this cluster: s3://x timed out, and "
     "no cluster is formed before it has: see that the state store can be reached from here"},
    {"TheStateStoreHasNoBackup",
     from(blank, [](MemberInputs& in) { in.store.backups = StoreFacts::Backups::none; }), "FormNew",
     "form a new cluster of etcd-a, etcd-b and etcd-c"},
    {"ARestoreIsUnderWay",
     from(blank,
          [](MemberInputs& in) {
            in.store.backups = StoreFacts::Backups::none;
            in.store.restored_token = "prod-main-7";
          }),
     "Wait",
     "a restore is under way, into a cluster of the token prod-main-7: let 'haagent etcd restore' "
     "end, or run it again"},
    {"AVolumeThatLostItsTagCarriesACluster",
     from(blank,
          [](MemberInputs& in) {
            auto retired = volume("c", false, "c1");
            retired.member.clear();
            retired.members.clear();
            retired.tagged = false;
            (*in.ec2.volumes)[2] = retired;
          }),
     "Wait", "there has been a cluster (vol-c (tagged for no member) carries cluster c1)"},
    {"Ec2WasNotAsked", from(blank, [](MemberInputs& in) { in.ec2.volumes.reset(); }), "Wait",
     "EC2 has not said yet what the other volumes of etcd-a carry: nothing to do: it is asked"},
    {"Ec2WasAskedLongAgo",
     from(blank, [](MemberInputs& in) { in.ec2.volumes_age = kEvidenceAge + Duration(1); }), "Wait",
     "EC2 has not said yet what the other volumes of etcd-a carry: nothing to do: it is asked"},

    // The tags and the list differ: growing.
    {"WhoIsToJoinIsTold", grows, "Serving",
     "etcd-a serves cluster c1 of 1 member; b does not answer (connection refused) and c does not "
     "answer (connection refused); b and c are listed by the tags and not yet members: start the "
     "masters, each adds itself"},
    {"TheTagsDisagree",
     from(grows, [](MemberInputs& in) { (*in.ec2.volumes)[0].members = {"a"}; }), "Serving",
     "etcd-a serves cluster c1 of 1 member; b does not answer (connection refused) and c does not "
     "answer (connection refused); nobody is added or removed while the volumes' tags disagree "
     "about the members (vol-a says a, vol-b says a, b and c and vol-c says a, b and c): put them "
     "right"},
    {"NobodyJoinsWhileTheTagsDisagree",
     from(blank,
          [](MemberInputs& in) {
            (*in.ec2.volumes)[1].members = {"b"};
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")});
          }),
     "Wait",
     "etcd-a is not added or removed while the volumes' tags disagree about the members: vol-a "
     "says a, b and c, vol-b says b and vol-c says a, b and c: put the tags right, so that all "
     "list the same members"},
    {"NobodyIsReplacedWhileTheTagsDisagree",
     from(blank,
          [](MemberInputs& in) {
            (*in.ec2.volumes)[1].members.clear();
            in.others.peers[0] = serves("b", kIdB, all_three());
          }),
     "Wait", "etcd-a is not added or removed while the volumes' tags disagree"},
    {"NobodyJoinsBeforeEc2HasBeenAsked",
     from(blank,
          [](MemberInputs& in) {
            in.ec2.volumes.reset();
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")});
          }),
     "Wait", "EC2 has not said yet what the other volumes of etcd-a carry"},
    {"NobodyJoinsAnEvenNumber",
     from(blank,
          [](MemberInputs& in) {
            in.ec2.volumes = {{tagged("a", {"a", "b"}), tagged("b", {"a", "b"})}};
            in.others.peers[0] = serves("b", kIdB, {listed(kIdB, "b")});
          }),
     "Refuse", "the volumes' tags list a and b: 2 etcd members are worse than 1"},
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
     "etcd-a does not become a voter while etcd-c and etcd-d are down: of 4 voters 3 must be up: "
     "bring etcd-c and etcd-d back, or replace them"},

    // Shrinking.
    {"TakesOutOneWhomTheTagsDoNotList", shrinks, "RemoveMember",
     "remove etcd-c (c0) from the cluster: the tags of all volumes list a alone"},
    {"TakesOutTheNext",
     from(shrinks,
          [](MemberInputs& in) {
            in.etcd.own.quorum_list = {listed(kIdA, "a"), listed(kIdB, "b")};
          }),
     "RemoveMember", "remove etcd-b (b0) from the cluster: the tags of all volumes list a alone"},
    {"OnlyTheLeadersAgentTakesOut",
     from(shrinks, [](MemberInputs& in) { in.etcd.own.leader_id = kIdB; }), "Serving",
     "etcd-a serves cluster c1 of 3 members; the tags of all volumes list a alone, so etcd-b and "
     "etcd-c are to go; the agent of etcd's leader takes one out after the other: nothing to do"},
    {"NobodyIsTakenOutOnYoungTags",
     from(shrinks, [](MemberInputs& in) { in.ec2.tags_agree_for = kTagsSettle - Duration(1); }),
     "Serving",
     "etcd-a serves cluster c1 of 3 members; the tags of all volumes list a alone, so etcd-b and "
     "etcd-c are to go; nothing to do: it is taken out once EC2 has said so for 2 min"},
    {"NobodyIsTakenOutOnOldEvidence",
     from(shrinks, [](MemberInputs& in) { in.ec2.volumes_age = kEvidenceAge + Duration(1); }), "Wait",
     "EC2 has not said yet what the other volumes of etcd-a carry"},
    {"NobodyIsTakenOutWhileOneTagListsIt",
     from(shrinks,
          [](MemberInputs& in) { in.ec2.volumes->push_back(tagged("c", {"a", "b", "c"})); }),
     "Serving",
     "etcd-a serves cluster c1 of 3 members; nobody is added or removed while the volumes' tags "
     "disagree about the members (vol-a says a and vol-c says a, b and c): put them right"},
    {"NobodyIsTakenOutBecauseEc2ShowsNoVolumes",
     from(shrinks, [](MemberInputs& in) { in.ec2.volumes->clear(); }), "Serving",
     "etcd-a serves cluster c1 of 3 members"},
    {"NobodyIsTakenOutWhileAVolumeThatIsListedIsUnseen",
     from(shrinks,
          [](MemberInputs& in) {
            in.ec2.volumes = {{tagged("a", {"a", "d", "e"})}};
            in.me.expected_members = {"a", "d", "e"};
            in.me.expected.push_back({"etcd-d", peer_url("d")});
            in.me.expected.push_back({"etcd-e", peer_url("e")});
          }),
     "Serving",
     "etcd-a serves cluster c1 of 3 members; the tags of all volumes list a, d and e alone, so "
     "etcd-b and etcd-c are to go; not before d and e have a volume: see why EC2 shows none"},
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
     "etcd-a serves cluster c1 of 3 members; the tags of all volumes list a, b and d alone, so "
     "etcd-c is to go; d must vote first: start the master"},
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
     "etcd-a serves cluster c1 of 4 members; the tags of all volumes list a, b and d alone, so "
     "etcd-c is to go; nobody is taken out while etcd-d is down: bring it back"},
    {"WhoIsDownGoesFirst", from(shrinks, [](MemberInputs& in) { in.others.peers[0] = silent("b"); }),
     "RemoveMember", "remove etcd-b (b0) from the cluster: the tags of all volumes list a alone"},
    {"ALearnerThatIsToGoGoesFirst",
     from(shrinks,
          [](MemberInputs& in) { in.etcd.own.quorum_list->push_back(learner(0xd0, "d", false)); }),
     "RemoveMember", "remove d0 (d0) from the cluster: the tags of all volumes list a alone"},
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
     "etcd-a serves cluster c1 of 4 members; the tags of all volumes list a, b and d alone, so "
     "etcd-c is to go; etcd-d joins first: nothing to do"},
    {"NobodyIsTakenOutToAnEvenNumber",
     from(shrinks,
          [](MemberInputs& in) {
            in.ec2.volumes = {{tagged("a", {"a", "b"}), tagged("b", {"a", "b"})}};
            in.me.expected_members = {"a", "b"};
            in.me.expected.push_back({"etcd-b", peer_url("b")});
          }),
     "Serving",
     "etcd-a serves cluster c1 of 3 members; the tags of all volumes list a and b alone, so etcd-c "
     "is to go; they stay: 2 etcd members are worse than 1"},
    {"ALeaderThatIsToGoHandsTheLeadOver",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.own.leader_id = kIdB;
            for (auto& peer : in.others.peers) peer.leader_id = kIdB;
            in.etcd.own.quorum_list = {listed(kIdA, "a"), listed(kIdB, "b")};
          }),
     "MoveLeader", "move the lead from etcd-b to etcd-a: the tags of all volumes list a alone"},
    {"WhoIsToGoWaits", leaves, "Serving",
     "etcd-b serves cluster c1 of 3 members; the tags of all volumes list a alone, so etcd-b and "
     "etcd-c are to go; the agent of etcd's leader takes one out after the other: nothing to do"},
    {"WhoWasTakenOutRests",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("b");
            in.others.peers[0] = serves("a", kIdA, {listed(kIdA, "a")});
          }),
     "Wait",
     "etcd-b is no member of the cluster of a, and the tags of all volumes say so: they list a; its "
     "data stays on this volume: nothing to do: this master may be terminated; to have the member "
     "back, list it in the tags of all volumes"},
    {"WhoWasTakenOutAndRunsIsStopped",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.own = silent("b");
            in.others.peers[0] = serves("a", kIdA, {listed(kIdA, "a")});
          }),
     "StopUnit", "stop etcd-b: the quorum that a belongs to has removed member b0"},
    {"WhoWasTakenOutWaitsForTheTags",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("b");
            in.ec2.volumes.reset();
            in.others.peers[0] = serves("a", kIdA, {listed(kIdA, "a")});
          }),
     "Wait", "EC2 has not said yet what the other volumes of etcd-b carry"},
    {"WhoIsToGoStartsOnItsDataWhileItIsListed",
     from(leaves,
          [](MemberInputs& in) {
            in.etcd.unit = Phase::stopped;
            in.etcd.own = silent("b");
          }),
     "StartAsIs", "start etcd-b on its data"},
    {"ASilentLearnerIsTakenOutByTheLeadersAgent",
     from(running,
          [](MemberInputs& in) {
            in.etcd.own.leader_id = kIdA;
            in.etcd.own.quorum_list->push_back(learner(0xd0, "d", true));
            in.others.learner_still = 2 * kLearnerPatience;
          }),
     "RemoveMember",
     "remove etcd-d (d0) from the cluster: it is a learner that nobody has heard of for 20 min, "
     "and others cannot join before it"},

    // A new cluster.
    {"ThreeOfThree", blank, "FormNew", "form a new cluster of etcd-a, etcd-b and etcd-c"},
    {"TwoOfThree", from(blank, [](MemberInputs& in) { (*in.ec2.volumes)[2].attached = false; }),
     "FormNew", "form a new cluster of etcd-a, etcd-b and etcd-c"},
    {"OneOfThree",
     from(blank,
          [](MemberInputs& in) {
            (*in.ec2.volumes)[1].attached = false;
            in.ec2.volumes->pop_back();
          }),
     "Wait", "a new cluster forms once 2 of 3 volumes are attached; not yet: b and c"},
    {"ABegunStartGoesOn",
     from(blank,
          [](MemberInputs& in) {
            in.volume.data.state = DataDir::State::unfinished;
            in.etcd.failed_starts = 1;
            in.etcd.unit_detail = "exited with 1";
          }),
     "FormNew", "form a new cluster of etcd-a, etcd-b and etcd-c (try 2; before: exited with 1)"},
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
     "FormNew", "form a new cluster of etcd-a"},
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
     "Refuse", "2 etcd members are worse than 1"},
    {"VolumesDisagreeAboutTheMembers",
     from(blank, [](MemberInputs& in) { (*in.ec2.volumes)[1].members = {"a", "b"}; }), "Refuse",
     "the volumes disagree about the members: vol-b says a and b, this one a, b and c: put their "
     "tags right"},
    {"AMemberWithoutItsUrl", from(blank, [](MemberInputs& in) { in.me.expected.pop_back(); }),
     "Refuse", "member a is not one of a, b and c"},
    {"NotAMemberOfItsOwnTag", from(blank, [](MemberInputs& in) { in.me.member = "d"; }), "Refuse",
     "member d is not one of a, b and c: put the volume's tag right"},
};

class DecisionTest : public testing::TestWithParam<Case> {};

TEST_P(DecisionTest, Decides) {
  auto const in = GetParam().inputs();
  auto const decision = decide(in);
  EXPECT_EQ(test::name_of(decision), GetParam().move);
  auto const sentence = sentence_of(decision, in);
  EXPECT_TRUE(sentence.starts_with(GetParam().sentence)) << sentence;
}

INSTANTIATE_TEST_SUITE_P(Every, DecisionTest, testing::ValuesIn(kCases),
                         [](auto const& row) { return row.param.name; });

// Each sentence of a wait or a refusal ends with what the operator is to do, or with the word that
// it is nothing.
TEST(Decision, EveryWaitAndRefusalSaysWhatToDo) {
  std::set<std::string> const begins = {"bring", "find",    "if",       "install", "let",
                                        "look",  "nothing", "put",      "restore", "run",
                                        "see",   "start",   "terminate"};
  std::set<std::string> seen;
  for (auto const& row : kCases) {
    auto const in = row.inputs();
    auto const decision = decide(in);
    std::string todo;
    if (auto const* wait = std::get_if<Wait>(&decision))
      todo = wait->todo;
    else if (auto const* refuse = std::get_if<Refuse>(&decision))
      todo = refuse->todo;
    else
      continue;
    auto const first = todo.substr(0, todo.find(' '));
    EXPECT_TRUE(begins.contains(first)) << row.name << ": " << sentence_of(decision, in);
    EXPECT_TRUE(first != "nothing" || todo.starts_with("nothing to do: ")) << row.name;
    EXPECT_TRUE(sentence_of(decision, in).ends_with(todo)) << row.name;
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
  EXPECT_THAT(sentence_of(decide(in), in), HasSubstr("run 'haagent etcd recover' here"));
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
    if (!serving || !serving->what.contains("to go")) continue;
    bool const told = serving->what.contains("nothing to do") || serving->what.contains(": ");
    EXPECT_TRUE(told) << row.name << ": " << serving->what;
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
       [](MemberInputs& in) { in.volume.unseen = UnseenVolume{.why = "x", .todo = "y"}; }},
      {"set aside", [](MemberInputs& in) { in.volume.data.set_aside = {"data.x"}; }},
      {"foreign", [](MemberInputs& in) { in.volume.data.foreign = {"x"}; }},
      {"data", [](MemberInputs& in) { in.volume.data.state = DataDir::State::member; }},
      {"sibling's tag", [](MemberInputs& in) { (*in.ec2.volumes)[2].etcd_cluster_id = "1"; }},
      {"backup", [](MemberInputs& in) { in.store.backups = StoreFacts::Backups::present; }},
      {"EC2 silent", [](MemberInputs& in) { in.ec2.volumes.reset(); }},
      {"peer answers", [](MemberInputs& in) { in.others.peers[1] = no_quorum("c", kIdC); }},
      {"peer serves",
       [](MemberInputs& in) { in.others.peers[1] = serves("c", kIdC, all_three()); }},
      {"peer is strange", [](MemberInputs& in) { in.others.peers[1].reach = Reach::strange; }},
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
