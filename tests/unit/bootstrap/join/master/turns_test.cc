#include "bootstrap/join/master/turns.h"

#include <gtest/gtest.h>

#include <map>

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kNow{1h};

TEST(JoinTurns, WhoIsAloneComesSoon) {
  Turns turns;
  EXPECT_EQ(turns.next(kNow, true), Turns::kSoonest);
  EXPECT_EQ(turns.next(kNow + 10min, true), Turns::kSoonest);
}

// How many come in each second.
std::map<std::chrono::seconds, int> crowd(Turns& turns, int who, SteadyTime now) {
  std::map<std::chrono::seconds, int> in_second;
  for (int i = 0; i < who; ++i) ++in_second[turns.next(now, true)];
  return in_second;
}

TEST(JoinTurns, ACrowdIsSpreadOverAsLongAsItTakes) {
  Turns turns;
  for (auto const& [second, many] : crowd(turns, 2000, kNow)) {
    EXPECT_LE(many, 21) << second.count();
    EXPECT_LE(second, 103s);
  }
}

TEST(JoinTurns, AFastMasterHasThemComeSooner) {
  auto last = [](SteadyTime::duration each) {
    Turns turns;
    auto now = kNow;
    for (int i = 0; i < 500; ++i) {
      turns.next(now, true);
      turns.ended(now += each);
    }
    return crowd(turns, 1000, now + 2min).rbegin()->first;
  };
  EXPECT_LE(last(5ms), 10s);
  EXPECT_GE(last(100ms), 90s);
}

TEST(JoinTurns, APauseInWhichNobodyAsksSaysNothing) {
  Turns turns;
  for (int i = 0; i < 100; ++i) turns.ended(kNow + i * 10min);
  EXPECT_LE(crowd(turns, 100, kNow + 100 * 10min).rbegin()->first, 7s);
}

// Who is turned away because EC2 does not answer says nothing of how fast the master is.
TEST(JoinTurns, OthersThatAreSilentMakeNoMasterSlow) {
  Turns turns;
  auto now = kNow;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(turns.next(now, false), Turns::kSoonest);
    turns.ended(now);
    now += 5min;
  }
  EXPECT_LE(crowd(turns, 100, now).rbegin()->first, 7s);
}

TEST(JoinTurns, NobodyIsSentAwayForMoreThanMinutes) {
  Turns turns;
  for (auto const& [second, many] : crowd(turns, 50'000, kNow)) {
    EXPECT_GE(second, Turns::kSoonest);
    EXPECT_LE(second, Turns::kLatest);
    EXPECT_LE(many, 50'000 / 250) << second.count();
  }
}

}  // namespace
}  // namespace haagent::bootstrap::join
