#include "bootstrap/join/master/turns.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kNow{1h};

TEST(JoinTurns, WhoIsAloneComesSoon) {
  Turns turns;
  EXPECT_EQ(turns.next(kNow), Turns::kSoonest);
  EXPECT_EQ(turns.next(kNow + 10min), Turns::kSoonest);
}

// How many come in each second.
std::map<std::chrono::seconds, int> crowd(Turns& turns, int who, SteadyTime now) {
  std::map<std::chrono::seconds, int> in_second;
  for (int i = 0; i < who; ++i) ++in_second[turns.next(now)];
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
      turns.next(now);
      turns.ended(now += each, true);
    }
    return crowd(turns, 1000, now + 2min).rbegin()->first;
  };
  EXPECT_LE(last(5ms), 10s);
  EXPECT_GE(last(100ms), 90s);
}

TEST(JoinTurns, APauseInWhichNobodyAsksSaysNothing) {
  Turns turns;
  for (int i = 0; i < 100; ++i) turns.ended(kNow + i * 10min, false);
  EXPECT_LE(crowd(turns, 100, kNow + 100 * 10min).rbegin()->first, 7s);
}

// A master of 48 places, and machines that all begin within ten seconds and do as they are told.
struct Crowd {
  static constexpr std::size_t kPlaces = 48;
  SteadyTime::duration each{1s};      // from an offer to the answer
  SteadyTime::duration silent_for{};  // so long nobody is served: EC2 does not answer

  struct Outcome {
    std::chrono::seconds took;
    double tries;  // of one machine
  };
  Outcome join(int machines) const {
    Turns turns;
    std::mt19937 random(7);
    auto part = [&](SteadyTime::duration of) {
      return SteadyTime::duration(static_cast<std::int64_t>(
          std::uniform_real_distribution<>(0, 1)(random) * static_cast<double>(of.count())));
    };
    std::multimap<SteadyTime, bool> events;  // true: somebody comes; false: an exchange ends
    for (int i = 0; i < machines; ++i) events.emplace(kNow + part(10s), true);
    std::size_t busy = 0;
    int tries = 0, joined = 0;
    auto now = kNow;
    while (joined < machines) {
      auto const event = *events.begin();
      events.erase(events.begin());
      now = event.first;
      if (!event.second) {
        turns.ended(now, busy == kPlaces);
        --busy;
        ++joined;
        continue;
      }
      ++tries;
      if (busy < kPlaces) {
        ++busy;
        events.emplace(std::max(now + each, kNow + silent_for + part(each)), false);
      } else {
        events.emplace(now + turns.next(now) + part(1s), true);
      }
    }
    return {std::chrono::ceil<std::chrono::seconds>(now - kNow),
            static_cast<double>(tries) / machines};
  }
};

TEST(JoinTurns, ACrowdIsServedAboutAsFastAsItCanBe) {
  for (auto each :
       {SteadyTime::duration(200ms), SteadyTime::duration(1s), SteadyTime::duration(3s)}) {
    auto const [took, tries] = Crowd{.each = each}.join(2000);
    // 2,000 machines, 48 at once.
    auto const least = std::max<SteadyTime::duration>(10s, each * 2000 / Crowd::kPlaces);
    EXPECT_LE(took, least * 3 / 2 + 5s) << "of " << each.count() / 1'000'000 << " ms each";
    EXPECT_LE(tries, 3.5) << "of " << each.count() / 1'000'000 << " ms each";
  }
}

// While EC2 does not answer a master is slow; it is not taken for slow afterwards.
TEST(JoinTurns, AMasterThatWasHeldUpIsFastAgain) {
  auto const [took, tries] = Crowd{.each = 200ms, .silent_for = 60s}.join(2000);
  // Many had heard before that when they were to come.
  EXPECT_LE(took, 60s + Turns::kLatest);
  EXPECT_LE(tries, 4);
}

TEST(JoinTurns, NobodyIsSentAwayForMoreThanMinutes) {
  Turns turns;
  for (auto const& [second, many] : crowd(turns, 50'000, kNow)) {
    EXPECT_GE(second, Turns::kSoonest);
    EXPECT_LE(second, Turns::kLatest);
    EXPECT_LE(many, 50'000 / 110) << second.count();
  }
}

}  // namespace
}  // namespace haagent::bootstrap::join
