#include "agent/runtime/log_throttle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "agent/runtime/log.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;

RowStatus row(State state, Message message = {}, int attempts = 0, std::optional<Kind> error = {}) {
  RowStatus status;
  status.name = "volume-main";
  status.state = state;
  status.message = std::move(message);
  status.attempts = attempts;
  status.error = error;
  return status;
}

UtcTime const kNow = UtcTime(1'768'472'100s);

bool is_told(LogThrottle& told, RowStatus const& row) {
  return told.news_of(row, kNow) != News::none;
}

Message const kNone(Reason::VolumeMissing, "no volume of eu-west-1a is tagged k8s.io/etcd/main");
Message const kThrottled =
    Message(Reason::Unavailable, "DescribeVolumes: RequestLimitExceeded").about("DescribeVolumes");
Message const kHeld = Message(Reason::VolumeHeldElsewhere, "vol-1 is held by i-2").about("vol-1");
Message const kFree = Message(Reason::VolumeFree, "attach vol-1").about("vol-1");
Message const kAttached = Message(Reason::VolumeAttached, "vol-1 is attached").about("vol-1");
Message const kServes(Reason::EtcdServing, "etcd-a serves");

TEST(LogThrottle, AWaitIsToldOnceHoweverOftenItIsLookedAtAndRetried) {
  LogThrottle told;
  EXPECT_TRUE(is_told(told, row(State::waiting, kNone)));
  for (int attempt = 1; attempt < 9; ++attempt) {
    EXPECT_EQ(is_told(told, row(State::retrying, kThrottled, attempt, Kind::transient)),
              attempt == 1);
    EXPECT_FALSE(is_told(told, row(State::waiting, kNone, attempt)));
  }
  EXPECT_TRUE(is_told(told, row(State::failed, kNone)));
  EXPECT_FALSE(is_told(told, row(State::waiting, kNone)));
}

TEST(LogThrottle, WhatItWaitsForNextIsNews) {
  LogThrottle told;
  EXPECT_TRUE(is_told(told, row(State::waiting, kNone)));
  EXPECT_TRUE(is_told(told, row(State::waiting, kHeld)));
  EXPECT_TRUE(is_told(told, row(State::acting, kFree)));
  EXPECT_TRUE(is_told(told, row(State::retrying, kFree, 1, Kind::transient)));
}

TEST(LogThrottle, AfterItWasDoneAllIsNewsAgain) {
  LogThrottle told;
  EXPECT_TRUE(is_told(told, row(State::waiting, kNone)));
  EXPECT_TRUE(is_told(told, row(State::done, kAttached)));
  EXPECT_FALSE(is_told(told, row(State::done, kAttached))) << "each look finds that";
  EXPECT_TRUE(is_told(told, row(State::drifted, kNone)));
  EXPECT_TRUE(is_told(told, row(State::done, kAttached))) << "it is well again";
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
  auto const well = row(State::done, kServes);
  auto const alone = row(
      State::done, Message(Reason::EtcdMemberDown, "etcd-a serves; c does not answer").about("c"));
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
  EXPECT_TRUE(is_told(told, row(State::waiting, kHeld)));
}

// Figures and better words are none.
TEST(LogThrottle, TheSameInOtherWordsIsNoNews) {
  LogThrottle told;
  auto waits = [](std::string text, std::string subject) {
    return row(State::waiting,
               Message(Reason::EtcdStarting, std::move(text)).about(std::move(subject)));
  };
  EXPECT_TRUE(is_told(told, waits("etcd-a starts: 3 s", "b")));
  EXPECT_FALSE(is_told(told, waits("etcd-a begins: 4 s", "b")));
  EXPECT_TRUE(is_told(told, waits("etcd-a begins: 5 s", "b,c")));
}

TEST(Log, ATransitionHasFieldsInTheJournal) {
  auto drifted = row(State::drifted, kHeld);
  EXPECT_EQ(log::journal_fields(drifted, News::line, kNow),
            (std::vector<std::string>{
                "MESSAGE=" + log::transition_line(drifted, News::line, kNow), "PRIORITY=4",
                "SYSLOG_IDENTIFIER=haagent", "HAAGENT_STEP=volume-main", "HAAGENT_STATE=drifted",
                "MESSAGE_ID=" + log::message_id(Reason::VolumeHeldElsewhere),
                "HAAGENT_REASON=VolumeHeldElsewhere", "HAAGENT_SUBJECT=vol-1"}));
  EXPECT_EQ(log::message_id(Reason::VolumeHeldElsewhere).size(), 32u);
}

TEST(LogThrottle, AClockThatIsSetBackKeepsNothingQuiet) {
  LogThrottle told;
  for (int i = 0; i < 20; ++i)
    for (auto state : {State::waiting, State::done}) told.news_of(row(state, kNone), kNow);
  EXPECT_NE(told.news_of(row(State::waiting, kNone), kNow - 24h), News::none);
}

TEST(LogThrottle, TheLastLineSaysSo) {
  auto const well = row(State::done, kServes);
  EXPECT_EQ(log::transition_line(well, News::line, kNow),
            "step=volume-main state=done reason=EtcdServing what=\"" + well.message.text + "\"");
  EXPECT_EQ(log::transition_line(well, News::last_line, kNow),
            "step=volume-main state=done reason=EtcdServing "
            R"(note="5 times within 10 min: left out for now, see 'haagent status'" what=")" +
                well.message.text + "\"");
}

TEST(Log, ACommandInALineCanBeRunAsItIs) {
  Message const create(Reason::VolumeMissing, "no volume",
                       R"(run: aws ec2 create-tags --tags 'Key=k,Value="a/a,b"')");
  EXPECT_TRUE(log::transition_line(row(State::waiting, create), News::line, kNow)
                  .ends_with(R"( 'Key=k,Value="a/a,b"'")"));
  EXPECT_EQ(log::transition_line(row(State::waiting, {Reason::VolumeMissing, "two\nlines"}),
                                 News::line, kNow)
                .find('\n'),
            std::string::npos);
}

}  // namespace
}  // namespace haagent
