// Whether a cluster may be restored, recovered, or have a member replaced.
#include "bootstrap/etcd/recovery/recovery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

constexpr std::uint64_t kCluster = 0xc1;

std::uint64_t id_of(char member) {
  return static_cast<std::uint64_t>(0xa0000 + (member - 'a') * 0x10000);
}

EtcdMember listed(char member, bool learner = false) {
  return {.id = id_of(member),
          .name = std::string("etcd-") + member,
          .peer_urls = {std::string("http://etcd-") + member},
          .client_urls = {"http://x"},
          .learner = learner};
}

EtcdVolume volume(char member, bool attached, std::string cluster_id) {
  return {.volume_id = std::string("vol-") + member,
          .zone = {},
          .member = std::string(1, member),
          .members = {"a", "b", "c"},
          .etcd_cluster_id = std::move(cluster_id),
          .formatted_at = {},
          .snapshot_id = {},
          .instance_id = attached ? std::string("i-") + member : "",
          .device_name = {}};
}

SeenMember silent(char member) {
  SeenMember seen;
  seen.answer = {.member = std::string(1, member), .reach = Reach::unreachable, .why = "refused"};
  seen.trouble = "refused";
  return seen;
}

SeenMember answers(char member, std::uint64_t revision, std::uint64_t index) {
  SeenMember seen;
  seen.answer = {.member = std::string(1, member),
                 .reach = Reach::answers,
                 .cluster_id = kCluster,
                 .member_id = id_of(member),
                 .server = {.version = "3.5.33"},
                 .raft_index = index};
  seen.revision = revision;
  seen.trouble = "it has no leader";
  return seen;
}

SeenMember serves(char member, std::vector<EtcdMember> list) {
  auto seen = answers(member, 50, 60);
  seen.answer.leader_id = id_of('a');
  seen.answer.quorum_list = std::move(list);
  seen.healthy = true;
  seen.trouble.clear();
  return seen;
}

// New blank volumes, on new masters; nobody answers.
SeenCluster lost() {
  return {.own_member = "a",
          .own_volume = "vol-a",
          .own_identity = {},
          .volumes = {volume('a', true, ""), volume('b', true, ""), volume('c', true, "")},
          .members = {silent('a'), silent('b'), silent('c')}};
}

// a has its volume with its data and runs; those of b and c are gone.
SeenCluster survived() {
  auto seen = lost();
  seen.volumes = {volume('a', true, "c1"), volume('b', true, ""), volume('c', true, "")};
  seen.own_data = true;
  seen.own_identity = {id_of('a'), kCluster};
  seen.members[0] = answers('a', 50, 60);
  return seen;
}

// Two of them, so that counting members by name would count one.
void unreadable(SeenCluster& seen) {
  for (auto i : {1, 2}) {
    seen.volumes[i].member.clear();
    seen.volumes[i].members.clear();
    seen.volumes[i].tag_error = "it says 'b'";
  }
}

SeenCluster serving() {
  auto seen = survived();
  std::vector<EtcdMember> const list = {listed('a'), listed('b'), listed('c')};
  seen.volumes = {volume('a', true, "c1"), volume('b', true, "c1"), volume('c', true, "c1")};
  seen.members = {serves('a', list), serves('b', list), serves('c', list)};
  return seen;
}

BackupManifest backup() {
  return {.name = "20260115T100000.000Z-etcd-b",
          .cluster = "prod",
          .cluster_id = "c1",
          .member = "etcd-b",
          .revision = 42,
          .sha256 = {},
          .etcd_version = "3.5.33",
          .haagent_version = {},
          .created_at = *parse_rfc3339("2026-01-15T10:00:00Z")};
}

BackupManifest of_another() {
  auto manifest = backup();
  manifest.cluster_id = "c2";
  return manifest;
}

BackupManifest later() {
  auto manifest = backup();
  manifest.revision = 51;
  return manifest;
}

// How far the log on a volume goes.
EtcdLogEnd to(std::uint64_t term, std::uint64_t index, std::uint64_t committed) {
  return {.cluster_id = kCluster, .term = term, .index = index, .committed = committed};
}

// One of five, with a log of its own; b is there too, and no quorum comes of the two.
SeenCluster two_of_five(EtcdLogEnd mine, EtcdLogEnd others) {
  auto seen = survived();
  for (auto& each : seen.volumes) each.members = {"a", "b", "c", "d", "e"};
  seen.members[0].log = mine;
  seen.members[0].answer.raft_index = mine.committed;
  seen.members[1].log = others;
  return seen;
}

SeenCluster from(std::function<SeenCluster()> const& base,
                 std::function<void(SeenCluster&)> const& change) {
  auto seen = base();
  change(seen);
  return seen;
}

constexpr LossFlags kNone{}, kNewer{.newer_writes = true}, kOver{.over_running = true};

struct Case {
  std::string name;
  SeenCluster seen;
  LossFlags flags;
  std::optional<Reason> why = {};      // it may not; nothing: it may
  std::vector<std::string> says = {};  // identifiers, figures and flags in the refusal
  std::optional<BackupManifest> backup = {};
};

void holds(Error const& refused, std::optional<Reason> why, std::vector<std::string> const& says) {
  EXPECT_EQ(refused.kind, Kind::refused);
  EXPECT_EQ(refused.message.reason, why) << refused.message.sentence();
  for (auto const& each : says)
    EXPECT_TRUE(refused.message.sentence().contains(each))
        << each << " in: " << refused.message.sentence();
}
void holds(Result<void> const& may, std::optional<Reason> why,
           std::vector<std::string> const& says) {
  if (!why) {
    EXPECT_TRUE(may) << may.error().message.sentence();
    return;
  }
  ASSERT_FALSE(may);
  holds(may.error(), why, says);
}

class MayRestore : public testing::TestWithParam<Case> {};
TEST_P(MayRestore, OrSaysWhyNot) {
  holds(may_restore(GetParam().seen, backup(), GetParam().flags), GetParam().why, GetParam().says);
}
INSTANTIATE_TEST_SUITE_P(
    All, MayRestore,
    testing::ValuesIn(std::vector<Case>{
        {"AllIsLost", lost(), kNone, {}, {}},
        {"AQuorumServes",
         serving(),
         kNone,
         Reason::QuorumServes,
         {"c1", "50", "8", "--over-running-cluster"}},
        {"AQuorumServesWhateverElseIsSaid",
         serving(),
         kNewer,
         Reason::QuorumServes,
         {"--over-running-cluster"}},
        {"AQuorumServesAndIsToGo", serving(), kOver, {}, {}},
        {"SomebodyHasMore",
         survived(),
         kNone,
         Reason::NewerDataElsewhere,
         {"50", "42", "'haagent etcd recover'", "--lose-newer-writes"}},
        {"SomebodyHasMoreAndIsGivenUp", survived(), kNewer, {}, {}},
        {"SomebodyHasWhatTheBackupHas",
         from(survived, [](auto& seen) { seen.members[0].revision = 42; }),
         kNone,
         {},
         {}},
        {"MyDataDoNotAnswer",
         from(survived, [](auto& seen) { seen.members[0] = silent('a'); }),
         kNone,
         Reason::NewerDataElsewhere,
         {"vol-a"}},
        {"AVolumeOfTheClusterIsThere",
         from(lost, [](auto& seen) { seen.volumes[1] = volume('b', false, "c1"); }),
         kNone,
         Reason::NewerDataElsewhere,
         {"vol-b", "c1"}},
        {"MyTagAloneIsNoData",
         from(lost, [](auto& seen) { seen.volumes[0].etcd_cluster_id = "c1"; }),
         kNone,
         {},
         {}},
        {"WhatOthersMayHaveConfirmedIsNotInTheBackup",
         from(survived,
              [](auto& seen) {
                seen.members[0].revision = 42;
                seen.members[0].log = to(3, 62, 60);
              }),
         kNone,
         Reason::NewerDataElsewhere,
         {"42", " 2 ", "--lose-newer-writes"}},
        {"WhatItsEtcdKnowsToBeCommittedIs",
         from(survived,
              [](auto& seen) {
                seen.members[0].revision = 42;
                seen.members[0].log = to(3, 60, 55);
              }),
         kNone,
         {},
         {}},
        {"ALogWhoseEtcdIsSilentSaysHowFarItGoes",
         from(survived,
              [](auto& seen) {
                seen.members[0] = silent('a');
                seen.members[0].log = to(3, 62, 60);
                seen.volumes[1] = volume('b', true, "c1");
                seen.members[1].log = to(3, 61, 61);
              }),
         kNone,
         Reason::NewerDataElsewhere,
         {"vol-a", " 62, ", " 60 ", "vol-b", " 61, "}},
        {"TooFewVolumes",
         from(lost,
              [](auto& seen) {
                seen.volumes[1].instance_id.clear();
                seen.volumes.pop_back();
              }),
         kNone,
         Reason::VolumesNotAttached,
         {" 3 "}},
        {"TheTagsDisagree",
         from(lost, [](auto& seen) { seen.volumes[1].members = {"b"}; }),
         kNone,
         Reason::VolumeTagsInvalid,
         {"vol-a", "vol-b"}},
        {"ATagThatCannotBeRead",
         from(lost, unreadable),
         kOver,
         Reason::VolumeTagsInvalid,
         {"vol-b", "'b'"}},
        {"TwoVolumesOfOneMember",
         from(lost, [](auto& seen) { seen.volumes.push_back(volume('b', false, "")); }),
         kOver,
         Reason::VolumeTagsInvalid,
         {"vol-b", "k8s.io/etcd/main"}},
    }),
    [](auto const& each) { return each.param.name; });

class MayRecover : public testing::TestWithParam<Case> {};
TEST_P(MayRecover, OrSaysWhyNot) {
  holds(may_recover(GetParam().seen, GetParam().backup, GetParam().flags), GetParam().why,
        GetParam().says);
}
INSTANTIATE_TEST_SUITE_P(
    All, MayRecover,
    testing::ValuesIn(std::vector<Case>{
        {"OneVolumeIsLeft", survived(), kNone, {}, {}},
        {"AQuorumServes", serving(), kNewer, Reason::QuorumServes, {}},
        {"NoDataHere",
         lost(),
         kNewer,
         Reason::NothingToRecoverFrom,
         {"vol-a", "'haagent etcd restore'"}},
        {"TagsThatCannotBeRead",
         from(survived, unreadable),
         kNewer,
         Reason::VolumeTagsInvalid,
         {"vol-b", "'b'"}},
        {"TheOthersAreAQuorumWithoutMe",
         from(survived,
              [](auto& seen) {
                seen.volumes[1] = volume('b', false, "c1");
                seen.volumes[2] = volume('c', false, "c1");
              }),
         kNewer,
         Reason::SecondClusterPossible,
         {"vol-b", "vol-c", "k8s.io/etcd/main"}},
        {"OneMoreIsThere",
         from(survived, [](auto& seen) { seen.volumes[1] = volume('b', false, "c1"); }),
         kNone,
         Reason::NewerDataElsewhere,
         {"vol-b", "c1", " 2 ", " 3 ", "--lose-newer-writes"}},
        {"OneMoreIsThereAndIsGivenUp",
         from(survived, [](auto& seen) { seen.volumes[1] = volume('b', false, "c1"); }),
         kNewer,
         {},
         {}},
        {"AnotherHasANewerLog",
         from(survived,
              [](auto& seen) {
                for (auto& each : seen.volumes) each.members = {"a", "b", "c", "d", "e"};
                seen.members[1] = answers('b', 55, 70);
              }),
         kNone,
         Reason::NewerDataElsewhere,
         {" 70, ", " 60, "}},
        {"WhoKnowsMoreToBeCommittedIsTheBetterOne",
         two_of_five(to(3, 70, 60), to(3, 70, 70)),
         kNone,
         Reason::NewerDataElsewhere,
         {" 70, ", " 60, ", "--lose-newer-writes"}},
        {"WhoseLogGoesFurtherIsTheBetterOne",
         two_of_five(to(3, 70, 70), to(3, 71, 70)),
         kNone,
         Reason::NewerDataElsewhere,
         {" 71 ", " 70 "}},
        {"ALaterTermGoesBeforeALaterEntry",
         two_of_five(to(3, 99, 70), to(4, 71, 70)),
         kNone,
         Reason::NewerDataElsewhere,
         {" 71 ", " 4, "}},
        {"WhoseLogGoesFurtherMayKeepLess",
         two_of_five(to(3, 70, 70), to(3, 75, 65)),
         kNone,
         Reason::NewerDataElsewhere,
         {" 75 ", " 65 ", " 70, "}},
        {"AnEarlierTermIsNoneBetter",
         two_of_five(to(4, 71, 70), to(3, 99, 70)),
         kNone,
         Reason::NewerDataElsewhere,
         {" 99, ", " 70 "}},
        {"ALogOfAnotherClusterIsNone",
         from(survived,
              [](auto& seen) {
                seen.members[1].log = to(9, 99, 99);
                seen.members[1].log->cluster_id = 0xc9;
              }),
         kNone,
         {},
         {}},
        {"TheBetterOneIsGivenUp", two_of_five(to(3, 70, 60), to(3, 71, 70)), kNewer, {}, {}},
        {"MineDoesNotAnswerAndItsLogSays",
         from(survived,
              [](auto& seen) {
                seen.members[0] = silent('a');
                seen.members[0].log = to(3, 62, 60);
              }),
         kNone,
         Reason::VolumesNotCompared,
         {" 62, ", " 60 ", "'haagent status'"}},
        {"MineDoesNotAnswer",
         from(survived, [](auto& seen) { seen.members[0] = silent('a'); }),
         kNone,
         Reason::VolumesNotCompared,
         {"'haagent status'"}},
        {"TheLogIsUnreadable",
         from(survived, [](auto& seen) { seen.own_identity = {}; }),
         kNewer,
         Reason::NothingToRecoverFrom,
         {"vol-a"}},
        {"TheOnlyMember",
         from(survived, [](auto& seen) { seen.volumes[0].members = {"a"}; }),
         kNewer,
         Reason::OnlyVoter,
         {}},
        {"AVolumeOfAnyClusterMayHoldThisOnesData",
         from(survived, [](auto& seen) { seen.volumes[1] = volume('b', false, "c9"); }),
         kNone,
         Reason::NewerDataElsewhere,
         {"vol-b", "c9"}},
        // While it grows to five, and two of the three that vote serve where this one does not see.
        {"TheQuorumIsThatOfEtcdsOwnList",
         from(survived,
              [](auto& seen) {
                for (auto letter : {'d', 'e'}) seen.volumes.push_back(volume(letter, true, ""));
                for (auto& each : seen.volumes) each.members = {"a", "b", "c", "d", "e"};
                seen.volumes[1].etcd_cluster_id = seen.volumes[2].etcd_cluster_id = "c1";
                seen.own_list = {listed('a'), listed('b'), listed('c')};
              }),
         kNewer,
         Reason::SecondClusterPossible,
         {}},
        // While it shrinks to three: d and e vote still, and their tags are gone.
        {"VotersWithoutATagCount",
         from(survived,
              [](auto& seen) {
                seen.volumes[1].etcd_cluster_id = "c1";
                seen.own_list = {listed('a'), listed('b'), listed('c'), listed('d'), listed('e')};
              }),
         kNewer,
         Reason::SecondClusterPossible,
         {"etcd-d"}},
        {"ALearnerIsNothingToGoOnWith",
         from(survived, [](auto& seen) { seen.own_list = {listed('a', true), listed('b')}; }),
         kNewer,
         Reason::NotAVoter,
         {}},
        {"ABackupThatHasMoreIsNamed",
         survived(),
         kNone,
         Reason::NewerDataElsewhere,
         {" 51, ", " 50", "'haagent etcd restore'"},
         later()},
        {"UnlessItIsGivenUp", survived(), kNewer, {}, {}, later()},
        // It was away while the cluster was restored, and that one is lost now.
        {"ABackupOfAnotherClusterMayBeOfALaterOne",
         survived(),
         kNone,
         Reason::NewerDataElsewhere,
         {" c2, ", " c1", "'haagent etcd restore'"},
         of_another()},
        {"UnlessThatIsGivenUp", survived(), kNewer, {}, {}, of_another()},
    }),
    [](auto const& each) { return each.param.name; });

RecoveryRequest request_to(RecoveryRequest::Kind kind, std::uint64_t cluster_id) {
  return {.id = "20260115T101500.000Z-i-0a11",
          .kind = kind,
          .cluster = "prod",
          .cluster_id = cluster_id,
          .volumes = {{"a", "vol-a"}}};
}

TEST(MayCancel, UntilAMemberHasCarriedItOut) {
  constexpr auto kRestore = RecoveryRequest::Kind::restore;
  constexpr auto kRecover = RecoveryRequest::Kind::recover;
  holds(may_cancel(lost(), request_to(kRestore, 0xc2)), {}, {});
  holds(may_cancel(serving(), request_to(kRestore, 0xc2)), {}, {});
  holds(may_cancel(survived(), request_to(kRestore, kCluster)), Reason::RequestCarriedOut,
        {"'haagent etcd restore'"});

  holds(may_cancel(survived(), request_to(kRecover, kCluster)), {}, {});
  holds(may_cancel(serving(), request_to(kRecover, kCluster)), {}, {});
  auto const alone =
      from(survived, [](auto& seen) { seen.members[0] = serves('a', {listed('a')}); });
  holds(may_cancel(alone, request_to(kRecover, kCluster)), Reason::RequestCarriedOut,
        {"'haagent etcd recover'"});
}

bool says_all(std::string const& note, std::vector<std::string> const& figures) {
  return std::ranges::all_of(figures, [&](std::string const& each) { return note.contains(each); });
}

TEST(Recovery, SaysWhatItDrops) {
  EXPECT_EQ(recovery_note(lost()), "");
  EXPECT_EQ(recovery_note(survived()), "");
  auto seen = two_of_five(to(3, 60, 57), to(3, 57, 57));
  EXPECT_EQ(dropped_by_recovery(seen), 3u);
  EXPECT_TRUE(says_all(recovery_note(seen), {" 3 ", " 58 ", " 60)"})) << recovery_note(seen);
  // What a running etcd knows it has not always written to its log.
  seen.members[0].answer.raft_index = 59;
  EXPECT_EQ(dropped_by_recovery(seen), 1u);
  EXPECT_TRUE(says_all(recovery_note(seen), {" 1 ", " 60)"})) << recovery_note(seen);
  seen.members[0].answer.raft_index = 60;
  EXPECT_EQ(recovery_note(seen), "");
  // Somebody's volume covers it.
  seen = two_of_five(to(3, 60, 57), to(3, 60, 59));
  EXPECT_TRUE(says_all(recovery_note(seen), {" b ", " 58 ", " 59 "})) << recovery_note(seen);
}

TEST(MayReplace, TheMemberByLetterNameOrId) {
  for (std::string name : {"b", "etcd-b", "b0000"}) {
    auto target = may_replace(serving(), name);
    ASSERT_TRUE(target) << name << ": " << target.error().message.text;
    EXPECT_EQ(target->id, id_of('b')) << name;
  }
  auto nobody = may_replace(serving(), "d");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, Kind::invalid);
  EXPECT_TRUE(nobody.error().message.text.contains("etcd-c"));
}

class MayReplaceRefuses : public testing::TestWithParam<Case> {};
TEST_P(MayReplaceRefuses, AndSaysWhy) {
  auto const target = may_replace(GetParam().seen, "b");
  ASSERT_FALSE(target);
  holds(target.error(), GetParam().why, GetParam().says);
}
INSTANTIATE_TEST_SUITE_P(
    All, MayReplaceRefuses,
    testing::ValuesIn(std::vector<Case>{
        {"NoQuorum", survived(), kNone, Reason::QuorumMissing, {"'haagent status'"}},
        {"AnotherVoterIsDown",
         from(serving, [](auto& seen) { seen.members[2] = silent('c'); }),
         kNone,
         Reason::MembersNotWell,
         {"etcd-c", "etcd-b"}},
        {"AnotherVoterIsNotWell",
         from(serving,
              [](auto& seen) {
                seen.members[2].healthy = false;
                seen.members[2].trouble = "NOSPACE";
              }),
         kNone,
         Reason::MembersNotWell,
         {"etcd-c", "NOSPACE"}},
        {"ALearnerIsThere",
         from(serving,
              [](auto& seen) { (*seen.members[0].answer.quorum_list)[2] = listed('c', true); }),
         kNone,
         Reason::NotAVoter,
         {"etcd-c"}},
        {"ItHasNoVolume",
         from(serving, [](auto& seen) { seen.volumes.erase(seen.volumes.begin() + 1); }),
         kNone,
         Reason::VolumeMissing,
         {"etcd-b"}},
        {"ItsVolumeIsFree",
         from(serving, [](auto& seen) { seen.volumes[1].instance_id.clear(); }),
         kNone,
         Reason::VolumesNotAttached,
         {"vol-b", "etcd-b"}},
        {"TheOnlyVoter",
         from(serving,
              [](auto& seen) {
                seen.members.clear();
                seen.members.push_back(serves('b', {listed('b')}));
              }),
         kNone,
         Reason::OnlyVoter,
         {}},
    }),
    [](auto const& each) { return each.param.name; });

TEST(SeenClusterTest, TheQuorumOfTheOwnClusterComesFirst) {
  auto seen = serving();
  auto stray = serves('b', {listed('b')});
  stray.answer.cluster_id = 0xc2;
  seen.members[0] = silent('a');
  seen.members[1] = stray;
  ASSERT_NE(seen.quorum(), nullptr);
  EXPECT_EQ(seen.quorum()->answer.member, "c");
  EXPECT_EQ(seen.quorum_of(0xc2)->answer.member, "b");
  seen.members[2] = silent('c');
  ASSERT_NE(seen.quorum(), nullptr) << "another one is none to be passed over";
  EXPECT_EQ(seen.quorum()->answer.member, "b");
  EXPECT_EQ(seen.quorum_of(kCluster), nullptr);
}

}  // namespace
}  // namespace haagent::bootstrap
