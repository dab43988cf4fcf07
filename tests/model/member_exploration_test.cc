// The member decision, explored: every interleaving of masters' moves with crashes, power cuts,
// lost disks, late and lost answers, moves carried out late, partitions and an EC2 that lags, up to
// a bound that is printed. HAAGENT_EXPLORE=deep goes further, for about two minutes.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "tests/model/explorer.h"

namespace haagent::bootstrap {
namespace {

using namespace explored;

// How many events deep: HAAGENT_EXPLORE=deep, or a number for all, says otherwise.
int bound(int ordinary, int deep) {
  auto const* wish = std::getenv("HAAGENT_EXPLORE");
  if (!wish) return ordinary;
  return std::string_view(wish) == "deep" ? deep : std::max(1, std::atoi(wish));
}

// Masters that have not formed a cluster yet.
World blank(int count) {
  World world;
  world.count = static_cast<std::uint8_t>(count);
  for (int i = 0; i < count; ++i) {
    world.nodes[i].entry = Entry::voter;
    world.nodes[i].first = true;
  }
  return world;
}

// A cluster that serves and has taken a write; then the operator begins.
World serving(std::vector<Role> const& roles) {
  auto world = blank(static_cast<int>(roles.size()));
  world.formed = true;
  world.writes = 1;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    auto& node = world.nodes[i];
    node.role = roles[i];
    if (node.role == Role::joins) {
      node.entry = Entry::none;
      node.first = false;
      continue;
    }
    node.power = Power::etcd;
    node.disk = Disk::current;
    node.published = node.voted = node.marker = true;
    node.log = 1;
    node.tag = Tag::shown;
  }
  return world;
}

Explorer explored_from(World const& start, Bounds bounds, Decide decide = bootstrap::decide,
                       Flaws flaws = {}) {
  Explorer explorer(std::move(decide), bounds, flaws);
  auto const begin = std::chrono::steady_clock::now();
  explorer.explore(start);
  auto const took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  std::cout << fmt::format(
      "{} worlds, {}, {} different decisions, {:.1f} s\n", explorer.worlds(),
      explorer.whole() ? "all there are" : fmt::format("{} events deep", explorer.depth()),
      explorer.decisions(), static_cast<double>(took.count()) / 1000.0);
  return explorer;
}

// What an operator reads: what is the matter, and what to do, or that it is nothing.
void expect_an_advice(Decision const& decision) {
  Message const* message = nullptr;
  if (auto const* wait = std::get_if<Wait>(&decision)) message = &wait->message;
  if (auto const* refuse = std::get_if<Refuse>(&decision)) message = &refuse->message;
  if (!message) return;
  EXPECT_FALSE(message->text.empty());
  EXPECT_FALSE(message->advice.empty()) << message->text;
}

void expect_good(World const& start, Bounds bounds) {
  auto const explorer = explored_from(start, bounds, [](MemberInputs const& in) {
    auto decision = decide(in);
    expect_an_advice(decision);
    return decision;
  });
  EXPECT_GT(explorer.worlds(), 1000u);
  for (auto const& violation : explorer.violations()) ADD_FAILURE() << violation;
}

TEST(EtcdExploration, ThreeMastersFromNothing) {
  expect_good(blank(3), {.depth = bound(14, 18), .losses = 2, .writes = 1, .delays = 1});
}

TEST(EtcdExploration, ThreeMastersThatServe) {
  expect_good(serving({Role::stays, Role::stays, Role::stays}),
              {.depth = bound(26, 40), .losses = 2, .writes = 2, .delays = 1});
}

// Mounts that disappear and come back at any point, and volumes that come back as they were before.
TEST(EtcdExploration, ThreeMastersWithoutTheirMounts) {
  expect_good(serving({Role::stays, Role::stays, Role::stays}),
              {.depth = bound(16, 24), .losses = 1, .writes = 2, .delays = 1, .lost_mounts = 2});
}

TEST(EtcdExploration, ThreeMastersFromNothingWithoutTheirMounts) {
  expect_good(blank(3),
              {.depth = bound(12, 15), .losses = 1, .writes = 1, .delays = 1, .lost_mounts = 1});
}

TEST(EtcdExploration, ThreeMastersWithOlderCopies) {
  expect_good(serving({Role::stays, Role::stays, Role::stays}),
              {.depth = bound(20, 30), .losses = 2, .writes = 2, .delays = 1, .copies = true});
}

TEST(EtcdExploration, FiveMastersWithCopiesAndWithoutMounts) {
  expect_good(serving({Role::stays, Role::stays, Role::stays, Role::stays, Role::stays}),
              {.depth = bound(9, 11),
               .losses = 2,
               .writes = 2,
               .delays = 1,
               .partitions = false,
               .lost_mounts = 2,
               .copies = true});
}

TEST(EtcdExploration, FromThreeToOneWithCopiesAndWithoutMounts) {
  expect_good(serving({Role::stays, Role::leaves, Role::leaves}), {.depth = bound(10, 14),
                                                                   .losses = 1,
                                                                   .writes = 2,
                                                                   .delays = 1,
                                                                   .lost_mounts = 1,
                                                                   .copies = true});
}

TEST(EtcdExploration, FiveMastersFromNothing) {
  expect_good(blank(5), {.depth = bound(14, 16), .losses = 1, .delays = 0, .partitions = false});
}

TEST(EtcdExploration, FiveMastersThatServe) {
  expect_good(serving({Role::stays, Role::stays, Role::stays, Role::stays, Role::stays}),
              {.depth = bound(11, 13), .losses = 2, .writes = 2, .delays = 1});
}

TEST(EtcdExploration, FromOneToThree) {
  expect_good(serving({Role::stays, Role::joins, Role::joins}),
              {.depth = bound(16, 20), .losses = 1, .writes = 2, .delays = 1});
}

TEST(EtcdExploration, FromThreeToOne) {
  expect_good(serving({Role::stays, Role::leaves, Role::leaves}),
              {.depth = bound(15, 18), .losses = 1, .writes = 2, .delays = 1});
}

TEST(EtcdExploration, FromThreeToFive) {
  expect_good(serving({Role::stays, Role::stays, Role::stays, Role::joins, Role::joins}),
              {.depth = bound(14, 18), .losses = 1, .partitions = false});
}

TEST(EtcdExploration, FromFiveToThree) {
  expect_good(serving({Role::stays, Role::stays, Role::stays, Role::leaves, Role::leaves}),
              {.depth = bound(9, 11), .losses = 1, .partitions = false});
}

// The same three, and each runs with what it is to run with no more.
World outdated(Outdated why) {
  auto world = serving({Role::stays, Role::stays, Role::stays});
  for (int i = 0; i < world.count; ++i) world.nodes[i].outdated = why;
  return world;
}

TEST(EtcdExploration, ThreeMastersThatRestartForTheirConfiguration) {
  expect_good(outdated(Outdated::configuration),
              {.depth = bound(13, 18), .losses = 1, .writes = 2, .delays = 1, .lost_mounts = 1});
}

TEST(EtcdExploration, ThreeMastersThatRestartForTheirAuthorities) {
  expect_good(outdated(Outdated::trust),
              {.depth = bound(13, 18), .losses = 1, .writes = 2, .delays = 1, .lost_mounts = 1});
}

TEST(EtcdExploration, ThreeMastersThatRestartForAnotherVersion) {
  expect_good(outdated(Outdated::version),
              {.depth = bound(13, 18), .losses = 2, .delays = 1, .partitions = false});
}

TEST(EtcdExploration, ThreeMastersThatNeedOneThingMore) {
  expect_good(outdated(Outdated::configuration), {.depth = bound(8, 12),
                                                  .losses = 1,
                                                  .writes = 2,
                                                  .delays = 1,
                                                  .partitions = false,
                                                  .lost_mounts = 1,
                                                  .chores = true});
}

TEST(EtcdExploration, ThreeMastersFromNothingThatNeedOneThingMore) {
  expect_good(blank(3), {.depth = bound(10, 13),
                         .losses = 1,
                         .writes = 1,
                         .delays = 1,
                         .partitions = false,
                         .chores = true});
}

TEST(EtcdExploration, OneMasterThatRestarts) {
  auto world = serving({Role::stays});
  world.nodes[0].outdated = Outdated::configuration;
  auto const explorer = explored_from(world, {.losses = 1, .writes = 2, .chores = true});
  EXPECT_TRUE(explorer.whole());
  for (auto const& violation : explorer.violations()) ADD_FAILURE() << violation;
}

// Three of five have formed a cluster, no volume is tagged yet, and the two who came late have
// taken their ids out to be added anew.
World hardly_formed() {
  auto world = blank(5);
  world.formed = true;
  for (int i = 0; i < 5; ++i) {
    auto& node = world.nodes[i];
    node.power = Power::on;
    if (i < 2) {
      node.entry = Entry::none;
      node.first = false;
      continue;
    }
    node.power = Power::etcd;
    node.disk = Disk::current;
    node.voted = true;
  }
  return world;
}

// Known bugs of others, put in the place of the decision: each must break what it breaks there.
struct Known {
  char const* name;
  World start;
  Bounds bounds;
  Decide decide;
  Flaws flaws;
  char const* broken;
};

bool is_blank(MemberInputs const& in) {
  return in.volume.data.state != DataDir::State::member;
}

std::vector<EtcdMember> const* list_of(MemberInputs const& in) {
  for (auto const& peer : in.others.peers)
    if (peer.quorum_list) return &*peer.quorum_list;
  return nullptr;
}

Known const kKnown[] = {
    // kopeio/etcd-manager#197: a new, empty cluster where the others' disks have one.
    {"ANewClusterBesideOnesHistory",
     serving({Role::stays, Role::stays, Role::stays}),
     {.depth = 9, .losses = 1, .partitions = false},
     [](MemberInputs in) {
       if (!is_blank(in) || list_of(in)) return decide(in);
       in.volume.marker_cluster_id = in.volume.tag_cluster_id = "";
       in.volume.data.set_aside.clear();
       if (in.ec2.volumes)
         for (auto& volume : *in.ec2.volumes) volume.etcd_cluster_id = "";
       return decide(in);
     },
     {},
     "two clusters"},
    // etcd-manager forms with those whom it sees, two of three, and the third may see others.
    {"AClusterOfThoseWhoAreSeen",
     blank(3),
     {.depth = 8, .losses = 0, .partitions = false},
     [](MemberInputs const& in) -> Decision {
       auto decision = decide(in);
       if (auto* form = std::get_if<FormNew>(&decision))
         std::erase_if(form->initial, [&](InitialMember const& member) {
           return std::ranges::none_of(*in.ec2.volumes, [&](VolumeEvidence const& volume) {
             return volume.attached && member.name == "etcd-" + volume.member;
           });
         });
       return decision;
     },
     {},
     "two clusters: it forms one with a list of its own"},
    // One that was here: blank members take their old ids out, hear nobody, and form from these
    // ids.
    {"IdsThatWereTakenOutFormAnew",
     hardly_formed(),
     {.depth = 7, .losses = 1, .partitions = false},
     [](MemberInputs in) {
       if (is_blank(in) && list_of(in)) in.volume.tag_cluster_id = "c1";
       return decide(in);
     },
     {},
     "two clusters: a majority has formed anew"},
    // An empty disk under the old id: what a start with the state "new", or without a member
    // remove before, comes to (kops#5864 and kubeadm's joins of the same name).
    {"TheOldIdWithoutItsLog",
     serving({Role::stays, Role::stays, Role::stays}),
     {.depth = 9, .losses = 1, .partitions = false},
     [](MemberInputs const& in) -> Decision {
       auto decision = decide(in);
       if (is_blank(in) && std::holds_alternative<RemoveStale>(decision)) return StartJoined{};
       return decision;
     },
     {},
     "a voter runs again under its id from a log that it lost"},
    // etcd-manager adds full voters: from one member to two, the quorum is gone at once.
    {"AVoterInThePlaceOfALearner",
     serving({Role::stays, Role::joins, Role::joins}),
     {.depth = 9, .losses = 0, .partitions = false},
     [](MemberInputs const& in) { return decide(in); },
     {.adds_voters = true},
     "adds a member at the cost of the quorum"},
    // Peers that EC2 does not show are taken for gone: kops#5410's throttled describes.
    {"WhomEc2DoesNotShowIsGone",
     serving({Role::stays, Role::joins, Role::joins}),
     {.depth = 14, .losses = 0, .partitions = false},
     [](MemberInputs in) {
       in.ec2.tags_agree_for = in.ec2.tags_settle;
       return decide(in);
     },
     {},
     "removes a member that a volume's tag lists"},
    // etcd-manager removes while another member is unhealthy.
    {"ARemovalWhileAnotherIsDown",
     serving({Role::stays, Role::leaves, Role::leaves}),
     {.depth = 10, .losses = 0, .partitions = false},
     [](MemberInputs in) {
       // It takes whom it knows of for well.
       for (auto& peer : in.others.peers) {
         if (!in.etcd.own.quorum_list || peer.reach == MemberAnswer::Reach::answers) continue;
         for (auto const& member : *in.etcd.own.quorum_list)
           if (member.name == "etcd-" + peer.member) {
             peer.reach = MemberAnswer::Reach::answers;
             peer.cluster_id = in.etcd.own.cluster_id;
             peer.member_id = member.id;
             peer.leader_id = in.etcd.own.leader_id;
           }
       }
       return decide(in);
     },
     {},
     "removes a member at the cost of the quorum"},
    // etcdadm wipes a disk whose name it does not find in the list of whoever answers.
    {"ALogSetAsideOnTheWordOfWhoeverAnswers",
     serving({Role::stays, Role::stays, Role::stays}),
     {.depth = 9, .losses = 0, .partitions = false},
     [](MemberInputs const& in) -> Decision {
       if (!is_blank(in) && in.etcd.unit != UnitState::Phase::running && !list_of(in)) {
         for (auto const& peer : in.others.peers)
           if (peer.reach == MemberAnswer::Reach::answers) return SetAside{"no list has it"};
       }
       return decide(in);
     },
     {},
     "sets a log aside that belongs to a member in the list"},
    // One that was here: an empty folder of the root disk, where the volume was mounted, is taken
    // for a blank volume, and so it looks the next time too.
    {"TheRootDiskIsABlankVolume",
     serving({Role::stays, Role::stays, Role::stays}),
     {.depth = 5, .losses = 0, .partitions = false, .lost_mounts = 1},
     [](MemberInputs in) {
       in.volume.unseen.reset();
       return decide(in);
     },
     {.acts_blindly = true},
     "removes itself, though its log is whole"},
    // And what was decided on the volume is done without it.
    {"NobodyLooksAgainBeforeTheAct",
     serving({Role::stays, Role::stays, Role::stays}),
     {.depth = 5, .losses = 0, .delays = 1, .partitions = false, .lost_mounts = 1},
     [](MemberInputs const& in) { return decide(in); },
     {.acts_blindly = true},
     "etcd starts on the root disk, without its volume"},
    // A volume that was restored from a snapshot beside a cluster that serves (one that was here).
    {"AnOlderCopyIsStartedAsItIs",
     serving({Role::stays, Role::stays, Role::stays}),
     {.depth = 5, .losses = 1, .partitions = false, .copies = true},
     [](MemberInputs in) {
       in.volume.copy_of.clear();
       return decide(in);
     },
     {},
     "an older copy of a member's log starts under its id"},
    // Members that each restart once they see all others serve: two do at the same moment.
    {"ARestartWithoutTheTurn",
     outdated(Outdated::configuration),
     {.depth = 6, .losses = 0, .partitions = false},
     [](MemberInputs in) {
       in.serving.turn.asked = in.serving.turn.mine = true;
       return decide(in);
     },
     {},
     "restarts without the turn"},
    // The turn alone: it was had while all were well, and that has changed since.
    {"ARestartWhileAVoterIsDown",
     outdated(Outdated::version),
     {.depth = 8, .losses = 0, .partitions = false},
     [](MemberInputs in) {
       if (in.etcd.own.quorum_list)
         for (auto const& member : *in.etcd.own.quorum_list)
           for (auto& peer : in.others.peers)
             if (member.name == "etcd-" + peer.member) {
               peer = in.etcd.own;
               peer.member = member.name.substr(5);
               peer.member_id = member.id;
             }
       return decide(in);
     },
     {},
     "restarts while another member is down"},
    // An election of a second where there was to be none.
    {"ALeaderThatRestartsAsItIs",
     outdated(Outdated::trust),
     {.depth = 8, .losses = 0, .partitions = false},
     [](MemberInputs in) {
       in.serving.lead_passes = 2;
       return decide(in);
     },
     {},
     "restarts as the leader, and others could lead"},
};

class KnownBug : public testing::TestWithParam<Known> {};

TEST_P(KnownBug, IsCaught) {
  auto const& bug = GetParam();
  auto const explorer = explored_from(bug.start, bug.bounds, bug.decide, bug.flaws);
  ASSERT_FALSE(explorer.violations().empty());
  EXPECT_TRUE(explorer.violations().front().contains(bug.broken)) << explorer.violations().front();
  // It is the bug that is caught: the decision itself passes the same worlds.
  auto const right = explored_from(bug.start, bug.bounds);
  EXPECT_TRUE(right.violations().empty()) << right.violations().front();
}

INSTANTIATE_TEST_SUITE_P(Each, KnownBug, testing::ValuesIn(kKnown),
                         [](auto const& row) { return row.param.name; });

}  // namespace
}  // namespace haagent::bootstrap
