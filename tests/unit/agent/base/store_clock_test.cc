#include "agent/base/store_clock.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/wrong_clock.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

TEST(ClockOffset, IsWrongFromTwoMinutesAndRightAgainBelowOne) {
  struct Row {
    Duration ahead;
    bool was_right, was_wrong;  // what is found after each
  };
  for (auto const& [ahead, was_right, was_wrong] :
       {Row{0s, false, false}, Row{60s, false, false}, Row{61s, false, true},
        Row{120s, false, true}, Row{121s, true, true}, Row{17'520h, true, true}})
    for (auto const sign : {1, -1}) {
      EXPECT_EQ(clock_is_wrong(false, sign * ahead), was_right) << to_words(ahead);
      EXPECT_EQ(clock_is_wrong(true, sign * ahead), was_wrong) << to_words(ahead);
    }
}

struct StoreClockTest : testing::Test {
  test::FakeClock world;
  test::WrongClock own{world};
  test::MemoryStore store{world};
  StoreClock time{store, own};
};

TEST_F(StoreClockTest, ItGoesByTheStoreOnceTheStoreHasSpoken) {
  own.set_ahead(26h);
  EXPECT_EQ(time.utc(), own.utc()) << "nobody has told it better";
  EXPECT_FALSE(time.known().ahead);
  EXPECT_EQ(time.read({}).value(), world.utc());
  EXPECT_EQ(time.utc(), world.utc());
  EXPECT_EQ(time.known().ahead, Duration(26h));
  own.set_ahead(-26h);
  world.advance(59min);
  EXPECT_EQ(time.utc(), world.utc()) << "a step of this machine's clock moves nothing";
  world.advance(2min);
  EXPECT_EQ(time.utc(), own.utc()) << "an old answer says too little";
}

TEST_F(StoreClockTest, AWrongClockIsToldAndComesBack) {
  EXPECT_TRUE(time.agreed({}));
  for (auto const ahead : {Duration(40min), Duration(-40min), Duration(2 * 8760h)}) {
    own.set_ahead(ahead);
    auto const answer = time.agreed({});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, Kind::transient);
    EXPECT_TRUE(time.known().wrong);
    EXPECT_EQ(answer.error().message.reason, Reason::ClockWrong);
    EXPECT_TRUE(answer.error().message.text.contains("memory://state"))
        << answer.error().message.text;
    EXPECT_EQ(time.known().ahead, ahead);
    own.set_ahead(90s);
    EXPECT_FALSE(time.agreed({})) << "between the bounds nothing changes";
    own.set_ahead(0s);
    EXPECT_EQ(time.agreed({}).value(), world.utc());
    EXPECT_FALSE(time.known().wrong);
    EXPECT_EQ(time.trouble(), "");
    own.set_ahead(90s);
    EXPECT_TRUE(time.agreed({})) << "between the bounds nothing changes";
  }
}

TEST_F(StoreClockTest, AStoreThatDoesNotAnswerSaysNothingOfTheClock) {
  own.set_ahead(40min);
  store.fail_all(Kind::transient);
  EXPECT_EQ(time.agreed({}).error().kind, Kind::transient);
  EXPECT_FALSE(time.known().wrong);
  EXPECT_FALSE(time.known().ahead);
}

}  // namespace
}  // namespace haagent
