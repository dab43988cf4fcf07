#include "agent/boot/best_effort.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/in_short.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

class Scripted final : public Step {
 public:
  std::string_view name() const override { return "scripted"; }
  Result<Finding> look(Facts&, std::stop_token) override { return finding(); }
  std::function<Result<Finding>()> finding = [this] {
    return Needed{Message(Reason::VolumeToRelease, "do it", "by hand").about("vol-1"),
                  [this](std::stop_token) {
                    ++acts;
                    return outcome;
                  }};
  };
  Result<void> outcome;
  int acts = 0;
};

class BestEffortTest : public testing::Test {
 protected:
  // The kind of the finding, its reason and its subject.
  std::string look() {
    found = step->look(facts, {});
    return test::in_short(found);
  }
  Result<void> act() { return std::get<Needed>(*found).act({}); }
  Result<Finding> found = Done{};
  Facts facts;
  test::FakeClock clock;
  std::unique_ptr<Scripted> made = std::make_unique<Scripted>();
  Scripted& inner = *made;
  std::unique_ptr<Step> step = best_effort(std::move(made), clock, 10s);
};

TEST_F(BestEffortTest, ADeniedActIsDoneAndTold) {
  EXPECT_EQ(look(), "needed: VolumeToRelease vol-1");
  inner.outcome = fail(Kind::denied, "ec2:DetachVolume is not allowed");
  EXPECT_TRUE(act());
  EXPECT_EQ(look(), "done: NotDone PermissionDenied");
  EXPECT_TRUE(message_of(*found).text.contains("ec2:DetachVolume"));
}

TEST_F(BestEffortTest, ATransientActIsTriedUntilTheTimeIsOver) {
  look();
  inner.outcome = fail(Kind::transient, "busy");
  EXPECT_FALSE(act());
  clock.advance(9s);
  EXPECT_EQ(look(), "needed: VolumeToRelease vol-1");
  clock.advance(2s);
  EXPECT_EQ(look(), "done: NotDone VolumeToRelease vol-1");
  EXPECT_TRUE(message_of(*found).text.contains("10 s"));
  EXPECT_FALSE(message_of(*found).advice.empty()) << "the advice is handed on";
}

TEST_F(BestEffortTest, AWaitEnds) {
  inner.finding = [] {
    return Result<Finding>(Waiting{Message(Reason::VolumeChanging, "it is detaching")});
  };
  EXPECT_EQ(look(), "waiting: VolumeChanging");
  clock.advance(11s);
  EXPECT_EQ(look(), "done: NotDone VolumeChanging");
}

TEST_F(BestEffortTest, AnActThatChangesNothingIsNotRepeated) {
  look();
  EXPECT_TRUE(act());
  EXPECT_EQ(look(), "done: NotDone VolumeToRelease vol-1");
}

TEST_F(BestEffortTest, ALookThatIsRefusedIsDone) {
  inner.finding = [] { return Result<Finding>(fail(Kind::refused, "no")); };
  EXPECT_EQ(look(), "done: NotDone DataAtRisk");
}

TEST_F(BestEffortTest, WhatSucceedsIsLeftAlone) {
  look();
  EXPECT_TRUE(act());
  inner.finding = [] { return Result<Finding>(Done{{Reason::VolumeReleased, "it is done"}}); };
  EXPECT_EQ(look(), "done: VolumeReleased");
  EXPECT_EQ(inner.acts, 1);
}

}  // namespace
}  // namespace haagent
