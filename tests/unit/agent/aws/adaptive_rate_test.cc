#include "agent/aws/adaptive_rate.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

class AdaptiveRateTest : public testing::Test {
 protected:
  // How long the next call waits for its turn.
  Duration waited() {
    auto before = clock.steady();
    EXPECT_TRUE(rate.wait({}));
    return std::chrono::duration_cast<Duration>(clock.steady() - before);
  }

  test::FakeClock clock;
  AdaptiveRate rate{clock, {.per_second = 10, .burst = 20}};
};

TEST_F(AdaptiveRateTest, BurstGoesAtOnceAndTheRestAtFullSpeed) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(waited(), 0ms);
  EXPECT_EQ(waited(), 100ms);
  EXPECT_EQ(waited(), 100ms);
}

TEST_F(AdaptiveRateTest, EachThrottleHalvesTheSpeedDownToAFloor) {
  rate.throttled();
  EXPECT_EQ(waited(), 200ms);
  rate.throttled();
  EXPECT_EQ(waited(), 400ms);
  for (int i = 0; i < 20; ++i) rate.throttled();
  EXPECT_EQ(waited(), 5000ms);
}

TEST_F(AdaptiveRateTest, SuccessGivesTheSpeedBack) {
  for (int i = 0; i < 20; ++i) rate.throttled();
  EXPECT_EQ(waited(), 5000ms);
  rate.succeeded();
  EXPECT_LT(waited(), 1500ms);
  for (int i = 0; i < 30; ++i) rate.succeeded();
  EXPECT_EQ(waited(), 100ms);
}

TEST_F(AdaptiveRateTest, StoppedWaitSaysSo) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(rate.wait(stop.get_token()));
  rate.throttled();
  EXPECT_FALSE(rate.wait(stop.get_token()));
}

}  // namespace
}  // namespace haagent::aws
