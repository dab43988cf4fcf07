#include "bootstrap/health/kubelet_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "bootstrap/health/goroutine_dump.h"
#include "bootstrap/health/kubelet_health_step.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/scripted_http.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/bootstrap/health/kubelet_fakes.h"

namespace haagent::bootstrap::health {
namespace {

using namespace std::chrono_literals;
using test::Found;
using test::found;
using test::IsDone;
using test::IsNeeded;
using test::IsWaiting;
using test::Says;
using testing::AllOf;

constexpr char kHealthz[] = "GET http://127.0.0.1:10248/healthz";
constexpr char kReadyz[] = "GET https://127.0.0.1:6443/readyz";
constexpr char kGoroutine[] = "GET https://127.0.0.1:10250/debug/pprof/goroutine?debug=";

// A kubelet that was well, and hangs for long enough.
KubeletWatched hanging() {
  return {.well = false,
          .unit = UnitState::Phase::running,
          .up = 24h,
          .was_well = true,
          .looks = 20,
          .unwell_for = 90s,
          .since_restart = {}};
}

TEST(KubeletWatch, Decides) {
  using Phase = UnitState::Phase;
  struct Row {
    char const* what;
    WatchMove move;
    std::function<void(KubeletWatched&)> but;
  };
  Row const rows[] = {
      {"it hangs", WatchMove::restart, [](auto&) {}},
      {"it is well", WatchMove::none, [](auto& it) { it.well = true; }},
      {"for a minute", WatchMove::restart, [](auto& it) { it.unwell_for = 60s; }},
      {"for less", WatchMove::wait, [](auto& it) { it.unwell_for = 59s; }},
      {"at few looks", WatchMove::wait, [](auto& it) { it.looks = 4; }},
      {"systemd starts it", WatchMove::leave, [](auto& it) { it.unit = Phase::starting; }},
      {"somebody has stopped it", WatchMove::leave, [](auto& it) { it.unit = Phase::stopped; }},
      {"it has failed", WatchMove::leave, [](auto& it) { it.unit = Phase::failed; }},
      {"it is no unit's", WatchMove::leave, [](auto& it) { it.unit.reset(); }},
      {"its runtime is down", WatchMove::leave, [](auto& it) { it.runtime_up = false; }},
      {"the apiserver is silent", WatchMove::restart,
       [](auto& it) { it.apiserver_answers = false; }},
      {"it starts", WatchMove::wait,
       [](auto& it) {
         it.was_well = false;
         it.up = 14min;
       }},
      {"it does not come up", WatchMove::restart,
       [](auto& it) {
         it.was_well = false;
         it.up = 15min;
       }},
      {"it does not come up, and neither does the apiserver", WatchMove::wait,
       [](auto& it) {
         it.was_well = false;
         it.up = 24h;
         it.apiserver_answers = false;
       }},
      {"it was restarted a moment ago", WatchMove::wait, [](auto& it) { it.since_restart = 179s; }},
      {"it was restarted for its certificate", WatchMove::restart,
       [](auto& it) { it.since_restart = 3min; }},
      {"twice within the hour", WatchMove::restart,
       [](auto& it) {
         it.since_restart = 10min;
         it.restarts = 2;
       }},
      {"three times within the hour", WatchMove::spent,
       [](auto& it) {
         it.since_restart = 10min;
         it.restarts = 3;
       }},
  };
  for (auto const& row : rows) {
    auto seen = hanging();
    row.but(seen);
    EXPECT_EQ(decide_kubelet_watch(seen), row.move) << row.what;
  }
}

class KubeletWatchTest : public testing::Test {
 protected:
  KubeletWatchTest() {
    facts_.identity.set(test::kube_identity());
    pass(0s);
    run(100);
    units_.on_restart = [this] { run(units_.now.pid + 1); };
    restart_agent();
  }
  void restart_agent() {
    restarts_ = std::make_unique<kube::KubeletRestarts>(root_, units_);
    step_ = std::make_unique<KubeletHealthStep>(
        KubeletHealthDeps{{config_, root_, http_, clock_}, units_, journal_, *restarts_});
  }
  void pass(Duration time) {
    clock_.advance(time);
    up_ += time;
    test::write_bytes(root_("/proc/uptime"),
                      fmt::format("{:.2f} 1.00\n", static_cast<double>(up_.count()) / 1000));
  }
  // A new process of the unit, which begins now.
  void run(pid_t pid) {
    std::filesystem::remove_all(root_(fmt::format("/proc/{}", units_.now.pid)));
    units_.now.pid = pid;
    auto const folder = root_(fmt::format("/proc/{}", pid));
    test::write_bytes(folder / "cmdline", std::string("/usr/bin/kubelet") + '\0');
    test::write_bytes(folder / "stat",
                      fmt::format("{} (kubelet) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {} 0 0",
                                  pid, up_.count() / 10));
  }
  Found look() { return found(step_->look(facts_, {})); }
  void is_well() {
    http_.on(kHealthz, test::answer(200, "ok"));
    EXPECT_THAT(look(), IsDone(Reason::KubeletHealthy));
  }
  // Looks each 10 s for so long, and acts where something is needed; gives the last finding.
  Found unwell_for(Duration time) {
    Found last;
    for (Duration left = time; left > 0s; left -= 10s) {
      pass(10s);
      auto finding = step_->look(facts_, {});
      last = found(finding);
      if (last.as != Found::As::needed) continue;
      EXPECT_TRUE(test::act_on(finding));
    }
    return last;
  }

  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
  test::FakeClock clock_;
  Duration up_ = 1h;
  test::ScriptedHttp http_;
  NodeConfig config_ = test::kube_master();
  Kubelet units_;
  Journal journal_;
  Facts facts_;
  std::unique_ptr<kube::KubeletRestarts> restarts_;
  std::unique_ptr<KubeletHealthStep> step_;
};

TEST_F(KubeletWatchTest, OneThatHangsIsRestartedAfterAMinute) {
  pass(30min);
  is_well();
  http_.always(kHealthz, fail(Kind::transient, "timed out"));
  http_.always(kReadyz, test::answer(200, "ok"));
  EXPECT_THAT(unwell_for(60s), IsWaiting(Reason::KubeletUnhealthy));
  EXPECT_EQ(units_.restarts, 0);
  EXPECT_THAT(unwell_for(10s), IsNeeded(Reason::KubeletHangs));
  EXPECT_EQ(units_.restarts, 1);
  look();
  EXPECT_EQ(facts_.kubelet.get()->restarts_for_health, 1u);
}

TEST_F(KubeletWatchTest, OneThatComesBackInBetweenIsNot) {
  pass(30min);
  for (int i = 0; i < 5; ++i) {
    is_well();
    http_.on(kHealthz, test::answer(500, "[-]syncloop failed\n"));
    http_.on(kHealthz, test::answer(500, "[-]syncloop failed\n"));
    http_.on(kHealthz, test::answer(500, "[-]syncloop failed\n"));
    EXPECT_THAT(unwell_for(30s), IsWaiting(Reason::KubeletUnhealthy));
    pass(60s);
  }
  is_well();
  EXPECT_EQ(units_.restarts, 0);
}

TEST_F(KubeletWatchTest, ThreeTimesWithinAnHourWhateverAgentItIs) {
  pass(30min);
  is_well();
  http_.always(kHealthz, fail(Kind::transient, "timed out"));
  http_.always(kReadyz, test::answer(200, "ok"));
  std::vector<Duration> at;
  units_.on_restart = [&] {
    at.push_back(up_);
    run(units_.now.pid + 1);
  };
  bool was_spent = false;
  for (int i = 0; i < 15; ++i) {
    was_spent = unwell_for(18min).message.reason == Reason::KubeletRestartsSpent || was_spent;
    restart_agent();
  }
  EXPECT_TRUE(was_spent);
  ASSERT_GE(at.size(), 9u);
  for (std::size_t i = 3; i < at.size(); ++i) EXPECT_GE(at[i] - at[i - 3], 1h) << i;
}

TEST_F(KubeletWatchTest, OneThatStartsHasItsTimeAndWaitsForAnApiserver) {
  http_.always(kHealthz, fail(Kind::transient, "refused"));
  http_.always(kReadyz, fail(Kind::transient, "refused"));
  EXPECT_THAT(unwell_for(1h), IsWaiting(Reason::KubeletUnhealthy));
  EXPECT_EQ(units_.restarts, 0);
}

TEST_F(KubeletWatchTest, WithoutItsRuntimeItIsLeftAlone) {
  pass(30min);
  is_well();
  units_.runtime =
      UnitState{.phase = UnitState::Phase::failed, .pid = 0, .detail = {}, .since = {}};
  http_.always(kHealthz, test::answer(500, "[-]syncloop failed\n"));
  unwell_for(10min);
  EXPECT_EQ(units_.restarts, 0);
  units_.runtime->phase = UnitState::Phase::running;
  unwell_for(10s);
  EXPECT_EQ(units_.restarts, 1);
}

// The step that restarts it for its certificate, and this one, at once.
TEST_F(KubeletWatchTest, IsNotRestartedForTwoCausesAtOnce) {
  pass(30min);
  is_well();
  http_.always(kHealthz, fail(Kind::transient, "timed out"));
  unwell_for(60s);
  pass(10s);
  auto needed = step_->look(facts_, {});
  EXPECT_THAT(found(needed), IsNeeded(Reason::KubeletHangs));
  ASSERT_TRUE(restarts_->restart(100, kube::RestartCause::certificate));
  EXPECT_TRUE(test::act_on(needed));
  EXPECT_EQ(units_.restarts, 1);
}

class GoroutineDump : public KubeletWatchTest {
 protected:
  GoroutineDump() {
    test::write_bytes(root_("/etc/kubernetes/pki/apiserver-kubelet-client.crt"), "c");
  }
  Result<std::string> take() {
    return take_goroutine_dump(http_, root_, "https://127.0.0.1:10250", clock_.utc(), {});
  }
  std::vector<std::string> kept() const {
    std::vector<std::string> names;
    for (auto const& file : std::filesystem::directory_iterator(root_(kGoroutines)))
      names.push_back(file.path().filename());
    std::ranges::sort(names);
    return names;
  }
};

TEST_F(GoroutineDump, IsTakenBeforeTheRestart) {
  pass(30min);
  is_well();
  http_.always(kHealthz, fail(Kind::transient, "timed out"));
  http_.on(std::string(kGoroutine) + "2", test::answer(200, "goroutine 1 [select, 12 minutes]:"));
  http_.always(kReadyz, test::answer(200, "ok"));
  int taken_before = 0;
  units_.on_restart = [&] {
    taken_before = http_.count("/debug/pprof/goroutine");
    run(101);
  };
  unwell_for(70s);
  EXPECT_EQ(taken_before, 1);
  ASSERT_EQ(kept().size(), 1u);
  auto const asked = http_.requests();
  auto const request = std::ranges::find_if(
      asked, [](auto const& each) { return each.url.contains("/debug/pprof/"); });
  EXPECT_EQ(request->tls.cert_file, root_("/etc/kubernetes/pki/apiserver-kubelet-client.crt"));
  EXPECT_EQ(test::bytes_of(root_(std::string(kGoroutines)) / kept().front()),
            "goroutine 1 [select, 12 minutes]:");
  EXPECT_THAT(look(), Says(kept().front()));
}

TEST_F(GoroutineDump, ThreeAreKept) {
  http_.always(std::string(kGoroutine) + "2", test::answer(200, "goroutine"));
  for (int i = 0; i < 5; ++i) {
    pass(1min);
    EXPECT_TRUE(take());
  }
  EXPECT_EQ(kept().size(), 3u);
  EXPECT_EQ(kept().back(), to_rfc3339(clock_.utc()) + ".txt");
}

TEST_F(GoroutineDump, OneThatIsTooLongIsAskedForInShort) {
  http_.on(std::string(kGoroutine) + "2", fail(Kind::invalid, "longer than 8 MiB"));
  http_.on(std::string(kGoroutine) + "1", test::answer(200, "goroutine profile: total 90000"));
  EXPECT_TRUE(take());
}

TEST_F(GoroutineDump, WithoutOneTheKubeletIsRestartedAllTheSame) {
  http_.on(std::string(kGoroutine) + "2", test::answer(403, "Forbidden"));
  EXPECT_FALSE(take());
  http_.on(std::string(kGoroutine) + "2", fail(Kind::transient, "timed out"));
  EXPECT_FALSE(take());
  // A worker has no certificate that a kubelet shows it to.
  std::filesystem::remove(root_("/etc/kubernetes/pki/apiserver-kubelet-client.crt"));
  EXPECT_FALSE(take());
  pass(30min);
  is_well();
  http_.always(kHealthz, fail(Kind::transient, "timed out"));
  unwell_for(70s);
  EXPECT_EQ(units_.restarts, 1);
}

}  // namespace
}  // namespace haagent::bootstrap::health
