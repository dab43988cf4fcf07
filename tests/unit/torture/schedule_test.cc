#include "tests/torture/schedule.h"

#include <gtest/gtest.h>

#include <set>

namespace haagent::torture {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeeds = 300;

TEST(TortureSchedule, FollowsFromTheSeedAlone) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto const one = make_schedule(seed, 5min);
    auto const other = make_schedule(seed, 5min);
    EXPECT_EQ(one.masters, other.masters);
    EXPECT_EQ(one.services, other.services);
    EXPECT_NE(one.masters, make_schedule(seed + 1, 5min).masters);
  }
}

// Written out, so that a seed that somebody reports is the same run everywhere and later.
TEST(TortureSchedule, OfSeedOneBeginsSo) {
  auto const schedule = make_schedule(1, 2min);
  std::string text;
  for (std::size_t i = 0; i < 4; ++i)
    text +=
        fmt::format("{} {}\n", schedule.masters.at(i).at.count(), to_words(schedule.masters[i]));
  for (std::size_t i = 0; i < 3; ++i)
    text +=
        fmt::format("{} {}\n", schedule.services.at(i).at.count(), to_words(schedule.services[i]));
  EXPECT_EQ(text,
            "2508 end of a through its group\n"
            "6077 at once: power cut of a\n"
            "9609 a cut off from all for 6.6 s\n"
            "20996 a and b frozen for 4.8 s\n"
            "5341 ec2:* autoscaling:* throttle for 3.2 s, 100 calls of 100\n"
            "14951 s3:* unavailable for 5.7 s, 60 calls of 100\n"
            "26188 s3:PutObject lose for 6.7 s, 70 calls of 100\n");
}

TEST(TortureSchedule, NeverTakesMoreThanTwoMastersNorTwoVolumes) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    auto const strikes = make_schedule(seed, 10min).masters;
    for (std::size_t i = 0; i < strikes.size(); ++i) {
      auto const& now = strikes[i];
      EXPECT_TRUE(now.masters.size() == 1 || now.masters.size() == 2);
      EXPECT_LE(now.lasts, now.masters.size() == 2 ? 6s : 10s);
      if (!now.hasty) continue;
      ASSERT_GT(i, 0u);
      auto const& before = strikes[i - 1];
      EXPECT_FALSE(before.hasty) << "three at once";
      EXPECT_EQ(now.masters.size() + before.masters.size(), 2u) << "three at once";
      EXPECT_NE(now.fault, MasterFault::lose_volume);
      EXPECT_NE(before.fault, MasterFault::lose_volume);
    }
  }
}

template <class Strikes>
void expect_apart_and_over_by(Strikes const& strikes, Duration length) {
  Duration free{0};
  for (auto const& strike : strikes) {
    EXPECT_GT(strike.at, free);
    free = strike.at + strike.lasts;
  }
  EXPECT_LE(free, length);
}

TEST(TortureSchedule, IsUndoneByTheEndAndNothingOverlapsInItsList) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (auto const length : {Duration(30s), Duration(2min), Duration(10min)}) {
      auto const schedule = make_schedule(seed, length);
      expect_apart_and_over_by(schedule.masters, length);
      expect_apart_and_over_by(schedule.services, length);
      for (auto const& strike : schedule.services) EXPECT_GT(strike.lasts, 0s);
    }
  }
}

TEST(TortureSchedule, ComesToEveryFaultInTwoMinutes) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::set<MasterFault> faults;
    for (auto const& strike : make_schedule(seed, 2min).masters) faults.insert(strike.fault);
    EXPECT_EQ(faults.size(), std::size(kMasterFaults)) << "seed " << seed;
  }
}

TEST(TortureSchedule, OverAllSeedsStrikesEveryMasterAndVolumeAndHurriesSometimes) {
  std::set<std::string> lost, struck;
  std::set<std::string> services;
  int hasty = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    auto const schedule = make_schedule(seed, 2min);
    for (auto const& strike : schedule.masters) {
      struck.insert(strike.masters);
      hasty += strike.hasty;
      if (strike.fault == MasterFault::lose_volume)
        lost.insert(fmt::format("{}-{}", to_string(strike.volume), strike.masters));
    }
    for (auto const& strike : schedule.services) services.insert(strike.what);
  }
  EXPECT_EQ(struck, (std::set<std::string>{"a", "b", "c", "ab", "ac", "bc"}));
  EXPECT_EQ(lost.size(), 6u);
  EXPECT_EQ(services.size(), 7u);
  EXPECT_GT(hasty, 100);
}

}  // namespace
}  // namespace haagent::torture
