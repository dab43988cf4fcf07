// EC2 on a bad day: it is slow, stale, throttled or stuck, or another instance holds what is ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenario/interruptions.h"

namespace haagent::scenario {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;
using testing::AllOf;
using testing::HasSubstr;

// How many volumes that instance holds.
int held_by(World& world, std::string const& instance_id) {
  int held = 0;
  for (auto const& id : world.volume_ids)
    for (auto const& each : world.ec2.volume(id).attachments)
      if (each.instance_id == instance_id) ++held;
  return held;
}

// Two free pairs in its zone, and describes that show them as free long after they are taken.
Scenario const kDescribesLag{
    .name = "describes_lag_behind",
    .fill =
        [](World& world) {
          for (std::string member : {"a", "b"})
            for (auto cluster : kEtcdClusters) {
              auto volume = world.volume(cluster, member);
              volume.zone = "eu-west-1a";
              world.add(volume);
            }
          world.ec2.describe_lag = 5s;
          world.add_master("i-0a11", "a");
        },
    .limit = 45s,
};

TEST(Faults, AMasterNeverTakesASecondVolumeBecauseTheFirstIsSlowToShow) {
  World world;
  auto end = play(world, kDescribesLag);
  EXPECT_EQ(end.row("mount-main").state, State::done);
  EXPECT_EQ(end.row("mount-events").state, State::done);
  EXPECT_EQ(held_by(world, "i-0a11"), 2);
  EXPECT_EQ(world.ec2.calls_of("AttachVolume"), 2);
  EXPECT_EQ(world.ec2.calls_of("DetachVolume"), 0);
}

TEST(Faults, LaggingDescribesHoweverInterrupted) {
  expect_same_end_however_interrupted(kDescribesLag);
}

Scenario const kThrottled{
    .name = "attach_throttled",
    .fill =
        [](World& world) {
          world.add_pair("a", "a");
          for (int i = 0; i < 20; ++i)
            world.ec2.fail_next("AttachVolume", "RequestLimitExceeded", "Request limit exceeded.");
          world.add_master("i-0a11", "a");
        },
};

TEST(Faults, ThrottledCallsAreTriedAgain) {
  World world;
  EXPECT_TRUE(play(world, kThrottled).all_done);
  EXPECT_EQ(world.ec2.calls_of("AttachVolume"), 22);
}

TEST(Faults, ThrottledCallsHoweverInterrupted) {
  expect_same_end_however_interrupted(kThrottled);
}

Scenario const kOwnerRuns{
    .name = "old_owner_runs",
    .fill =
        [](World& world) {
          world.add_pair("a");
          world.add_owner("i-0old", "running", {"vol-main-a", "vol-events-a"});
          world.add_master("i-0a11", "a");
        },
    .limit = 2min,
};

TEST(Faults, WhatARunningInstanceHoldsIsNeverTakenFromIt) {
  World world;
  auto end = play(world, kOwnerRuns);
  EXPECT_EQ(end.row("volume-main").state, State::waiting);
  EXPECT_EQ(end.row("volume-main").message.reason, Reason::VolumeHeldElsewhere);
  EXPECT_THAT(end.row("volume-main").message.text, HasSubstr("i-0old"));
  EXPECT_EQ(held_by(world, "i-0old"), 2);
  EXPECT_EQ(world.ec2.mutating_calls(), 0);
}

TEST(Faults, ARunningOwnerHoweverInterrupted) {
  expect_same_end_however_interrupted(kOwnerRuns);
}

Scenario const kRace{
    .name = "two_masters_race",
    .fill =
        [](World& world) {
          world.add_pair("a", "a");
          world.ec2.describe_lag = 3s;  // the second sees as free what the first has taken
          world.add_master("i-0a11", "a");
          world.add_master("i-0a22", "a");
        },
    .limit = 2min,
};

TEST(Faults, OfTwoMastersInOneZoneOneTakesThePair) {
  World world;
  auto end = play(world, kRace);
  EXPECT_TRUE(end.all_done);
  EXPECT_EQ(held_by(world, "i-0a11"), 2);
  EXPECT_EQ(held_by(world, "i-0a22"), 0);
}

// Whoever comes second waits, whichever that is.
TEST(Faults, ARaceForOnePairHoweverInterrupted) {
  for (int k = 0; k < 12; ++k) {
    World world;
    kRace.fill(world);
    auto& first = *world.machines[0];
    auto& second = *world.machines[1];
    world.run({{first,
                [&] {
                  if (!first.boot(k, 1min).cut) return;
                  world.clock.sleep(2s, {});
                  first.boot(0, 1min);
                }},
               {second, [&] { second.boot(0, 2min); }}});
    int const one = held_by(world, "i-0a11");
    EXPECT_THAT(one, testing::AnyOf(0, 2)) << "cut at " << k;
    EXPECT_EQ(held_by(world, "i-0a22"), 2 - one) << "cut at " << k;
    EXPECT_EQ(second.ec2.attaches.size(), one == 2 ? 0u : 2u)
        << "who has not got main takes no events, cut at " << k;
    EXPECT_EQ(world.violations(), std::vector<std::string>()) << "cut at " << k;
  }
}

// Both pairs in one zone, for two masters.
Scenario const kRaceForTwo{
    .name = "two_masters_two_pairs",
    .fill =
        [](World& world) {
          for (std::string member : {"a", "b"})
            for (auto cluster : kEtcdClusters) {
              auto volume = world.volume(cluster, member);
              volume.zone = "eu-west-1a";
              world.add(volume);
            }
          world.ec2.describe_lag = 3s;
          world.add_master("i-0a11", "a");
          world.add_master("i-0a22", "a");
        },
    .limit = 2min,
};

TEST(Faults, TwoMastersAndTwoPairsEndWithAPairEach) {
  World world;
  EXPECT_TRUE(play(world, kRaceForTwo).all_done);
  EXPECT_EQ(held_by(world, "i-0a11"), 2);
  EXPECT_EQ(held_by(world, "i-0a22"), 2);
}

Scenario const kPending{
    .name = "instance_not_yet_running",
    .fill =
        [](World& world) {
          world.add_pair("a", "a");
          world.add_master("i-0a11", "a");
          world.ec2.set_instance_state("i-0a11", "pending");
          world.clock.at(8s, [&world] { world.ec2.set_instance_state("i-0a11", "running"); });
        },
};

TEST(Faults, AnInstanceThatEc2DoesNotShowAsRunningYetWaits) {
  World world;
  EXPECT_TRUE(play(world, kPending).all_done);
  EXPECT_GE(world.clock.elapsed(), 8s);
  EXPECT_LE(world.clock.elapsed(), 14s);
}

Scenario const kStuck{
    .name = "stuck_attaching",
    .fill =
        [](World& world) {
          world.add_pair("a", "a");
          world.ec2.looks_while_attaching = -1;
          world.disks.at("vol-main-a").appears_after = 24h;
          world.disks.at("vol-events-a").appears_after = 24h;
          world.ec2.on_call = [&world](std::string const& action) {
            if (action != "DetachVolume") return;
            world.ec2.looks_while_attaching = 1;
            world.disks.at("vol-main-a").appears_after = 1s;
            world.disks.at("vol-events-a").appears_after = 1s;
          };
          world.add_master("i-0a11", "a");
        },
};

TEST(Faults, AStuckAttachmentIsGivenUpAndAnotherNameIsTried) {
  World world;
  auto end = play(world, kStuck);
  EXPECT_TRUE(end.all_done);
  EXPECT_NE(world.ec2.volume("vol-main-a").attachments.at(0).device, "/dev/sdf");
  for (auto const& call : world.ec2.calls())
    EXPECT_EQ(std::ranges::count(call.arguments, "force"), 0) << call.action;
}

TEST(Faults, AStuckAttachmentHoweverInterrupted) {
  expect_same_end_however_interrupted(kStuck);
}

Scenario const kNoEvents{
    .name = "events_volume_missing",
    .fill =
        [](World& world) {
          world.add(world.volume(EtcdCluster::main, "a", "a"));
          world.add_master("i-0a11", "a");
        },
    .limit = 1min,
};

TEST(Faults, MainComesUpWhereTheEventsVolumeIsMissing) {
  World world;
  auto end = play(world, kNoEvents);
  EXPECT_EQ(end.row("mount-main").state, State::done);
  EXPECT_EQ(end.row("etcd-main").state, State::done);
  EXPECT_EQ(end.row("volume-events").state, State::waiting);
  EXPECT_THAT(end.row("volume-events").message.sentence(),
              AllOf(HasSubstr("k8s.io/etcd/events"), HasSubstr("eu-west-1a")));
}

TEST(Faults, AMissingEventsVolumeHoweverInterrupted) {
  expect_same_end_however_interrupted(kNoEvents);
}

Scenario const kLateDevice{
    .name = "late_device",
    .fill =
        [](World& world) {
          world.add_pair("a", "a");
          world.disks.at("vol-main-a").appears_after = 40s;
          world.add_master("i-0a11", "a").disks.swapped = true;
        },
};

TEST(Faults, ADiskMayComeLateAndInAnyOrder) {
  World world;
  auto end = play(world, kLateDevice);
  EXPECT_TRUE(end.all_done);
  EXPECT_GE(world.clock.elapsed(), 40s);
  EXPECT_EQ(std::get<volumes::Formatted>(world.disks.at("vol-main-a").contents).label,
            "haagent-main");
  EXPECT_EQ(std::get<volumes::Formatted>(world.disks.at("vol-events-a").contents).label,
            "haagent-events");
}

TEST(Faults, ALateDiskHoweverInterrupted) {
  expect_same_end_however_interrupted(kLateDevice);
}

}  // namespace
}  // namespace haagent::scenario
