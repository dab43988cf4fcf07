#include "agent/timeline/picture.h"
#include "agent/base/critical_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/timeline/svg.h"
#include "agent/timeline/text.h"
#include "tests/support/golden.h"
#include "tests/unit/agent/timeline/records.h"

namespace haagent::timeline {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

Lane const& lane(Picture const& picture, std::string_view name) {
  return *std::ranges::find(picture.lanes, name, &Lane::name);
}

TEST(Picture, TheCriticalPathIsWhatWasWaitedForLast) {
  EXPECT_THAT(critical_path(made_boot().rows), ElementsAre("config", "volume", "etcd"));
  auto circle = made_boot();
  circle.rows[0].after = {"etcd"};
  EXPECT_THAT(critical_path(circle.rows), ElementsAre("config", "volume", "etcd"));
}

TEST(Picture, SaysByHowMuchMoreAStepCouldHaveTaken) {
  auto const picture = picture_of(made_boot(), nullptr);
  EXPECT_EQ(lane(picture, "pki").slack, 2s);
  for (auto const* name : {"config", "volume", "etcd"}) EXPECT_EQ(lane(picture, name).slack, 0s);
  EXPECT_EQ(lane(picture, "etcd").waited_for, "volume");
}

TEST(Picture, BeginsWithWhatIsKnownFirstAndEndsWhenReady) {
  auto picture = picture_of(made_boot(), nullptr);
  EXPECT_EQ(picture.begin, -6s);
  EXPECT_EQ(picture.end, 16s);
  EXPECT_EQ(lane(picture, "machine").end, 16s) << "systemd went on";
  auto of_agent = made_boot();
  of_agent.stages.clear();
  EXPECT_EQ(picture_of(of_agent, nullptr).begin, 10s);
}

TEST(Picture, ABootThatGoesOnHasNoSlack) {
  auto record = made_boot();
  record.ready.reset();
  record.rows[3].finished.reset();
  record.rows[3].spans.back().end = 20s;
  auto const picture = picture_of(record, nullptr);
  EXPECT_EQ(picture.end, 20s);
  EXPECT_FALSE(lane(picture, "etcd").done);
  EXPECT_FALSE(lane(picture, "pki").slack);
}

// The one before took a second less of EC2.
BootRecord before() {
  auto record = made_boot();
  record.agent_started += 100s;
  for (auto& each : record.stages) each.begin += 100s, each.end += 100s;
  for (auto& each : record.rows) *each.began += 100s, *each.finished += 100s;
  *record.rows[1].finished -= 1s;
  *record.rows[3].began -= 1s;
  *record.rows[3].finished -= 1s;
  record.ready = 115s;
  return record;
}

TEST(Picture, AnotherBootIsLaidUponItFromItsOwnBeginning) {
  auto const then = before();
  auto const picture = picture_of(made_boot(), &then);
  auto const ghost = lane(picture, "volume").ghost;
  ASSERT_TRUE(ghost);
  EXPECT_EQ(ghost->begin, 11s);
  EXPECT_EQ(ghost->end, 12500ms);
}

TEST(Picture, ANodesClockPlacesItAmongTheOthers) {
  auto other = made_boot();
  other.node = "ip-10-0-0-6";
  other.kernel_started += 5s;
  auto const picture = cluster_picture({other, made_boot()});
  ASSERT_EQ(picture.lanes.size(), 2U);
  EXPECT_EQ(picture.lanes[0].name, "ip-10-0-0-5");
  EXPECT_EQ(picture.lanes[1].begin - picture.lanes[0].begin, 5s);
  EXPECT_EQ(picture.took(), 27s);
}

// Read before it is accepted.
TEST(Timeline, LooksAsAPersonHasReadIt) {
  auto const then = before();
  auto const picture = picture_of(made_boot(), &then);
  EXPECT_TRUE(
      test::matches_golden("timeline/boot.txt", text_of(picture, {.width = 80, .all = true})));
  EXPECT_TRUE(test::matches_golden("timeline/compared.txt", comparison_of(made_boot(), then, {})));
  EXPECT_TRUE(test::matches_golden("timeline/boot.svg", svg_of(picture)));
}

TEST(Timeline, FitsItsTerminal) {
  auto const picture = picture_of(made_boot(), nullptr);
  for (int const width : {80, 100, 132, 200}) {
    std::istringstream page(text_of(picture, {.width = width, .all = true}));
    std::string line;
    std::getline(page, line);  // the title
    while (std::getline(page, line))
      EXPECT_LE(line.size(), static_cast<std::size_t>(width)) << line;
  }
}

}  // namespace
}  // namespace haagent::timeline
