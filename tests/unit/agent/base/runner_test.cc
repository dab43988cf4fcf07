#include "agent/base/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "tests/support/fake_clock.h"
#include "tests/support/scripted_step.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;
using test::FakeClock;
using test::ScriptedStep;
using testing::ElementsAre;

// A message whose words and subject are the same.
Message about(std::string what) {
  return Message(Reason::VolumeChanging, what).about(what);
}

Row row(
    std::string name, std::vector<std::string> after, ScriptedStep::Look look,
    ScriptedStep::Act act = [] { return Result<void>(); }) {
  Row made;
  made.step = std::make_unique<ScriptedStep>(std::move(name), std::move(look), std::move(act));
  made.after = std::move(after);
  return made;
}

std::vector<Row> rows(auto... each) {
  std::vector<Row> made;
  (made.push_back(std::move(each)), ...);
  return made;
}

auto done() {
  return [] { return Result<Finding>(Done{about("fine")}); };
}

struct Ran {
  bool all_done;
  std::vector<RowStatus> rows;
};
Ran converge(std::vector<Row> list, FakeClock& clock) {
  Runner runner(std::move(list), clock, {});
  EXPECT_TRUE(runner.check());
  Facts facts;
  bool all_done = runner.converge(facts, {});
  return {all_done, runner.rows()};
}

TEST(Runner, ActsOnceAndLooksAgain) {
  FakeClock clock;
  bool made = false;
  int acts = 0;
  auto ran = converge(rows(row(
                          "disk", {},
                          [&] {
                            return Result<Finding>(made ? Finding(Done{about("made")})
                                                        : Finding(Needed{about("make it"), {}}));
                          },
                          [&] {
                            ++acts;
                            made = true;
                            return Result<void>();
                          })),
                      clock);
  EXPECT_TRUE(ran.all_done);
  EXPECT_EQ(acts, 1);
  EXPECT_EQ(ran.rows[0].message, about("made"));
}

TEST(Runner, ShowsTheProgressOfARowsWorkOnceASecond) {
  FakeClock clock;
  std::vector<std::optional<std::uint64_t>> shown;
  bool made = false;
  Runner runner(
      rows(row(
          "restore", {},
          [&] {
            return Result<Finding>(made ? Finding(Done{about("made")})
                                        : Finding(Needed{about("make it"), {}}));
          },
          [&] {
            Work const work("download", Progress::Unit::bytes, 1000);
            for (int i = 0; i < 10; ++i) {
              clock.advance(300ms);
              Work::advance(100);
            }
            made = true;
            return Result<void>();
          })),
      clock, [&](auto const& all, std::size_t) {
        shown.push_back(all[0].progress ? std::optional(all[0].progress->done) : std::nullopt);
      });
  Facts facts;
  EXPECT_TRUE(runner.converge(facts, {}));
  std::erase(shown, std::nullopt);
  EXPECT_THAT(shown, ElementsAre(400u, 800u));
  EXPECT_EQ(runner.rows()[0].progress, std::nullopt);
}

TEST(Runner, ShowsTheProgressOfWhatARowWaitsFor) {
  FakeClock clock;
  std::uint64_t reached = 0;
  std::vector<Progress> shown;
  Runner runner(rows(row("etcd", {},
                         [&]() -> Result<Finding> {
                           reached += 250;
                           if (reached > 1000) return Done{about("votes")};
                           return Waiting{about("catches up"),
                                          {},
                                          Progress{.what = "log",
                                                   .unit = Progress::Unit::entries,
                                                   .done = reached,
                                                   .total = 1000}};
                         })),
                clock, [&](auto const& all, std::size_t) {
                  if (all[0].progress) shown.push_back(*all[0].progress);
                });
  Facts facts;
  EXPECT_TRUE(runner.converge(facts, {}));
  ASSERT_EQ(shown.size(), 4u);
  EXPECT_EQ(shown[3].done, 1000u);
  EXPECT_EQ(shown[3].from, 250u);
  EXPECT_EQ(shown[3].began, shown[0].began);
  EXPECT_EQ(runner.rows()[0].progress, std::nullopt);
}

TEST(Runner, ActedButStillNeededIsAnError) {
  FakeClock clock;
  int acts = 0;
  auto ran = converge(rows(row(
                          "disk", {}, [] { return Result<Finding>(Needed{about("make it"), {}}); },
                          [&] {
                            ++acts;
                            return Result<void>();
                          })),
                      clock);
  EXPECT_FALSE(ran.all_done);
  EXPECT_EQ(acts, 1);
  EXPECT_EQ(ran.rows[0].state, State::failed);
  EXPECT_EQ(ran.rows[0].message.reason, Reason::NoEffect);
  EXPECT_EQ(ran.rows[0].message.subject, "make it");
}

// Whatever the words: two acts for the same thing are one in vain, two for two things are not.
TEST(Runner, WhatIsNeededIsKnownByReasonAndSubject) {
  for (bool const same : {true, false}) {
    FakeClock clock;
    int acts = 0;
    auto ran = converge(rows(row(
                            "disk", {},
                            [&]() -> Result<Finding> {
                              if (acts == 2) return Done{about("made")};
                              return Needed{
                                  Message(Reason::VolumeFree, acts == 0 ? "attach it" : "once more")
                                      .about(same || acts == 0 ? "vol-1" : "vol-2"),
                                  {}};
                            },
                            [&] {
                              ++acts;
                              return Result<void>();
                            })),
                        clock);
    EXPECT_EQ(acts, same ? 1 : 2);
    EXPECT_EQ(ran.all_done, !same);
  }
}

// A disk that an act has refused goes, and comes back repaired: it is another thing then.
TEST(Runner, WhatWasRefusedIsActedOnAgainOnceTheWorldHasChanged) {
  FakeClock clock;
  Facts facts;
  std::stop_source stop;
  int acts = 0;
  int looks = 0;
  Runner runner(rows(row(
                    "filesystem", {},
                    [&]() -> Result<Finding> {
                      ++looks;
                      if (acts == 2) return Done{about("made")};
                      if (looks == 4) return Waiting{about("the disk is gone")};
                      return Needed{about("make it"), {}};
                    },
                    [&]() -> Result<void> {
                      if (++acts == 1) return fail(Kind::refused, "it holds something");
                      return {};
                    })),
                clock, [&](std::vector<RowStatus> const& all, std::size_t) {
                  if (all[0].state == State::done) stop.request_stop();
                });
  runner.stay(facts, stop.get_token(), [] {});
  EXPECT_EQ(acts, 2);
  EXPECT_GT(looks, 4) << "not before the disk had gone";
}

TEST(Runner, FiguresInTheWordsDoNotMakeItLookMoreOften) {
  auto looks_within = [](bool counts, bool changes_subject) {
    FakeClock clock;
    auto const began = clock.steady();
    int looks = 0;
    converge(rows(row("etcd", {},
                      [&]() -> Result<Finding> {
                        ++looks;
                        if (clock.steady() - began > 1min) return Done{about("serves")};
                        return Waiting{Message(Reason::EtcdStarting,
                                               counts ? fmt::format("look {}", looks) : "it starts")
                                           .about(changes_subject ? fmt::to_string(looks) : "")};
                      })),
             clock);
    return looks;
  };
  EXPECT_EQ(looks_within(true, false), looks_within(false, false));
  EXPECT_GT(looks_within(true, true), 2 * looks_within(true, false));
}

// What the look has found goes with it, whatever another look has found since.
TEST(Runner, DoesWhatTheLookHasFound) {
  FakeClock clock;
  std::vector<int> did;
  int found = 0;
  auto list = rows(row(
      "disk", {},
      [&]() -> Result<Finding> {
        if (found == 2) return Done{about("made")};
        auto what = std::make_unique<int>(++found);
        return Needed{about(fmt::format("make {}", found)),
                      [&did, what = std::move(what)](std::stop_token) -> Result<void> {
                        did.push_back(*what);
                        return {};
                      }};
      },
      [] { return fail(Kind::internal, "the act that the look carries was not taken"); }));
  auto ran = converge(std::move(list), clock);
  EXPECT_TRUE(ran.all_done);
  EXPECT_THAT(did, ElementsAre(1, 2));
  EXPECT_EQ(ran.rows[0].acts, 2);
}

TEST(Runner, LooksAgainAsSoonAsAWaitSaysSo) {
  FakeClock clock;
  std::vector<std::int64_t> at;
  auto const start = clock.steady();
  auto list = rows(row("etcd", {}, [&]() -> Result<Finding> {
    at.push_back(std::chrono::duration_cast<Duration>(clock.steady() - start).count());
    if (at.size() == 5) return Done{about("serves")};
    return Waiting{about("for a second"),
                   at.size() == 4 ? std::nullopt : std::optional<Duration>(1s)};
  }));
  list[0].polling = {.first = 4s, .cap = 8s};
  auto ran = converge(std::move(list), clock);
  EXPECT_TRUE(ran.all_done);
  EXPECT_THAT(at, ElementsAre(0, 1'000, 2'000, 3'000, 11'000));
}

TEST(Runner, OneStepMayTakeSeveralMoves) {
  FakeClock clock;
  int stage = 0;
  auto ran = converge(
      rows(row(
          "etcd", {},
          [&] {
            return Result<Finding>(stage < 3
                                       ? Finding(Needed{about(fmt::format("move {}", stage)), {}})
                                       : Finding(Done{about("joined")}));
          },
          [&] {
            ++stage;
            return Result<void>();
          })),
      clock);
  EXPECT_TRUE(ran.all_done);
  EXPECT_EQ(ran.rows[0].acts, 3);
}

TEST(Runner, RetriesOnlyWhatIsTransient) {
  for (auto kind : {Kind::transient, Kind::conflict, Kind::denied, Kind::invalid, Kind::refused,
                    Kind::internal}) {
    FakeClock clock;
    int looks = 0;
    auto ran = converge(rows(row("api", {},
                                 [&]() -> Result<Finding> {
                                   if (++looks <= 3) return fail(kind, "no luck");
                                   return Done{about("answered")};
                                 })),
                        clock);
    EXPECT_EQ(ran.all_done, kind == Kind::transient) << to_string(kind);
    EXPECT_EQ(looks, kind == Kind::transient ? 4 : 1) << to_string(kind);
    if (kind != Kind::transient) {
      EXPECT_EQ(ran.rows[0].state, kind == Kind::refused ? State::refused : State::failed);
      EXPECT_EQ(ran.rows[0].error, kind);
    }
  }
}

// Forty moves, each of which fails at first: no pause is longer than the first one may be.
TEST(Runner, BacksOffAnewAfterEachMoveThatCameThrough) {
  FakeClock clock;
  int moves = 0;
  bool fails = true;
  auto const began = clock.steady();
  auto ran = converge(
      rows(row(
          "etcd", {},
          [&] {
            return Result<Finding>(moves < 40
                                       ? Finding(Needed{about(fmt::format("move {}", moves)), {}})
                                       : Finding(Done{about("joined")}));
          },
          [&]() -> Result<void> {
            fails = !fails;
            if (!fails) return fail(Kind::transient, "not yet");
            ++moves;
            return {};
          })),
      clock);
  EXPECT_TRUE(ran.all_done);
  EXPECT_LE(clock.steady() - began, 40 * Backoff{}.base);
}

// An instance that is pending for a minute is asked again within 2 s each time, however often.
TEST(Runner, NeverPausesLongOverWhatPassesSoon) {
  FakeClock clock;
  auto const began = clock.steady();
  auto longest = clock.steady() - began, before = longest;
  auto ran = converge(rows(row("volume", {},
                               [&]() -> Result<Finding> {
                                 auto const now = clock.steady() - began;
                                 longest = std::max(longest, now - before);
                                 before = now;
                                 if (now > 1min) return Done{about("attached")};
                                 auto error = Error{Kind::transient, "not running", {}};
                                 error.retry_cap = 2s;
                                 return std::unexpected(error);
                               })),
                      clock);
  EXPECT_TRUE(ran.all_done);
  EXPECT_LE(longest, 2s);
}

TEST(Runner, GivesUpAtTheDeadlineAndSaysWhatItWaitedFor) {
  FakeClock clock;
  auto list = rows(
      row("volume", {}, [] { return Result<Finding>(Waiting{about("vol-1 is held by i-2")}); }),
      row("api", {}, []() -> Result<Finding> { return fail(Kind::transient, "503"); }));
  list[0].deadline = 90s;
  list[1].deadline = 90s;
  auto ran = converge(std::move(list), clock);
  EXPECT_FALSE(ran.all_done);
  EXPECT_EQ(ran.rows[0].message.identity(), about("vol-1 is held by i-2").identity());
  EXPECT_EQ(ran.rows[1].message.reason, Reason::Unavailable);
  EXPECT_EQ(ran.rows[0].state, State::failed);
}

TEST(Runner, PollsFromTheFirstIntervalUpToTheCap) {
  FakeClock clock;
  std::vector<std::int64_t> at;
  auto start = clock.steady();
  auto ran = converge(
      rows(row("volume", {},
               [&]() -> Result<Finding> {
                 at.push_back(std::chrono::duration_cast<Duration>(clock.steady() - start).count());
                 if (at.size() == 9) return Done{};
                 return Waiting{about("attaching")};
               })),
      clock);
  EXPECT_TRUE(ran.all_done);
  EXPECT_THAT(at, ElementsAre(0, 500, 1250, 2375, 4062, 6592, 10387, 15387, 20387));
}

TEST(Runner, PausesAtLeastAsLongAsTheLookTook) {
  FakeClock clock;
  std::vector<std::int64_t> at;
  auto start = clock.steady();
  auto ran = converge(
      rows(row("etcd", {},
               [&]() -> Result<Finding> {
                 at.push_back(std::chrono::duration_cast<Duration>(clock.steady() - start).count());
                 if (at.size() == 5) return Done{};
                 clock.advance(at.size() == 1 ? 100ms : at.size() < 4 ? 3'000ms : 10min);
                 return Waiting{about("does not serve yet")};
               })),
      clock);
  EXPECT_TRUE(ran.all_done);
  EXPECT_THAT(at, ElementsAre(0, 600, 6'600, 12'600, 617'600));
}

TEST(Runner, RunsIndependentRowsSideBySideAndTheRestInOrder) {
  FakeClock clock;
  std::latch both(2);
  std::mutex mutex;
  std::vector<std::string> order;
  auto meet = [&](std::string name) {
    return [&, name]() -> Result<Finding> {
      // Both must be inside at once: one after the other would never come past here.
      both.arrive_and_wait();
      std::lock_guard lock(mutex);
      order.push_back(name);
      return Done{};
    };
  };
  auto note = [&](std::string name) {
    return [&, name]() -> Result<Finding> {
      std::lock_guard lock(mutex);
      order.push_back(name);
      return Done{};
    };
  };
  auto ran = converge(rows(row("last", {"a", "b"}, note("last")), row("a", {"first"}, meet("a")),
                           row("b", {"first"}, meet("b")), row("first", {}, note("first"))),
                      clock);
  EXPECT_TRUE(ran.all_done);
  ASSERT_EQ(order.size(), 4u);
  EXPECT_EQ(order.front(), "first");
  EXPECT_EQ(order.back(), "last");
}

TEST(Runner, WhatComesAfterAFailedRowIsBlockedAndTheRestGoesOn) {
  FakeClock clock;
  auto ran = converge(
      rows(
          row("events", {}, []() -> Result<Finding> { return fail(Kind::refused, "two volumes"); }),
          row("events-etcd", {"events"}, done()), row("events-api", {"events-etcd"}, done()),
          row("main", {}, done())),
      clock);
  EXPECT_FALSE(ran.all_done);
  EXPECT_EQ(ran.rows[0].state, State::refused);
  EXPECT_EQ(ran.rows[1].state, State::blocked);
  EXPECT_EQ(ran.rows[1].message.reason, Reason::WaitsForOtherRows);
  EXPECT_EQ(ran.rows[1].message.subject, "events");
  EXPECT_EQ(ran.rows[2].state, State::blocked);
  EXPECT_EQ(ran.rows[3].state, State::done);
}

struct BadList {
  std::vector<std::pair<std::string, std::vector<std::string>>> rows;
  std::string names;
};
class RunnerChecks : public testing::TestWithParam<BadList> {};
TEST_P(RunnerChecks, TheListBeforeItRuns) {
  FakeClock clock;
  std::vector<Row> list;
  for (auto const& [name, after] : GetParam().rows) list.push_back(row(name, after, done()));
  auto checked = Runner(std::move(list), clock, {}).check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, Kind::internal);
  EXPECT_TRUE(checked.error().message.text.contains(GetParam().names))
      << checked.error().message.text;
}
INSTANTIATE_TEST_SUITE_P(Lists, RunnerChecks,
                         testing::Values(BadList{{{"a", {}}, {"a", {}}}, "'a'"},
                                         BadList{{{"a", {"b"}}}, "'b'"},
                                         BadList{{{"a", {"b"}}, {"b", {"a"}}}, "'a'"}));

TEST(Runner, PlanLooksWithoutActingAndStopsWhereItCannotKnow) {
  FakeClock clock;
  int acts = 0;
  auto act = [&] {
    ++acts;
    return Result<void>();
  };
  Runner runner(
      rows(row("mount", {"volume"}, done(), act),
           row(
               "volume", {"identity"},
               [] { return Result<Finding>(Needed{about("attach vol-1 as /dev/sdf"), {}}); }, act),
           row("identity", {}, done(), act)),
      clock, {});
  Facts facts;
  std::vector<std::string> told;
  auto planned = runner.plan(facts, {}, [&](RowStatus const& row) {
    told.push_back(fmt::format("{} {}", row.name, to_string(row.state)));
  });
  EXPECT_EQ(acts, 0);
  ASSERT_EQ(planned.size(), 3u);
  EXPECT_EQ(planned[0].name, "identity");
  EXPECT_EQ(planned[1].message.subject, "attach vol-1 as /dev/sdf");
  EXPECT_EQ(planned[2].message.reason, Reason::WaitsForOtherRows);
  EXPECT_EQ(planned[2].message.subject, "volume");
  EXPECT_EQ(planned[2].state, State::blocked);
  EXPECT_EQ(told, (std::vector<std::string>{"identity looking", "identity done", "volume looking",
                                            "volume acting", "mount looking", "mount blocked"}));
}

// The daemon's side runs on the real clock; the test waits for facts.
struct Daemon {
  explicit Daemon(std::vector<Row> list)
      : runner(std::move(list), clock, [this](auto const& all, std::size_t) {
          std::lock_guard lock(mutex);
          seen = all;
          changed.notify_all();
        }) {
    thread = std::jthread(
        [this](std::stop_token stop) { runner.stay(facts, stop, [this] { booted = true; }); });
  }
  bool wait_for(std::function<bool(std::vector<RowStatus> const&)> fact) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return !seen.empty() && fact(seen); });
  }
  SystemClock clock;
  Facts facts;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<RowStatus> seen;
  std::atomic<bool> booted = false;
  Runner runner;
  std::jthread thread;
};

TEST(RunnerStay, ActsOnDriftWhereTheRowMayAndOnlyTellsWhereItMayNot) {
  std::atomic<bool> file = true, mounted = true;
  std::atomic<int> mount_acts = 0;
  auto list = rows(row(
                       "files", {},
                       [&] {
                         return Result<Finding>(file ? Finding(Done{about("right")})
                                                     : Finding(Needed{about("write it"), {}}));
                       },
                       [&] {
                         file = true;
                         return Result<void>();
                       }),
                   row(
                       "mount", {},
                       [&] {
                         return Result<Finding>(mounted ? Finding(Done{about("mounted")})
                                                        : Finding(Needed{about("mount it"), {}}));
                       },
                       [&] {
                         ++mount_acts;
                         return Result<void>();
                       }));
  list[0].upkeep = Upkeep::act;
  list[1].upkeep = Upkeep::look_only;
  for (auto& each : list) each.period = 5ms;
  Daemon daemon(std::move(list));
  ASSERT_TRUE(daemon.wait_for([](auto const& all) { return all[0].finished && all[1].finished; }));
  file = false;
  ASSERT_TRUE(daemon.wait_for([&](auto const& all) { return file && all[0].acts == 1; }));
  mounted = false;
  ASSERT_TRUE(daemon.wait_for([](auto const& all) { return all[1].state == State::drifted; }));
  mounted = true;
  ASSERT_TRUE(daemon.wait_for([](auto const& all) { return all[1].state == State::done; }));
  EXPECT_EQ(mount_acts, 0);
  EXPECT_TRUE(daemon.booted);
}

// Its period is an hour, and somebody tells it that there is news.
struct News {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool there = false;
  void come() {
    std::lock_guard lock(mutex);
    there = true;
    changed.notify_all();
  }
};

class Told final : public Step {
 public:
  explicit Told(News& news) : news_(news) {}
  std::string_view name() const override { return "told"; }
  Result<Finding> look(Facts&, std::stop_token) override {
    std::lock_guard lock(news_.mutex);
    if (!news_.there) return Done{about("right")};
    return Needed{about("write it"), [this](std::stop_token) -> Result<void> {
                    std::lock_guard written(news_.mutex);
                    news_.there = false;
                    return {};
                  }};
  }
  bool rest(Clock&, Duration, std::stop_token stop) override {
    std::unique_lock lock(news_.mutex);
    news_.changed.wait(lock, stop, [this] { return news_.there; });
    return !stop.stop_requested();
  }

 private:
  News& news_;
};

TEST(RunnerStay, ARowThatIsToldOfAChangeDoesNotWaitForItsPeriod) {
  News news;
  std::vector<Row> list(1);
  list[0].step = std::make_unique<Told>(news);
  list[0].upkeep = Upkeep::act;
  list[0].period = 1h;
  Daemon daemon(std::move(list));
  ASSERT_TRUE(daemon.wait_for([](auto const& all) { return all[0].finished.has_value(); }));
  news.come();
  EXPECT_TRUE(daemon.wait_for(
      [](auto const& all) { return all[0].acts == 1 && all[0].state == State::done; }));
}

TEST(RunnerStay, RestsAtLeastAsLongAsTheLookTook) {
  FakeClock clock;
  std::vector<std::int64_t> at;
  auto start = clock.steady();
  std::stop_source stop;
  auto list = rows(row("etcd", {}, [&]() -> Result<Finding> {
    at.push_back(std::chrono::duration_cast<Duration>(clock.steady() - start).count());
    if (at.size() == 5) stop.request_stop();
    clock.advance(at.size() == 2 ? 4'000ms : at.size() == 4 ? 60'000ms : 1'000ms);
    return Done{about("serves")};
  }));
  list[0].upkeep = Upkeep::look_only;
  list[0].period = 2s;
  Runner runner(std::move(list), clock, {});
  Facts facts;
  runner.stay(facts, stop.get_token(), [] {});
  EXPECT_THAT(at, ElementsAre(0, 3'000, 11'000, 14'000, 79'000));
}

// The Done that the boot came to, too.
TEST(RunnerStay, LooksAgainAsSoonAsDoneSaysSo) {
  FakeClock clock;
  std::vector<std::int64_t> at;
  auto const start = clock.steady();
  std::stop_source stop;
  auto list = rows(row("etcd", {}, [&]() -> Result<Finding> {
    at.push_back(std::chrono::duration_cast<Duration>(clock.steady() - start).count());
    if (at.size() == 4) stop.request_stop();
    return Done{about("serves"), at.size() < 3 ? std::optional<Duration>(1s) : std::nullopt};
  }));
  list[0].upkeep = Upkeep::act;
  list[0].period = 30s;
  Runner runner(std::move(list), clock, {});
  Facts facts;
  runner.stay(facts, stop.get_token(), [] {});
  EXPECT_THAT(at, ElementsAre(0, 1'000, 2'000, 32'000));
}

TEST(RunnerStay, StopsInTheMiddleOfAWait) {
  auto list = rows(row("volume", {}, [] { return Result<Finding>(Waiting{about("for ever")}); }));
  list[0].polling = {1h, 1h};
  auto daemon = std::make_unique<Daemon>(std::move(list));
  ASSERT_TRUE(daemon->wait_for([](auto const& all) { return all[0].state == State::waiting; }));
  auto before = std::chrono::steady_clock::now();
  daemon.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

TEST(Jitter, DrawsFromZeroToTheGrowingCap) {
  Jitter jitter(7);
  Backoff backoff{100ms, 1s};
  Duration most{0};
  for (int i = 0; i < 2000; ++i) most = std::max(most, jitter.pause(backoff, 0));
  EXPECT_LE(most, 100ms);
  EXPECT_GT(most, 90ms);
  most = Duration(0);
  Duration least = 1h;
  for (int i = 0; i < 2000; ++i) {
    auto pause = jitter.pause(backoff, 60);
    most = std::max(most, pause);
    least = std::min(least, pause);
  }
  EXPECT_LE(most, 1s);
  EXPECT_GT(most, 950ms);
  EXPECT_LT(least, 50ms);
}

}  // namespace
}  // namespace haagent
