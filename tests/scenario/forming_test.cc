// Fresh masters: new clusters out of blank volumes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenario/interruptions.h"

namespace haagent::scenario {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;
using testing::HasSubstr;

Scenario const kOneFreshMaster{
    .name = "one_fresh_master",
    .fill =
        [](World& world) {
          world.add_pair("a", "a");
          world.add_master("i-0a11", "a");
        },
};

TEST(Forming, OneFreshMaster) {
  World world;
  EXPECT_TRUE(play(world, kOneFreshMaster).all_done);
  EXPECT_EQ(world.disks.at("vol-main-a").made, 1);
  EXPECT_EQ(world.etcd.members("prod.example.com-main")->size(), 1u);
}

// Who asks its own apiserver finds it there too: the labels of its Node are what is seen of that.
TEST(Forming, AMasterWhoseApiserverServesAtAnotherPort) {
  auto scenario = kOneFreshMaster;
  scenario.fill = [](World& world) {
    kOneFreshMaster.fill(world);
    world.machines.front()->config.apiserver.extra_args = {{"secure-port", "7443"}};
  };
  World world;
  EXPECT_TRUE(play(world, scenario).all_done);
  auto const node = world.machines.front()->kubernetes.node();
  auto const* metadata = node.find("metadata");
  ASSERT_NE(metadata, nullptr);
  auto const* labels = metadata->find("labels");
  ASSERT_NE(labels, nullptr);
  EXPECT_NE(labels->find("node-role.kubernetes.io/control-plane"), nullptr);
}

TEST(Forming, OneFreshMasterHoweverInterrupted) {
  expect_same_end_however_interrupted(kOneFreshMaster);
}

TEST(Forming, OneFreshMasterWithItsKubernetesFilesHoweverInterrupted) {
  expect_same_end_with_kube_files(kOneFreshMaster);
}

// Nobody has made the authorities yet, but for the service accounts' key, which takes its time.
TEST(Forming, OneFreshMasterThatMakesTheAuthoritiesHoweverInterrupted) {
  auto scenario = kOneFreshMaster;
  scenario.fill = [](World& world) {
    kOneFreshMaster.fill(world);
    for (auto const& [key, bytes] : world.store.objects())
      if (key != "pki/service-account.json") world.store.erase(key);
  };
  expect_same_end_with_kube_files(scenario);
}

TEST(Forming, OneFreshMasterKeepsToItsBudgetOfCalls) {
  World world;
  kOneFreshMaster.fill(world);
  world.run({{*world.machines[0], [&] { EXPECT_TRUE(world.machines[0]->boot().all_done); }}});
  auto const calls = world.ec2.calls();
  auto const first = std::ranges::find(calls, "AttachVolume", &test::FakeEc2::Call::action);
  auto describes = [](auto from, auto to) {
    return std::count_if(from, to,
                         [](auto const& call) { return call.action == "DescribeVolumes"; });
  };
  EXPECT_LE(describes(calls.begin(), first), 1);
  EXPECT_EQ(world.ec2.calls_of("AttachVolume"), 2);
  EXPECT_LE(describes(first, calls.end()), 4);
}

Scenario const kThreeFreshMasters{
    .name = "three_fresh_masters",
    .fill =
        [](World& world) {
          for (std::string member : {"a", "b", "c"}) world.add_pair(member);
          for (std::string member : {"a", "b", "c"})
            world.add_master("i-0" + member + "11", member);
        },
};

TEST(Forming, ThreeFreshMasters) {
  World world;
  EXPECT_TRUE(play(world, kThreeFreshMasters).all_done);
  for (std::string token : {"prod.example.com-main", "prod.example.com-events"})
    EXPECT_EQ(world.etcd.members(token)->size(), 3u);
  for (auto const& id : world.volume_ids) EXPECT_EQ(world.disks.at(id).made, 1) << id;
}

// It is in the list and may have voted, for all that the others know, so it learns first. etcd
// takes a member from 5 s after its voters have met; a boot that backed off from that would sleep
// on.
TEST(Forming, AThirdMasterThatIsLateIsAVoterAsSoonAsEtcdTakesIt) {
  World world;
  kThreeFreshMasters.fill(world);
  auto& late = *world.machines.back();
  late.backoff = {.base = 10min, .cap = 10min};
  Duration took{};
  world.run({{*world.machines[0], [&] { world.machines[0]->boot(); }},
             {*world.machines[1], [&] { world.machines[1]->boot(); }},
             {late, [&] {
                world.clock.sleep(1s, {});
                EXPECT_TRUE(late.boot().all_done);
                took = world.clock.elapsed();
              }}});
  EXPECT_LE(took, 8s);
  auto const members = *world.etcd.members("prod.example.com-main");
  ASSERT_EQ(members.size(), 3u);
  for (auto const& each : members) EXPECT_FALSE(each.learner) << each.name;
  EXPECT_EQ(world.violations(), std::vector<std::string>());
}

TEST(Forming, ThreeFreshMastersHoweverInterrupted) {
  expect_same_end_however_interrupted(kThreeFreshMasters);
}

}  // namespace
}  // namespace haagent::scenario
