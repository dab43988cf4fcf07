#include "agent/base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr UtcTime kBegan{std::chrono::seconds(1'768'471'200)};

Progress at(std::uint64_t done, std::uint64_t total, std::uint64_t from = 0) {
  return {.what = "download", .done = done, .total = total, .from = from, .began = kBegan};
}

TEST(Progress, SaysHowManyPercent) {
  struct Case {
    std::uint64_t done, total;
    int percent;
  };
  for (auto const& each : std::vector<Case>{{0, 1000, 0},
                                            {9, 1000, 0},
                                            {10, 1000, 1},
                                            {999, 1000, 99},
                                            {1000, 1000, 100},
                                            {UINT64_MAX - 1, UINT64_MAX, 99},
                                            {0, 0, 100}})
    EXPECT_EQ(percent_of(at(each.done, each.total)), each.percent) << each.done;
}

TEST(Progress, EstimatesFromThePaceSinceItBegan) {
  struct Case {
    Progress progress;
    Duration after;
    std::optional<Duration> left;
  };
  for (auto const& each : std::vector<Case>{
           {at(250, 1000), 10s, 30s},
           {at(250, 1000), 1s, std::nullopt},        // no pace yet
           {at(0, 1000), 10s, std::nullopt},         // nothing moves
           {at(1000, 1000), 10s, std::nullopt},      // the end
           {at(600, 1000, 500), 10s, 40s},           // what was there before took no time
           {at(500, 1000, 500), 10s, std::nullopt},  // the same, and nothing moves
           {at(1, 1'000'000), 60s, std::nullopt},    // months: nobody believes it
           {at(250, 1000), -10s, std::nullopt},      // the clock was set back
           {at(2, 3), 5s, 3s},                       // 2.5 s, rounded up
       })
    EXPECT_EQ(time_left(each.progress, kBegan + each.after), each.left)
        << each.progress.done << " after " << each.after.count();
}

TEST(Progress, IsContinuedWhileItIsTheSameWorkAndGetsOn) {
  auto const later = kBegan + 5s;
  EXPECT_EQ(continued(std::nullopt, at(100, 1000), later).began, later);
  EXPECT_EQ(continued(std::nullopt, at(100, 1000), later).from, 100u);
  EXPECT_EQ(continued(at(100, 1000, 50), at(200, 1000), later), at(200, 1000, 50));
  auto other = at(200, 1000);
  other.what = "upload";
  EXPECT_EQ(continued(at(100, 1000), other, later).began, later);
  // It has begun again.
  EXPECT_EQ(continued(at(100, 1000), at(10, 1000), later).began, later);
  // A total that was guessed.
  EXPECT_EQ(continued(at(100, 1000), at(1200, 1000), later).done, 1000u);
}

TEST(Progress, DrawsABarOfTheWidthThatItIsGiven) {
  EXPECT_EQ(progress_bar(at(450, 1000), 22), "[#########...........]");
  EXPECT_EQ(progress_bar(at(999, 1000), 12), "[#########.]");
  EXPECT_EQ(progress_bar(at(1000, 1000), 12), "[##########]");
  EXPECT_EQ(progress_bar(at(0, 1000), 0).size(), 3u);
}

TEST(Progress, SaysHowFarAndHowLong) {
  EXPECT_EQ(to_words(at(256u << 20u, 512u << 20u), kBegan + 12s),
            "50 %, 256.0 MiB of 512.0 MiB, 12 s left");
  EXPECT_EQ(to_words(at(1, 11), kBegan + 10s), "9 %, 1 B of 11 B, 1 min 40 s left");
  auto log = at(10, 4000);
  log.unit = Progress::Unit::entries;
  EXPECT_EQ(to_words(log, kBegan), "0 %, 10 of 4000");
}

// What a listener hears, "what done/total" each; "-" of an end.
class Heard {
 public:
  ProgressListener::Told listener() {
    return [this](std::optional<Progress> const& told) {
      std::lock_guard const lock(mutex_);
      all_.push_back(told ? fmt::format("{} {}/{}", told->what, told->done, told->total) : "-");
    };
  }
  std::vector<std::string> all() const {
    std::lock_guard const lock(mutex_);
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

TEST(Work, IsHeardByTheListenerOfItsThreadAlone) {
  Heard here, there;
  {
    ProgressListener const listener(here.listener());
    std::jthread([&] {
      ProgressListener const other(there.listener());
      Work const work("theirs", Progress::Unit::bytes, 10);
      Work::advance(3);
    }).join();
    Work const work("ours", Progress::Unit::bytes, 10);
    Work::advance(4);
    Work::advance(4);
    Work::reached(5);  // a part is done again
    Work::advance(100);
  }
  EXPECT_THAT(here.all(),
              ElementsAre("ours 0/10", "ours 4/10", "ours 8/10", "ours 5/10", "ours 10/10", "-"));
  EXPECT_THAT(there.all(), ElementsAre("theirs 0/10", "theirs 3/10", "-"));
}

TEST(Work, InsideOfAnotherCountsForTheOuterOne) {
  Heard heard;
  ProgressListener const listener(heard.listener());
  {
    Work const outer("restore", Progress::Unit::bytes, 10);
    Work const inner("download", Progress::Unit::bytes, 5);
    Work::advance(5);
  }
  EXPECT_THAT(heard.all(), ElementsAre("restore 0/10", "restore 5/10", "-"));
}

TEST(Work, WithoutLengthOrListenerIsNoWork) {
  Heard heard;
  {
    Work const nobody_hears("work", Progress::Unit::bytes, 10);
    Work::advance(1);
  }
  ProgressListener const listener(heard.listener());
  Work::advance(1);
  Work const empty("nothing", Progress::Unit::bytes, 0);
  Work::advance(1);
  EXPECT_THAT(heard.all(), IsEmpty());
}

TEST(SampledWork, IsLookedAtUntilItEnds) {
  Heard heard;
  std::atomic<std::uint64_t> size{0};
  {
    ProgressListener const listener(heard.listener());
    SampledWork const work("save", Progress::Unit::bytes, 100,
                           [&]() -> std::optional<std::uint64_t> {
                             if (size == 0) return std::nullopt;
                             return size.load();
                           });
    size = 40;
    EXPECT_TRUE(
        test::eventually([&] { return std::ranges::count(heard.all(), "save 40/100") > 0; }));
  }
  auto const all = heard.all();
  EXPECT_THAT(all, testing::Contains("save 40/100"));
  EXPECT_EQ(all.back(), "-");
  EXPECT_EQ(std::ranges::count(all, "-"), 1);
}

}  // namespace
}  // namespace haagent
