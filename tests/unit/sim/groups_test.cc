#include "tests/sim/groups.h"

#include <gmock/gmock.h>

namespace haagent::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Zone> const kZones = {{"a", "az1", "10.0.0.1", true},
                                  {"b", "az2", "10.0.16.1", true},
                                  {"c", "az3", "10.0.32.1", true}};

Group group(int desired, std::vector<std::string> zones = {"a", "b", "c"}) {
  Group group;
  group.name = "workers";
  group.zones = std::move(zones);
  group.max = 9;
  group.desired = desired;
  return group;
}

Instance member(std::string id, std::string zone, InstanceState state = InstanceState::running,
                std::string lifecycle = "InService") {
  Instance instance;
  instance.id = std::move(id);
  instance.zone = std::move(zone);
  instance.group = "workers";
  instance.state = state;
  instance.lifecycle = std::move(lifecycle);
  return instance;
}

TEST(PlanGroup, FillsTheEmptiestZoneFirst) {
  EXPECT_THAT(plan_group(group(4), {member("1", "a")}, kZones).launches,
              ElementsAre("b", "c", "a"));
}

TEST(PlanGroup, LeavesWhatIsRightAlone) {
  auto const plan = plan_group(group(1), {member("1", "b", InstanceState::pending)}, kZones);
  EXPECT_THAT(plan.launches, IsEmpty());
  EXPECT_THAT(plan.terminations, IsEmpty());
}

TEST(PlanGroup, CountsNeitherTheDyingNorThoseOnTheirWayOut) {
  EXPECT_THAT(plan_group(group(1, {"a"}),
                         {member("1", "a", InstanceState::shutting_down),
                          member("2", "a", InstanceState::terminated),
                          member("3", "a", InstanceState::running, "Terminating:Wait")},
                         kZones)
                  .launches,
              ElementsAre("a"));
}

TEST(PlanGroup, EndsTheStoppedAndReplacesThem) {
  auto const plan = plan_group(group(1, {"a"}), {member("1", "a", InstanceState::stopped)}, kZones);
  EXPECT_THAT(plan.launches, ElementsAre("a"));
  EXPECT_THAT(plan.terminations, ElementsAre("1"));
}

TEST(PlanGroup, LaunchesOnlyWhereTheZoneIsUp) {
  auto zones = kZones;
  zones[0].up = false;
  EXPECT_THAT(plan_group(group(2), {}, zones).launches, ElementsAre("b", "c"));
  EXPECT_THAT(plan_group(group(2, {"a"}), {}, zones).launches, IsEmpty());
}

TEST(PlanGroup, ShrinksTheFullestZoneOldestFirst) {
  auto old = member("9", "b");
  auto young = member("1", "b");
  young.launch_time = old.launch_time + std::chrono::hours(1);
  EXPECT_THAT(plan_group(group(1), {member("5", "a"), young, old}, kZones).terminations,
              ElementsAre("9", "5"));
}

}  // namespace
}  // namespace haagent::sim
