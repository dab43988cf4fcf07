#include "agent/base/units_systemd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sdbus-c++/sdbus-c++.h>
#include <signal.h>
#include <stdlib.h>

#include <functional>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "agent/base/process.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Phase = UnitState::Phase;

SystemdProperties loaded(std::string active, std::string sub) {
  SystemdProperties properties;
  properties.load_state = "loaded";
  properties.active_state = std::move(active);
  properties.sub_state = std::move(sub);
  properties.result = "success";
  return properties;
}

TEST(ToUnitState, ReadsSystemdsWords) {
  auto died = [](std::string active, std::string sub, std::string result, int code, int status) {
    auto properties = loaded(std::move(active), std::move(sub));
    properties.result = std::move(result);
    properties.exec_main_code = code;
    properties.exec_main_status = status;
    return properties;
  };
  auto with_pid = [](SystemdProperties properties) {
    properties.main_pid = 42;
    return properties;
  };
  auto with_job = [](SystemdProperties properties, char const* job) {
    properties.job = job;
    return properties;
  };
  auto with_output = [](SystemdProperties properties) {
    properties.output =
        R"({"level":"fatal","msg":"cannot save","error":"write /wal: no space left on device"})"
        "\n";
    return properties;
  };
  struct Row {
    SystemdProperties properties;
    Phase phase;
    pid_t pid;
    std::string detail;
  };
  Row const rows[] = {
      {loaded("inactive", "dead"), Phase::stopped, 0, ""},
      {with_pid(loaded("active", "running")), Phase::running, 42, ""},
      {with_pid(loaded("reloading", "reload")), Phase::running, 42, ""},
      {with_pid(loaded("deactivating", "stop-sigterm")), Phase::running, 42, ""},
      {with_pid(loaded("activating", "start")), Phase::starting, 42, ""},
      // Died before, well by now: the old exit is no news.
      {with_pid(died("active", "running", "success", CLD_EXITED, 2)), Phase::running, 42, ""},
      {died("failed", "failed", "exit-code", CLD_EXITED, 2), Phase::failed, 0, "exited with 2"},
      {died("failed", "failed", "signal", CLD_KILLED, SIGKILL), Phase::failed, 0,
       "ended by SIGKILL"},
      {died("failed", "failed", "oom-kill", CLD_KILLED, SIGKILL), Phase::failed, 0,
       "ended by SIGKILL; systemd says oom-kill"},
      {died("failed", "failed", "start-limit-hit", CLD_EXITED, 1), Phase::failed, 0,
       "exited with 1; systemd says start-limit-hit"},
      {died("failed", "failed", "resources", 0, 0), Phase::failed, 0, "systemd says resources"},
      {died("activating", "auto-restart", "exit-code", CLD_EXITED, 2), Phase::starting, 0,
       "exited with 2"},
      // What the run wrote last, and what of a run that goes on says nothing.
      {with_output(died("failed", "failed", "exit-code", CLD_EXITED, 1)), Phase::failed, 0,
       "exited with 1: cannot save: write /wal: no space left on device"},
      {with_output(died("activating", "auto-restart", "exit-code", CLD_EXITED, 1)), Phase::starting,
       0, "exited with 1: cannot save: write /wal: no space left on device"},
      {with_output(loaded("active", "running")), Phase::running, 0, ""},
      // Asked for, and systemd has not come to it.
      {with_job(loaded("inactive", "dead"), "start"), Phase::starting, 0, ""},
      {with_job(died("failed", "failed", "exit-code", CLD_EXITED, 2), "restart"), Phase::starting,
       0, ""},
      {with_job(loaded("inactive", "dead"), "stop"), Phase::stopped, 0, ""},
  };
  for (auto const& row : rows) {
    auto state = to_unit_state(row.properties);
    auto label = row.properties.active_state + " " + row.properties.result;
    EXPECT_EQ(state.phase, row.phase) << label;
    EXPECT_EQ(state.pid, row.pid) << label;
    EXPECT_EQ(state.detail, row.detail) << label;
    EXPECT_EQ(state.since, std::nullopt) << label;
  }
  auto since = loaded("active", "running");
  since.state_change_us = 1768472100'000'000;
  EXPECT_EQ(to_unit_state(since).since, test::FakeClock().utc());
}

TEST(CheckLoaded, SaysWhatIsMissingAndWhatToDo) {
  struct Row {
    char const* name;
    char const* load_state;
    char const* says;  // nullptr: fine
  };
  constexpr Row kRows[] = {
      {"kubelet.service", "loaded", nullptr},
      {"kubelet.service", "not-found", " kubelet.service "},
      {"haagent-etcd@main.service", "not-found", " haagent-etcd@.service "},
      {"kubelet.service", "masked", " kubelet.service"},
      {"kubelet.service", "bad-setting", "systemd-analyze"},
      {"kubelet.service", "error", "systemd-analyze"},
  };
  for (auto const& row : kRows) {
    auto properties = loaded("inactive", "dead");
    properties.load_state = row.load_state;
    auto result = check_loaded(row.name, properties);
    EXPECT_EQ(result.has_value(), row.says == nullptr) << row.load_state;
    if (result || row.says == nullptr) continue;
    EXPECT_EQ(result.error().kind, Kind::invalid);
    EXPECT_THAT(result.error().message.text, HasSubstr(row.says));
  }
}

TEST(ToUnitUser, ReadsNamesAndNumbersAsSystemdDoes) {
  struct Row {
    char const* user;
    char const* group;
    UnitUser is;
  };
  for (auto const& row :
       {Row{"", "", {0, 0}}, Row{"root", "", {0, 0}}, Row{"daemon", "", {1, 1}},
        Row{"daemon", "root", {1, 0}}, Row{"", "daemon", {0, 1}}, Row{"1", "", {1, 1}},
        Row{"64999", "", {64999, 64999}}, Row{"daemon", "64999", {1, 64999}}}) {
    auto const user = to_unit_user("x.service", row.user, row.group);
    ASSERT_TRUE(user) << user.error().message.text;
    EXPECT_EQ(*user, row.is) << row.user << ":" << row.group;
  }
  auto const nobody = to_unit_user("x.service", "no-such-user", "");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, Kind::invalid);
  EXPECT_THAT(nobody.error().message.text,
              AllOf(HasSubstr("x.service"), HasSubstr("'no-such-user'")));
  EXPECT_FALSE(to_unit_user("x.service", "root", "no-such-group"));
}

// Stands where systemd stands on a bus of the test's own. It has units of one file,
// "haagent-etcd@.service", and stops them as slowly as the test says.
class FakeSystemd {
 public:
  FakeSystemd() : bus_(sdbus::createSystemBusConnection("org.freedesktop.systemd1")) {
    manager_ = sdbus::createObject(*bus_, "/org/freedesktop/systemd1");
    auto on = [&](char const* method, auto answer) {
      manager_->registerMethod(method)
          .onInterface("org.freedesktop.systemd1.Manager")
          .implementedAs(std::move(answer));
    };
    on("LoadUnit", [this](std::string const& name) {
      std::lock_guard lock(mutex_);
      unit_.load_state = name.starts_with("haagent-etcd@") ? "loaded" : "not-found";
      return sdbus::ObjectPath("/org/freedesktop/systemd1/unit/one");
    });
    using Listed =
        sdbus::Struct<std::string, std::string, std::string, std::string, std::string, std::string,
                      sdbus::ObjectPath, std::uint32_t, std::string, sdbus::ObjectPath>;
    on("ListUnitsByNames", [this](std::vector<std::string> const& names) {
      std::lock_guard lock(mutex_);
      callers_.insert(manager_->getCurrentlyProcessedMessage()->getSender());
      std::vector<Listed> listed;
      for (auto const& name : names) {
        unit_.load_state = name.starts_with("haagent-etcd@") ? "loaded" : "not-found";
        listed.emplace_back(name, "", unit_.load_state, unit_.active_state, unit_.sub_state, "",
                            sdbus::ObjectPath("/org/freedesktop/systemd1/unit/one"),
                            unit_.job.empty() ? 0u : 1u, unit_.job, sdbus::ObjectPath("/"));
      }
      return listed;
    });
    on("ResetFailedUnit", [this](std::string const&) { call("reset"); });
    on("StartUnit", [this](std::string const& name, std::string const& mode) {
      call("start " + name + " " + mode);
      auto asked_for = loaded("inactive", "dead");
      asked_for.job = "start";
      set(start_waits ? asked_for : loaded("active", "running"));
      return sdbus::ObjectPath("/org/freedesktop/systemd1/job/1");
    });
    on("StopUnit", [this](std::string const& name, std::string const& mode) {
      call("stop " + name + " " + mode);
      if (!stop_waits) set(loaded(ignores_sigterm ? "deactivating" : "inactive", ""));
      return sdbus::ObjectPath("/org/freedesktop/systemd1/job/2");
    });
    on("TryRestartUnit", [this](std::string const& name, std::string const& mode) {
      call("try-restart " + name + " " + mode);
      return sdbus::ObjectPath("/org/freedesktop/systemd1/job/3");
    });
    on("KillUnit", [this](std::string const& name, std::string const& whom, std::int32_t signal) {
      call(fmt::format("kill {} {} {}", name, whom, signal));
      set(signal == SIGTERM ? loaded("inactive", "dead") : loaded("failed", "failed"));
    });
    manager_->finishRegistration();

    one_ = sdbus::createObject(*bus_, "/org/freedesktop/systemd1/unit/one");
    auto show = [&](char const* interface, char const* name, auto SystemdProperties::* member) {
      one_->registerProperty(name)
          .onInterface(std::string("org.freedesktop.systemd1.") + interface)
          .withGetter([this, member] {
            std::lock_guard lock(mutex_);
            return unit_.*member;
          });
    };
    show("Unit", "StateChangeTimestamp", &SystemdProperties::state_change_us);
    one_->registerProperty("InvocationID")
        .onInterface("org.freedesktop.systemd1.Unit")
        .withGetter([] { return std::vector<std::uint8_t>(16, 0xAB); });
    show("Service", "Result", &SystemdProperties::result);
    show("Service", "MainPID", &SystemdProperties::main_pid);
    show("Service", "ExecMainCode", &SystemdProperties::exec_main_code);
    show("Service", "ExecMainStatus", &SystemdProperties::exec_main_status);
    for (auto const& [name, value] : {std::pair("User", "daemon"), std::pair("Group", "")})
      one_->registerProperty(name)
          .onInterface("org.freedesktop.systemd1.Service")
          .withGetter([value] { return std::string(value); });
    one_->finishRegistration();
    bus_->enterEventLoopAsync();
  }

  void set(SystemdProperties unit) {
    std::lock_guard lock(mutex_);
    unit_ = std::move(unit);
  }
  std::vector<std::string> calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  std::size_t callers() const {  // connections that have asked
    std::lock_guard lock(mutex_);
    return callers_.size();
  }
  std::atomic<bool> ignores_sigterm = false;
  std::atomic<bool> stop_waits = false;   // its job is queued behind another's
  std::atomic<bool> start_waits = false;  // so is that of a start

 private:
  void call(std::string what) {
    std::lock_guard lock(mutex_);
    calls_.push_back(std::move(what));
  }

  mutable std::mutex mutex_;
  SystemdProperties unit_ = loaded("inactive", "dead");
  std::vector<std::string> calls_;
  std::set<std::string> callers_;
  std::unique_ptr<sdbus::IConnection> bus_;
  std::unique_ptr<sdbus::IObject> manager_;
  std::unique_ptr<sdbus::IObject> one_;
};

constexpr char kName[] = "haagent-etcd@main.service";

class SystemdUnitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto socket = (folder_ / "bus").string();
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + socket).c_str(), 1);
    test::write_bytes(
        folder_ / "bus.conf",
        "<busconfig><type>system</type><listen>unix:path=" + socket +
            "</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/>"
            "<allow own=\"*\"/><allow send_destination=\"*\"/><allow "
            "receive_sender=\"*\"/></policy></busconfig>");
    begin_bus();
    if (!systemd_) GTEST_SKIP() << "needs dbus-daemon";
  }
  void TearDown() override {
    end_bus();
    ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  }

  void begin_bus() {
    stop_ = {};
    daemon_ = std::async(std::launch::async, [this] {
      ProcessSpec spec;
      spec.argv = {"dbus-daemon", "--nofork", "--config-file=" + (folder_ / "bus.conf").string()};
      return SystemProcess().run(spec, stop_.get_token());
    });
    auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!systemd_ && daemon_.wait_for(2ms) == std::future_status::timeout &&
           std::chrono::steady_clock::now() < deadline) {
      try {
        systemd_ = std::make_unique<FakeSystemd>();
      } catch (sdbus::Error const&) {
        // The daemon does not listen yet.
      }
    }
  }
  void end_bus() {
    systemd_.reset();
    stop_.request_stop();
    daemon_.wait();
  }

  test::TemporaryDirectory folder_;
  std::stop_source stop_;
  std::future<Result<ProcessOutcome>> daemon_;
  std::unique_ptr<FakeSystemd> systemd_;
  SystemdUnits units_;
};

TEST_F(SystemdUnitsTest, TellsTheStateOfAUnit) {
  EXPECT_EQ(units_.state(kName).value().phase, Phase::stopped);
  auto failed = loaded("failed", "failed");
  failed.result = "exit-code";
  failed.exec_main_code = CLD_EXITED;
  failed.exec_main_status = 2;
  failed.state_change_us = 1768472100'000'000;
  systemd_->set(failed);
  auto state = units_.state(kName).value();
  EXPECT_EQ(state.phase, Phase::failed);
  EXPECT_EQ(state.detail, "exited with 2");
  EXPECT_EQ(state.since, test::FakeClock().utc());
  EXPECT_THAT(systemd_->calls(), ElementsAre());
}

// One job, so that no crash of ours leaves it stopped; and what does not run is not started.
TEST_F(SystemdUnitsTest, RestartsInOneJob) {
  ASSERT_TRUE(units_.restart(kName));
  EXPECT_THAT(systemd_->calls(), ElementsAre(fmt::format("try-restart {} replace", kName)));
  auto const missing = units_.restart("kubelet.service");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, Kind::invalid);
}

TEST_F(SystemdUnitsTest, AsksAgainAndAgainOverOneConnection) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(units_.state(kName));
  EXPECT_EQ(systemd_->callers(), 1u);
}

TEST_F(SystemdUnitsTest, ABusThatWasRestartedIsAskedOverANewConnection) {
  ASSERT_TRUE(units_.state(kName));
  end_bus();
  begin_bus();
  ASSERT_TRUE(systemd_);
  ASSERT_TRUE(units_.state(kName)) << "nobody has asked while there was none";
  end_bus();
  EXPECT_FALSE(units_.state(kName));
  begin_bus();
  ASSERT_TRUE(systemd_);
  ASSERT_TRUE(units_.state(kName));
  ASSERT_TRUE(units_.stop(kName, 1s, {}));
}

TEST_F(SystemdUnitsTest, TellsWhomAUnitRunsAs) {
  EXPECT_EQ(units_.user(kName).value(), (UnitUser{1, 1}));
}

TEST_F(SystemdUnitsTest, StartsAndForgetsFailuresThatSystemdHasCounted) {
  ASSERT_TRUE(units_.start({.name = kName, .argv = {}, .environment = {}}));
  EXPECT_EQ(units_.state(kName).value().phase, Phase::running);
  systemd_->set(loaded("failed", "failed"));
  ASSERT_TRUE(units_.start({.name = kName, .argv = {}, .environment = {}}));
  auto start = fmt::format("start {} replace", kName);
  EXPECT_THAT(systemd_->calls(), ElementsAre(start, "reset", start));
}

TEST_F(SystemdUnitsTest, AStartThatWaitsForItsTurnIsNoFailureAndCanBeTakenBack) {
  systemd_->start_waits = true;
  ASSERT_TRUE(units_.start({.name = kName, .argv = {}, .environment = {}}));
  EXPECT_EQ(units_.state(kName).value().phase, Phase::starting);
  ASSERT_TRUE(units_.stop(kName, 60s, {}));
  EXPECT_EQ(units_.state(kName).value().phase, Phase::stopped);
  EXPECT_THAT(systemd_->calls(), ElementsAre(fmt::format("start {} replace", kName),
                                             fmt::format("stop {} replace", kName)));
}

TEST_F(SystemdUnitsTest, AUnitWithoutAFileIsInvalidAndNotStarted) {
  auto started = units_.start({.name = "no@such.service", .argv = {}, .environment = {}});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, Kind::invalid);
  EXPECT_THAT(started.error().message.text, HasSubstr(" no@.service "));
  auto state = units_.state("no@such.service");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, Kind::invalid);
  EXPECT_TRUE(units_.stop("no@such.service", 1s, {}));
  EXPECT_THAT(systemd_->calls(), ElementsAre());
}

TEST_F(SystemdUnitsTest, StopsWhatRunsAndNothingElse) {
  ASSERT_TRUE(units_.stop(kName, 1s, {}));
  EXPECT_THAT(systemd_->calls(), ElementsAre());
  systemd_->set(loaded("active", "running"));
  ASSERT_TRUE(units_.stop(kName, 60s, {}));
  EXPECT_THAT(systemd_->calls(), ElementsAre(fmt::format("stop {} replace", kName)));
}

TEST_F(SystemdUnitsTest, KillsAtTheDeadline) {
  systemd_->ignores_sigterm = true;
  systemd_->set(loaded("active", "running"));
  ASSERT_TRUE(units_.stop(kName, 50ms, {}));
  EXPECT_THAT(systemd_->calls(), ElementsAre(fmt::format("stop {} replace", kName),
                                             fmt::format("kill {} all 9", kName)));
}

// As at a shutdown: systemd stops the agent first, and the agent is what stops etcd.
TEST_F(SystemdUnitsTest, AStopThatWaitsForUsIsNotWaitedFor) {
  systemd_->stop_waits = true;
  systemd_->set(loaded("active", "running"));
  ASSERT_TRUE(units_.stop(kName, 60s, {}));
  EXPECT_THAT(systemd_->calls(), ElementsAre(fmt::format("stop {} replace", kName),
                                             fmt::format("kill {} main 15", kName)));
}

TEST_F(SystemdUnitsTest, StopComesBackWhenItIsStoppedItself) {
  systemd_->ignores_sigterm = true;
  systemd_->set(loaded("active", "running"));
  std::stop_source stop;
  auto stopping =
      std::async(std::launch::async, [&] { return units_.stop(kName, 600s, stop.get_token()); });
  auto deadline = std::chrono::steady_clock::now() + 10s;
  while (systemd_->calls().empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(2ms);
  }
  stop.request_stop();
  auto stopped = stopping.get();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, Kind::interrupted);
}

TEST(SystemdUnits, WithoutSystemdSaysSo) {
  if (SystemdUnits::available()) GTEST_SKIP() << "needs a machine without systemd as pid 1";
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/socket", 1);
  SystemdUnits units;
  auto state = units.state(kName);
  auto started = units.start({.name = kName, .argv = {}, .environment = {}});
  auto stopped = units.stop(kName, 1s, {});
  ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, Kind::internal);
  EXPECT_THAT(state.error().message.text, HasSubstr(kName));
  EXPECT_FALSE(started);
  EXPECT_FALSE(stopped);
}

}  // namespace
}  // namespace haagent
