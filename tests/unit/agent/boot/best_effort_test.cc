#include "agent/boot/best_effort.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

class Scripted final : public Step {
 public:
  std::string_view name() const override { return "scripted"; }
  Result<Finding> look(Facts&, std::stop_token) override { return finding(); }
  Result<void> act(Facts&, std::stop_token) override {
    ++acts;
    return outcome;
  }
  std::function<Result<Finding>()> finding = [] { return Needed{"do it"}; };
  Result<void> outcome;
  int acts = 0;
};

class BestEffortTest : public testing::Test {
 protected:
  // The kind of the finding and its sentence.
  std::string look() {
    found = step->look(facts, {});
    if (!found) return fmt::format("error: {}", found.error().message.text);
    auto const word = std::holds_alternative<Done>(*found)     ? "done"
                      : std::holds_alternative<Needed>(*found) ? "needed"
                                                               : "waiting";
    return fmt::format("{}: {}", word, sentence_of(*found));
  }
  Result<void> act() { return carry_out(*step, std::get<Needed>(*found), facts, {}); }
  Result<Finding> found = Done{};
  Facts facts;
  test::FakeClock clock;
  std::unique_ptr<Scripted> made = std::make_unique<Scripted>();
  Scripted& inner = *made;
  std::unique_ptr<Step> step = best_effort(std::move(made), clock, 10s);
};

TEST_F(BestEffortTest, ADeniedActIsDoneAndTold) {
  EXPECT_EQ(look(), "needed: do it");
  inner.outcome = fail(Kind::denied, "ec2:DetachVolume is not allowed");
  EXPECT_TRUE(act());
  EXPECT_EQ(look(), "done: not done: ec2:DetachVolume is not allowed");
}

TEST_F(BestEffortTest, ATransientActIsTriedUntilTheTimeIsOver) {
  look();
  inner.outcome = fail(Kind::transient, "busy");
  EXPECT_FALSE(act());
  clock.advance(9s);
  EXPECT_EQ(look(), "needed: do it");
  clock.advance(2s);
  EXPECT_EQ(look(), "done: not done: gave up after 10.0 s: do it");
}

TEST_F(BestEffortTest, AWaitEnds) {
  inner.finding = [] { return Result<Finding>(Waiting{"vol-1 is detaching"}); };
  EXPECT_EQ(look(), "waiting: vol-1 is detaching");
  clock.advance(11s);
  EXPECT_EQ(look(), "done: not done: gave up after 10.0 s: vol-1 is detaching");
}

TEST_F(BestEffortTest, AnActThatChangesNothingIsNotRepeated) {
  look();
  EXPECT_TRUE(act());
  EXPECT_EQ(look(), "done: not done: tried in vain to do it");
}

TEST_F(BestEffortTest, ALookThatIsRefusedIsDone) {
  inner.finding = [] { return Result<Finding>(fail(Kind::refused, "no")); };
  EXPECT_EQ(look(), "done: not done: no");
}

TEST_F(BestEffortTest, WhatSucceedsIsLeftAlone) {
  look();
  EXPECT_TRUE(act());
  inner.finding = [] { return Result<Finding>(Done{"it is done"}); };
  EXPECT_EQ(look(), "done: it is done");
  EXPECT_EQ(inner.acts, 1);
}

}  // namespace
}  // namespace haagent
