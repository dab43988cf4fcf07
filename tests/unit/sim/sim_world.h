// A region in memory with a clock that the test moves.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "tests/sim/region.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_hosts.h"

namespace haagent::sim {

inline RegionSpec three_zones() {
  RegionSpec spec;
  spec.seed = 7;
  spec.operators = {{"AKIAOPERATOR00000000", "operator-secret"}};
  for (char letter : {'a', 'b', 'c'}) {
    auto const zone = fmt::format("eu-west-1{}", letter);
    spec.zones.push_back({zone, fmt::format("10.0.{}.1", (letter - 'a') * 16)});
    for (auto const* cluster : {"main", "events"}) {
      VolumeSpec volume;
      volume.name = fmt::format("{}-{}", cluster, letter);
      volume.zone = zone;
      volume.tags = {{fmt::format("k8s.io/etcd/{}", cluster), fmt::format("{}/a,b,c", letter)},
                     {"kubernetes.io/cluster/demo", "owned"}};
      spec.volumes.push_back(volume);
    }
    Group group;
    group.name = fmt::format("masters-{}", letter);
    group.zones = {zone};
    group.min = group.max = group.desired = 1;
    group.launch.role = "master";
    group.launch.user_data = "role: master\n";
    group.launch.argv = {"/usr/sbin/haagent", "run"};
    group.launch.tags = {{"Name", group.name}};
    group.balanced = true;
    spec.groups.push_back(group);
  }
  return spec;
}

struct World {
  explicit World(RegionSpec spec = three_zones()) : region(std::move(spec), hosts, clock, strands) {
    EXPECT_TRUE(region.start());
  }

  // Time in small steps, as it would pass.
  void pass(Duration duration) {
    constexpr Duration kStep{50};
    for (Duration gone{0}; gone < duration; gone += kStep) {
      clock.advance(std::min(kStep, duration - gone));
      region.tick();
    }
  }
  // Until the first instances run.
  void boot() { pass(region.delays().launch + region.delays().running); }

  std::vector<Instance> members(std::string const& group) {
    std::vector<Instance> found;
    for (auto const& [_, instance] : region.view().instances) {
      if (instance.group == group && instance.is_alive()) found.push_back(instance);
    }
    return found;
  }
  Instance member(std::string const& group) {
    auto found = members(group);
    EXPECT_EQ(found.size(), 1u) << group;
    return found.empty() ? Instance{} : found.front();
  }
  std::string volume(std::string const& name) {
    for (auto const& [id, volume] : region.view().volumes) {
      if (volume.name == name) return id;
    }
    ADD_FAILURE() << "no volume " << name;
    return "";
  }
  Volume shown(std::string const& id, bool lagging = false) {
    return region.view(lagging).volumes.at(id);
  }
  InstanceState state_of(std::string const& id) { return region.instance(id)->state; }
  bool happened(std::string const& subject, std::string const& what) {
    auto const events = region.timeline().events();
    return std::any_of(events.begin(), events.end(), [&](auto const& event) {
      return event.subject == subject && event.what == what;
    });
  }

  test::FakeClock clock;
  test::FakeHosts hosts;
  InlineStrands strands;
  Region region;
};

}  // namespace haagent::sim
