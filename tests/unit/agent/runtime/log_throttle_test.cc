#include "agent/runtime/log_throttle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "agent/runtime/log.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;

RowStatus row(State state, std::string sentence = {}, int attempts = 0,
              std::optional<Kind> error = {}) {
  RowStatus status;
  status.name = "volume-main";
  status.state = state;
  status.message.text = std::move(sentence);
  status.attempts = attempts;
  status.error = error;
  return status;
}

UtcTime const kNow = UtcTime(1'768'472'100s);

bool is_told(LogThrottle& told, RowStatus const& row) {
  return told.news_of(row, kNow) != News::none;
}

std::string const kNone = "no volume of eu-west-1a is tagged k8s.io/etcd/main";
std::string const kThrottled = "DescribeVolumes: RequestLimitExceeded";

TEST(LogThrottle, AWaitIsToldOnceHoweverOftenItIsLookedAtAndRetried) {
  LogThrottle told;
  EXPECT_TRUE(is_told(told, row(State::waiting, kNone)));
  for (int attempt = 1; attempt < 9; ++attempt) {
    EXPECT_EQ(is_told(told, row(State::retrying, kThrottled, attempt, Kind::transient)),
              attempt == 1);
    EXPECT_FALSE(is_told(told, row(State::waiting, kNone, attempt)));
  }
  EXPECT_TRUE(is_told(told, row(State::failed, "gave up after 15 min: " + kNone)));
  EXPECT_FALSE(is_told(told, row(State::waiting, kNone)));
}

TEST(LogThrottle, WhatItWaitsForNextIsNews) {
  LogThrottle told;
  EXPECT_TRUE(is_told(told, row(State::waiting, kNone)));
  EXPECT_TRUE(is_told(told, row(State::waiting, "vol-1 is held by i-2")));
  EXPECT_TRUE(is_told(told, row(State::acting, "attach vol-1")));
  EXPECT_TRUE(is_told(told, row(State::retrying, "attach vol-1", 1, Kind::transient)));
}

TEST(LogThrottle, AfterItWasDoneAllIsNewsAgain) {
  LogThrottle told;
  EXPECT_TRUE(is_told(told, row(State::waiting, kNone)));
  EXPECT_TRUE(is_told(told, row(State::done, "vol-1 is attached")));
  EXPECT_FALSE(is_told(told, row(State::done, "vol-1 is attached"))) << "each look finds that";
  EXPECT_TRUE(is_told(told, row(State::drifted, kNone)));
  EXPECT_TRUE(is_told(told, row(State::done, "vol-1 is attached"))) << "it is well again";
  EXPECT_TRUE(is_told(told, row(State::waiting, kNone)));
}

TEST(LogThrottle, RowsAreToldEachForItself) {
  LogThrottle told;
  auto other = row(State::waiting, kNone);
  other.name = "volume-events";
  EXPECT_TRUE(is_told(told, row(State::waiting, kNone)));
  EXPECT_TRUE(is_told(told, other));
  told.forget();
  EXPECT_TRUE(is_told(told, row(State::waiting, kNone)));
}

// A look each 5 s, and a peer that answers every other one.
TEST(LogThrottle, WhatComesAndGoesIsToldAFewTimesAndThenWhatHolds) {
  auto const well = row(State::done, "etcd-a serves");
  auto const alone = row(State::done, "etcd-a serves; c does not answer");
  LogThrottle told;
  std::vector<News> news;
  auto now = kNow;
  for (; now < kNow + LogThrottle::kQuiet; now += 10s) {
    news.push_back(told.news_of(well, now));
    news.push_back(told.news_of(alone, now + 5s));
  }
  using enum News;
  EXPECT_EQ(std::vector(news.begin(), news.begin() + 12),
            (std::vector{line, line, line, line, line, line, line, line, last_line, last_line, none,
                         none}));
  EXPECT_EQ(std::ranges::count(news, none), static_cast<std::ptrdiff_t>(news.size()) - 10);
  // It stays as it is, and is looked at again and again.
  EXPECT_EQ(told.news_of(alone, now + 5s), line);
  EXPECT_EQ(told.news_of(alone, now + 10s), none);
}

TEST(LogThrottle, WhatIsSaidInOtherWordsIsNewsInTheMiddleOfThat) {
  LogThrottle told;
  for (int i = 0; i < 20; ++i)
    for (auto state : {State::waiting, State::done}) told.news_of(row(state, kNone), kNow);
  EXPECT_FALSE(is_told(told, row(State::waiting, kNone)));
  EXPECT_TRUE(is_told(told, row(State::failed, kNone)));
  EXPECT_TRUE(is_told(told, row(State::waiting, "vol-1 is held by i-2")));
}

TEST(LogThrottle, AClockThatIsSetBackKeepsNothingQuiet) {
  LogThrottle told;
  for (int i = 0; i < 20; ++i)
    for (auto state : {State::waiting, State::done}) told.news_of(row(state, kNone), kNow);
  EXPECT_NE(told.news_of(row(State::waiting, kNone), kNow - 24h), News::none);
}

TEST(LogThrottle, TheLastLineSaysSo) {
  auto const well = row(State::done, "etcd-a serves");
  EXPECT_EQ(log::transition_line(well, News::line, kNow),
            R"(step=volume-main state=done what="etcd-a serves")");
  EXPECT_EQ(log::transition_line(well, News::last_line, kNow),
            R"(step=volume-main state=done what="etcd-a serves" )"
            R"(note="5 times within 10 min: left out for now, see 'haagent status'")");
}

}  // namespace
}  // namespace haagent
