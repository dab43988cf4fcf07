// Clusters that have been running: successors, reboots, members that lost their disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "agent/aws/etcd_volume.h"
#include "agent/base/volume_marker.h"
#include "tests/scenario/interruptions.h"
#include "tests/support/kube_nodes.h"

namespace haagent::scenario {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;
using testing::AllOf;
using testing::HasSubstr;

Scenario const kSuccessor{
    .name = "successor_of_a_dead_master",
    .fill =
        [](World& world) {
          world.add_formed_clusters(World::Peers::up);
          world.add_owner("i-0dead", "running", {"vol-main-a", "vol-events-a"});
          world.ec2.detach_time = 90s;
          world.ec2.set_instance_state("i-0dead", "terminated");
          world.ec2.detach_time = 0s;
          world.add_master("i-0a11", "a");
        },
};

TEST(Replacing, ASuccessorTakesTheVolumesOnceTheyAreReleased) {
  World world;
  EXPECT_TRUE(play(world, kSuccessor).all_done);
  EXPECT_EQ(world.ec2.calls_of("DetachVolume"), 0) << "nothing is taken by force";
  EXPECT_EQ(world.disks.at("vol-main-a").made, 0);
  for (std::string id : {"vol-main-a", "vol-events-a"}) {
    auto const held = world.ec2.volume(id).attachments.at(0);
    EXPECT_EQ(held.instance_id, "i-0a11");
    EXPECT_LE(held.attach_time, to_rfc3339(test::VirtualClock::kStart + 95s, true))
        << "ours within 5 s of its release";
  }
}

TEST(Replacing, ASuccessorHoweverInterrupted) {
  expect_same_end_however_interrupted(kSuccessor);
}

// a's volumes anew: blank, untagged, under new ids.
void lose_disks_of_a(World& world) {
  for (auto cluster : kEtcdClusters) {
    world.remove(fmt::format("vol-{}-a", to_string(cluster)));
    auto fresh = world.volume(cluster, "a");
    fresh.id = fmt::format("vol-{}-new", to_string(cluster));
    world.add(fresh);
  }
}

Scenario const kLostDisk{
    .name = "blank_volume_and_a_quorum_of_peers",
    .fill =
        [](World& world) {
          world.add_formed_clusters(World::Peers::up);
          lose_disks_of_a(world);
          world.add_master("i-0a11", "a");
        },
};

TEST(Replacing, AMemberThatLostItsDiskComesBackAsALearner) {
  World world;
  EXPECT_TRUE(play(world, kLostDisk).all_done);
  auto const members = *world.etcd.members("prod.example.com-main");
  ASSERT_EQ(members.size(), 3u);
  for (auto const& each : members) EXPECT_FALSE(each.learner) << each.name;
}

TEST(Replacing, AMemberThatLostItsDiskHoweverInterrupted) {
  expect_same_end_however_interrupted(kLostDisk);
}

// The next voter that is asked says that the URL is taken: by this very member, as the next look
// finds out. Were it taken for a conflict with somebody else, the boot would end here.
TEST(Replacing, AChangeWhoseAnswerIsLostIsFoundDone) {
  for (std::string change : {"/member/add", "/member/remove", "/member/promote"}) {
    World world;
    kLostDisk.fill(world);
    auto& machine = *world.machines.front();
    machine.http.loses_answer_to = change;
    world.run({{machine, [&] {
                  auto const end = machine.boot(0, 5min);
                  EXPECT_TRUE(end.all_done) << change << ": " << end.row("etcd-main").message.text
                                            << "; " << end.row("etcd-events").message.text;
                }}});
    EXPECT_EQ(machine.http.loses_answer_to, "") << "nothing was lost";
    auto const members = *world.etcd.members("prod.example.com-main");
    EXPECT_EQ(members.size(), 3u);
    for (auto const& each : members) EXPECT_FALSE(each.learner) << each.name;
    EXPECT_EQ(world.violations(), std::vector<std::string>());
  }
}

Scenario const kSiblingsKnow{
    .name = "blank_volume_and_silent_siblings",
    .fill =
        [](World& world) {
          world.add_formed_clusters(World::Peers::down);
          lose_disks_of_a(world);
          world.add_master("i-0a11", "a");
        },
    .limit = 1min,
};

TEST(Replacing, ABlankMemberWaitsWhileItsSiblingsVolumesKnowACluster) {
  World world;
  auto end = play(world, kSiblingsKnow);
  EXPECT_EQ(end.row("etcd-main").state, State::waiting);
  EXPECT_EQ(end.row("etcd-main").message.reason, Reason::ClusterSilent);
  EXPECT_THAT(end.row("etcd-main").message.sentence(),
              AllOf(HasSubstr("vol-main-b"), HasSubstr("etcd restore")));
  EXPECT_FALSE(
      std::filesystem::exists(world.machines[0]->root("/var/lib/haagent-etcd/main/data/member")))
      << "it has formed a cluster of its own";
}

TEST(Replacing, ABlankMemberAndSilentSiblingsHoweverInterrupted) {
  expect_same_end_however_interrupted(kSiblingsKnow);
}

// Every file and folder, with what would change if it were written.
std::map<std::string, std::string> files_of(Machine const& machine) {
  std::map<std::string, std::string> files;
  auto const top = machine.root.directory();
  for (auto const& entry : std::filesystem::recursive_directory_iterator(top)) {
    auto const name = "/" + std::filesystem::relative(entry.path(), top).string();
    if (name.starts_with("/run/haagent")) continue;
    files[name] = fmt::format("{} {}", entry.last_write_time().time_since_epoch().count(),
                              entry.is_regular_file() ? test::bytes_of(entry.path()) : "");
  }
  return files;
}

// What a boot finds all done, it leaves alone.
TEST(Replacing, ASecondBootChangesNothing) {
  World world;
  kSuccessor.fill(world);
  auto& machine = *world.machines.front();
  world.run({{machine, [&] {
                ASSERT_TRUE(machine.boot().all_done);
                auto const before = files_of(machine);
                int const calls = machine.ec2.calls;
                auto second = machine.boot();
                EXPECT_TRUE(second.all_done);
                // A hello is said in each boot: only the others know whether they have heard it.
                for (auto const& row : second.rows)
                  EXPECT_TRUE(row.acts == 0 || row.name == "announce") << row.name;
                EXPECT_EQ(machine.power.points(), std::vector<std::string>());
                EXPECT_EQ(files_of(machine), before);
                EXPECT_EQ(machine.ec2.calls, calls);
              }}});
}

TEST(Replacing, ARebootWorksWithEc2Down) {
  for (auto const* scenario : {&kSuccessor, &kLostDisk}) {
    World world;
    scenario->fill(world);
    auto& machine = *world.machines.front();
    world.run({{machine, [&] {
                  ASSERT_TRUE(machine.boot().all_done);
                  machine.lose_power();
                  machine.ec2.reachable = false;
                  machine.ec2.calls = 0;
                  auto again = machine.boot(0, 5min);
                  EXPECT_TRUE(again.all_done);
                  EXPECT_EQ(machine.ec2.calls, 0);
                }}});
    EXPECT_EQ(world.violations(), std::vector<std::string>());
  }
}

TEST(Workers, NeverCallEc2) {
  World world;
  auto config = test::kube_worker();
  config.cluster.pod_network = kNoPodNetwork;  // of a program of its own
  auto& worker = world.add_machine("i-0abc", "a", config);
  worker.ec2.reachable = false;
  test::write_bytes(worker.root("/etc/kubernetes/bootstrap-kubelet.conf"), "kind: Config\n");
  world.run({{worker, [&] { EXPECT_TRUE(worker.boot().all_done); }}});
  EXPECT_EQ(worker.ec2.calls, 0);
  EXPECT_TRUE(std::filesystem::exists(worker.root("/var/lib/kubelet/config.yaml")));
}

}  // namespace
}  // namespace haagent::scenario
