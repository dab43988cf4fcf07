#include "agent/base/clock.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

using namespace std::chrono_literals;

constexpr UtcTime kStamp{1768472100s};  // 2026-01-15T10:15:00Z

TEST(ToWords, SaysDurationsAsPeopleDo) {
  EXPECT_EQ(to_words(850ms), "850 ms");
  EXPECT_EQ(to_words(1400ms), "1.4 s");
  EXPECT_EQ(to_words(5s), "5 s");
  EXPECT_EQ(to_words(125s), "2 min 5 s");
  EXPECT_EQ(to_words(190min), "3 h 10 min");
  EXPECT_EQ(to_words(15min), "15 min");
  EXPECT_EQ(to_words(2h), "2 h");
  EXPECT_EQ(to_words(2h + 59s), "2 h");
}

TEST(ToRfc3339, IsUtcWithAndWithoutMilliseconds) {
  auto time = kStamp + 123ms;
  EXPECT_EQ(to_rfc3339(time), "2026-01-15T10:15:00Z");
  EXPECT_EQ(to_rfc3339(time, /*milliseconds=*/true), "2026-01-15T10:15:00.123Z");
}

TEST(ParseRfc3339, TakesSecondsAndFractions) {
  EXPECT_EQ(parse_rfc3339("2026-01-15T10:15:00Z"), kStamp);
  EXPECT_EQ(parse_rfc3339("2026-01-15T10:15:00.5Z"), kStamp + 500ms);
  EXPECT_EQ(parse_rfc3339("2026-01-15T10:15:00.123456Z"), kStamp + 123ms);
}

TEST(ParseRfc3339, TakesNothingElse) {
  for (auto text : {"", "2026-01-15", "2026-01-15T10:15:00", "2026-01-15T10:15:00+01:00",
                    "2026-02-30T10:15:00Z", "2026-01-15T24:15:00Z", "2026-01-15T10:15:00.Z",
                    "2026-01-15T10:15:00.1x2Z", "2026-01-15T10:15:00Zz", "20260115T101500Z",
                    // Such times there are, but UtcTime cannot hold them and their differences.
                    "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
                    "2262-01-01T00:00:00Z"}) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
  }
}

TEST(ParseHttpDate, TakesTheHeadersForm) {
  EXPECT_EQ(parse_http_date("Thu, 15 Jan 2026 10:15:00 GMT"), kStamp);
}

TEST(ParseHttpDate, TakesNothingElse) {
  for (auto text : {"", "Thu, 15 Jan 2026", "Thu, 15 Foo 2026 10:15:00 GMT",
                    "Thursday, 15-Jan-26 10:15:00 GMT", "Thu, 15 Jan 2026 10:15:00 CET",
                    "Thu, 5 Jan 2026 10:15:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

TEST(SystemClock, SleepEndsAtOnceWhenStopped) {
  SystemClock clock;
  std::stop_source stop;
  stop.request_stop();
  auto before = clock.steady();
  EXPECT_FALSE(clock.sleep(1h, stop.get_token()));
  EXPECT_LT(clock.steady() - before, 10s);
}

TEST(SystemClock, SleepLastsItsTime) {
  SystemClock clock;
  auto before = clock.steady();
  EXPECT_TRUE(clock.sleep(20ms, {}));
  EXPECT_GE(clock.steady() - before, 20ms);
}

}  // namespace
}  // namespace haagent
