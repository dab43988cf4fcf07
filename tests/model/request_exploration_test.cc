// An operator's request, explored: every interleaving of what three masters make of a restore or a
// recovery that stands in the state store with crashes, power cuts, lost disks, answers that come
// late or not at all, moves that are carried out late, and partitions, up to a bound that is
// printed. HAAGENT_EXPLORE=deep goes further.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "tests/model/requested_world.h"

namespace haagent::bootstrap {
namespace {

using namespace requested;

int bound(int ordinary, int deep) {
  auto const* wish = std::getenv("HAAGENT_EXPLORE");
  if (!wish) return ordinary;
  return std::string_view(wish) == "deep" ? deep : std::max(1, std::atoi(wish));
}

// The request stands in the store. All masters are down, with the volumes that it names: they hold
// the cluster from before, or have been lost before and are blank.
World requested_to_restore(bool blank) {
  World world;
  world.request = Request::open;
  for (auto& node : world.nodes) {
    node.named = true;
    node.entry = {Entry::voter, Entry::voter};
    node.published[kBefore] = true;
    if (blank) continue;
    node.disk = Disk::before;
    node.tag = node.marker = 1;
  }
  return world;
}

World serving() {
  auto world = requested_to_restore(/*blank=*/false);
  for (auto& node : world.nodes) node.power = Power::etcd;
  return world;
}

// One volume is to go on alone. Of the others one was lost, and one was given up, and may come
// back.
World requested_to_recover() {
  World world;
  world.request = Request::open;
  for (auto& node : world.nodes) {
    node.entry[kBefore] = Entry::voter;
    node.published[kBefore] = true;
    if (&node == &world.nodes[2]) continue;
    node.disk = Disk::before;
    node.tag = node.marker = 1;
  }
  world.nodes[0].named = true;
  return world;
}

requested::Explorer explored_from(World const& start, Plan plan,
                                  Decide decide = bootstrap::decide) {
  requested::Explorer explorer(std::move(decide), plan);
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

void expect_good(World const& start, Plan plan) {
  auto const explorer = explored_from(start, plan);
  EXPECT_GT(explorer.worlds(), 1000u);
  for (auto const& violation : explorer.violations()) ADD_FAILURE() << violation;
}

TEST(EtcdRequestExploration, ARestoreWhereTheOldClusterMayComeBack) {
  expect_good(requested_to_restore(/*blank=*/false), {.depth = bound(15, 20)});
}

TEST(EtcdRequestExploration, ARestoreOntoBlankVolumes) {
  expect_good(requested_to_restore(/*blank=*/true), {.depth = bound(18, 26)});
}

TEST(EtcdRequestExploration, ARestoreOverARunningCluster) {
  expect_good(serving(), {.over_running = true, .depth = bound(18, 26)});
}

TEST(EtcdRequestExploration, ARecoveryFromOneVolume) {
  expect_good(requested_to_recover(),
              {.kind = RecoveryRequest::Kind::recover, .depth = bound(15, 20)});
}

// Bugs in the decision's place: each must break what it breaks there.
struct Seeded {
  char const* name;
  World start;
  Plan plan;
  Decide decide;
  char const* broken;
};

Seeded const kSeeded[] = {
    // No matter what became of the request since it was read first, and who serves.
    {"NobodyHearsThatItIsVoid",
     requested_to_restore(false),
     {.losses = 0, .delays = 0, .depth = 14},
     [](MemberInputs in) {
       if (in.store.request)
         in.store.request->closed = in.store.request->is_void = in.store.request->stale = false;
       return decide(in);
     },
     "is void"},
    // One that was here: what was read while the old cluster served is acted on once it does not,
    // though it has become void in between.
    {"WhatWasReadBesideAQuorumIsActedOn",
     requested_to_restore(false),
     {.losses = 0, .delays = 0, .depth = 16},
     [](MemberInputs in) {
       if (in.store.request) in.store.request->stale = false;
       return decide(in);
     },
     "is void"},
    {"AndTheSameOfARecovery",
     requested_to_recover(),
     {.kind = RecoveryRequest::Kind::recover, .losses = 0, .delays = 0, .depth = 16},
     [](MemberInputs in) {
       if (in.store.request) in.store.request->stale = false;
       return decide(in);
     },
     "is void"},
    {"OldDataAreNotSetAside",
     requested_to_restore(false),
     {.losses = 0, .delays = 0, .depth = 6},
     [](MemberInputs const& in) -> Decision {
       auto decision = decide(in);
       if (in.store.request && std::holds_alternative<SetAside>(decision)) return RestoreData{};
       return decision;
     },
     "restores over data that were not set aside"},
    {"ItIsCarriedOutAgainAtTheNextBoot",
     requested_to_restore(true),
     {.losses = 0, .delays = 0, .depth = 8},
     [](MemberInputs in) {
       if (in.volume.data.state == DataDir::State::member)
         in.volume.data.identity.cluster_id = 0xc1;
       if (!in.volume.data.restored) in.store.request_done.clear();
       return decide(in);
     },
     "carries the request out twice on one volume"},
    {"AnyDiskOfTheMembersTakesPart",
     requested_to_restore(true),
     {.losses = 1, .delays = 0, .depth = 6},
     [](MemberInputs in) {
       if (in.store.request) in.store.request->volumes = {{in.me.member, in.volume.volume_id}};
       return decide(in);
     },
     "restores onto a volume that the request does not name"},
    {"ARecoveryIsCarriedOutAgain",
     requested_to_recover(),
     {.kind = RecoveryRequest::Kind::recover, .losses = 0, .delays = 0, .depth = 8},
     [](MemberInputs const& in) -> Decision {
       if (in.store.request && !in.store.request->closed &&
           in.store.request->names(in.me.member, in.volume.volume_id) &&
           in.volume.data.state == DataDir::State::member &&
           in.etcd.unit == UnitState::Phase::stopped)
         return ForceAlone{};
       return decide(in);
     },
     "carries the request out twice on one volume"},
};

class SeededRequestBug : public testing::TestWithParam<Seeded> {};

TEST_P(SeededRequestBug, IsCaught) {
  auto const& bug = GetParam();
  auto const explorer = explored_from(bug.start, bug.plan, bug.decide);
  ASSERT_FALSE(explorer.violations().empty());
  EXPECT_TRUE(explorer.violations().front().contains(bug.broken)) << explorer.violations().front();
  // It is the bug that is caught: the decision itself passes the same worlds.
  auto const right = explored_from(bug.start, bug.plan);
  EXPECT_TRUE(right.violations().empty()) << right.violations().front();
}

INSTANTIATE_TEST_SUITE_P(Each, SeededRequestBug, testing::ValuesIn(kSeeded),
                         [](auto const& row) { return row.param.name; });

}  // namespace
}  // namespace haagent::bootstrap
