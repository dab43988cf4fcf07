#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "agent/base/file_descriptor.h"
#include "agent/base/json.h"
#include "agent/base/units.h"
#include "agent/base/units_children.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using test::bytes_of;
using test::eventually;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Phase = UnitState::Phase;

constexpr char kName[] = "haagent-etcd@main.service";

bool ended(pid_t pid) {
  auto path = fs::path("/proc") / std::to_string(pid) / "stat";
  if (!fs::exists(path)) return true;
  auto stat = bytes_of(path);
  return stat.substr(stat.rfind(')')).starts_with(") Z");
}

class ChildUnitsTest : public ::testing::Test {
 protected:
  ChildUnitsTest() : units_(folder_ / "state", folder_ / "logs", clock_) {}
  ~ChildUnitsTest() override {
    // Whatever a failed test has left running.
    (void)units_.stop(kName, 0ms, {});
    for (auto pid : started_) ::kill(-pid, SIGKILL);
  }

  static UnitSpec shell(std::string script) {
    return {.name = kName, .argv = {"sh", "-c", std::move(script)}, .environment = {}};
  }
  UnitState state(ChildUnits& units) {
    auto state = units.state(kName);
    EXPECT_TRUE(state) << state.error().message.text;
    return state.value_or(UnitState{});
  }
  UnitState state() { return state(units_); }
  pid_t start(std::string script) {
    auto started = units_.start(shell(std::move(script)));
    EXPECT_TRUE(started) << started.error().message.text;
    auto now = state();
    if (now.pid > 0) started_.push_back(now.pid);
    return now.pid;
  }
  UnitState after_failing(std::string script) {
    start(std::move(script));
    EXPECT_TRUE(eventually([&] { return state().phase == Phase::failed; }));
    return state();
  }
  std::string log() { return bytes_of(log_file()); }
  fs::path log_file() { return folder_ / "logs" / (std::string(kName) + ".log"); }
  fs::path state_file() { return folder_ / "state" / (std::string(kName) + ".json"); }
  // Runs as an agent of its own, which is gone when this returns.
  void in_another_process(std::function<void(ChildUnits&)> const& act) {
    auto agent = ::fork();
    if (agent == 0) {
      ChildUnits units(folder_ / "state", folder_ / "logs", clock_);
      act(units);
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(agent, &status, 0), agent);
  }

  test::TemporaryDirectory folder_;
  test::FakeClock clock_;
  ChildUnits units_;
  std::vector<pid_t> started_;
};

TEST_F(ChildUnitsTest, WhatWasNeverStartedIsStopped) {
  EXPECT_EQ(state().phase, Phase::stopped);
  EXPECT_TRUE(units_.stop(kName, 1s, {}));
  EXPECT_FALSE(fs::exists(folder_ / "state"));
}

TEST_F(ChildUnitsTest, RunsInASessionOfItsOwnAndIsStartedOnce) {
  auto pid = start("exec sleep 1000");
  auto now = state();
  EXPECT_EQ(now.phase, Phase::running);
  EXPECT_EQ(now.since, clock_.utc());
  EXPECT_EQ(::getsid(pid), pid);
  EXPECT_EQ(start("exec sleep 1000"), pid);
}

TEST_F(ChildUnitsTest, TheProgramGetsArgumentsEnvironmentAndNoDescriptorOfOurs) {
  FileDescriptor leaky(::open("/dev/null", O_RDONLY));
  auto had = ::signal(SIGPIPE, SIG_IGN);
  auto spec = shell(
      "env | LC_ALL=C sort; read line || echo no input; sed -n 's/^SigIgn:.*\\(.......\\)$/Ign "
      "\\1/p' "
      "/proc/self/status; pwd; echo err >&2; echo $(ls /proc/self/fd); sleep 1000");
  spec.environment = {"GIVEN=yes"};
  ASSERT_TRUE(units_.start(spec));
  ::signal(SIGPIPE, had);
  EXPECT_TRUE(eventually([&] { return log().ends_with("0 1 2 3\n"); })) << log();
  EXPECT_EQ(log(),
            "GIVEN=yes\nLC_ALL=C.UTF-8\n"
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/\n"
            "no input\nIgn 0000000\n/\nerr\n0 1 2 3\n");
}

TEST_F(ChildUnitsTest, NoSignalThatWeBlockIsBlockedForTheProgram) {
  // No shell, which clears the mask itself.
  ASSERT_TRUE(units_.start({.name = kName,
                            .argv = {"sed", "-n", "/^SigBlk/p", "/proc/self/status"},
                            .environment = {}}));
  EXPECT_TRUE(eventually([&] { return state().phase == Phase::failed; }));
  EXPECT_EQ(log(), "SigBlk:\t0000000000000000\n");
}

TEST_F(ChildUnitsTest, AFailedOneSaysItsExitStatusAndLastWordsForAsLongAsItIsAsked) {
  clock_.advance(5s);
  auto failed = after_failing("echo earlier; echo; echo the end; exit 2");
  EXPECT_EQ(failed.detail, "exited with 2: earlier / the end");
  EXPECT_EQ(failed.pid, 0);
  EXPECT_EQ(failed.since, clock_.utc());
  clock_.advance(5s);
  EXPECT_EQ(state().detail, failed.detail);
  EXPECT_EQ(state().since, failed.since);
  // Also an agent that was not there when it ended.
  ChildUnits other(folder_ / "state", folder_ / "logs", clock_);
  EXPECT_EQ(state(other).detail, failed.detail);
}

TEST_F(ChildUnitsTest, ASignalIsSaidByItsName) {
  EXPECT_EQ(after_failing("kill -9 $$").detail, "ended by SIGKILL");
}

TEST_F(ChildUnitsTest, APanicIsSaidInsteadOfItsStack) {
  auto failed = after_failing(
      "echo '{\"level\":\"info\"}'; echo 'panic: tocommit(7) is out of range'; echo; "
      "echo 'goroutine 1 [running]:'; printf '\\t/go/src/x.go:1\\n'; exit 2");
  EXPECT_EQ(failed.detail, "exited with 2: panic: tocommit(7) is out of range");
}

TEST_F(ChildUnitsTest, LastWordsAreThisRunsAndBounded) {
  after_failing("echo panic: of the first run; exit 1");
  EXPECT_EQ(after_failing("exit 3").detail, "exited with 3");
  auto failed = after_failing("head -c 100000 /dev/zero | tr '\\0' x; echo; echo end; exit 4");
  EXPECT_EQ(failed.detail, "exited with 4: end");
  failed = after_failing("head -c 2000 /dev/zero | tr '\\0' x; exit 5");
  EXPECT_EQ(failed.detail.size(), std::string("exited with 5: ").size() + 400);
}

TEST_F(ChildUnitsTest, AReasonBehindALongPathIsWhole) {
  auto failed = after_failing(
      "echo '{\"level\":\"fatal\",\"msg\":\"cannot save\",\"error\":\"write '$(head -c 900 "
      "/dev/zero | "
      "tr '\\0' x)': no space left on device\",\"stacktrace\":\"'$(head -c 9000 /dev/zero | tr "
      "'\\0' "
      "y)'\"}'; exit 1");
  EXPECT_THAT(failed.detail, AllOf(StartsWith("exited with 1: cannot save: write xxx"),
                                   testing::EndsWith("xxx: no space left on device")));
}

TEST_F(ChildUnitsTest, ADeadChildIsReaped) {
  auto pid = start("exit 1");
  EXPECT_TRUE(eventually([&] { return state().phase == Phase::failed; }));
  EXPECT_TRUE(pid == 0 || !fs::exists(fs::path("/proc") / std::to_string(pid)));
  // No child at all is left to wait for.
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_F(ChildUnitsTest, AFailedOneStartsAgain) {
  after_failing("exit 1");
  EXPECT_GT(start("exec sleep 1000"), 0);
  EXPECT_EQ(state().phase, Phase::running);
}

TEST_F(ChildUnitsTest, OutlivesTheAgentAndIsFoundByTheNext) {
  in_another_process([&](ChildUnits& units) {
    (void)units.start(shell("echo up; while :; do sleep 0.01; done"));
    ::kill(::getpid(), SIGKILL);
  });
  auto found = state();
  ASSERT_EQ(found.phase, Phase::running);
  started_.push_back(found.pid);
  EXPECT_EQ(start("exec sleep 1000"), found.pid) << "a second one was started";
  ASSERT_TRUE(units_.stop(kName, 10s, {}));
  EXPECT_TRUE(ended(found.pid));
  EXPECT_EQ(state().phase, Phase::stopped);
}

TEST_F(ChildUnitsTest, OneThatEndsWithoutItsAgentHasEnded) {
  in_another_process([&](ChildUnits& units) { (void)units.start(shell("echo why; exit 7")); });
  EXPECT_TRUE(eventually([&] { return state().phase == Phase::failed; }));
  EXPECT_THAT(state().detail, AllOf(StartsWith("ended"), HasSubstr("why")));
}

// Kills the agent at any moment of a start. Whatever runs afterwards must be known to the next
// agent; that next agent would otherwise start a second etcd on the same data.
TEST_F(ChildUnitsTest, AnAgentThatIsKilledWhileItStartsOneNeverLosesIt) {
  auto pids = folder_ / "pids";
  fs::create_directory(pids);
  auto script = "echo > " + pids.string() + "/$$; exec sleep 1000";
  int ran = 0;
  auto alive = 100us;  // grows until even a slow machine's agent gets to the end of its start
  auto deadline = std::chrono::steady_clock::now() + 60s;
  for (int round = 0; round < 50 || ran == 0; ++round, alive += alive / 10) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    auto agent = ::fork();
    if (agent == 0) {
      ChildUnits units(folder_ / "state", folder_ / "logs", clock_);
      (void)units.start(shell(script));
      ::pause();
    }
    std::this_thread::sleep_for(alive);
    ::kill(agent, SIGKILL);
    ::waitpid(agent, nullptr, 0);

    // A child that was let go is known; one that was not sees its agent's end and goes too.
    auto found = state();
    ASSERT_TRUE(eventually([&] {
      found = state();
      return found.phase != Phase::running || fs::exists(pids / std::to_string(found.pid));
    }));
    for (auto const& entry : fs::directory_iterator(pids)) {
      auto pid = std::stoi(entry.path().filename().string());
      started_.push_back(pid);
      EXPECT_EQ(found.pid, pid) << "runs and nobody knows";
      ++ran;
      fs::remove(entry.path());
    }
    ASSERT_TRUE(units_.stop(kName, 0ms, {}));
  }
  EXPECT_GT(ran, 0);
}

TEST_F(ChildUnitsTest, NothingRunsWhereTheStateFileCannotBeWritten) {
  fs::create_directories(folder_ / "state");
  in_another_process([&](ChildUnits& units) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_FSIZE, &none);
    auto started = units.start(shell("mkdir " + (folder_ / "ran").string()));
    if (!started) fs::create_directory(folder_ / "refused");
  });
  EXPECT_TRUE(fs::exists(folder_ / "refused"));
  EXPECT_FALSE(fs::exists(folder_ / "ran"));
  EXPECT_TRUE(fs::is_empty(folder_ / "state"));
}

TEST_F(ChildUnitsTest, AnotherProcessOfTheSamePidIsNotTakenForIt) {
  auto pid = start("exec sleep 1000");
  auto record = json::parse(bytes_of(state_file())).value();
  auto rewrite = [&](char const* key, Tree value) {
    auto changed = record;
    changed.set(key, std::move(value));
    test::write_bytes(state_file(), json::print(changed));
  };
  rewrite("startTime", *record.find("startTime")->as_unsigned() + 1);
  EXPECT_EQ(state().phase, Phase::failed);
  rewrite("startTime", *record.find("startTime")->as_unsigned() + 1);
  EXPECT_TRUE(units_.stop(kName, 0ms, {}));
  EXPECT_FALSE(ended(pid)) << "a stranger was killed";

  rewrite("bootId", "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(state().phase, Phase::stopped);
  EXPECT_TRUE(units_.stop(kName, 0ms, {}));
  EXPECT_FALSE(ended(pid)) << "a stranger was killed";

  test::write_bytes(state_file(), json::print(record));
  EXPECT_EQ(state().phase, Phase::running);
}

TEST_F(ChildUnitsTest, AStateFileThatSaysNothingIsAnErrorAndNotAStart) {
  for (auto const* text : {"", "{", "{}", R"({"pid": -1})", R"({"pid": 1})"}) {
    test::write_bytes(state_file(), text);
    EXPECT_FALSE(units_.state(kName)) << text;
    EXPECT_FALSE(units_.start(shell("exec sleep 1000"))) << text;
    EXPECT_FALSE(units_.stop(kName, 0ms, {})) << text;
  }
  fs::remove(state_file());
}

TEST_F(ChildUnitsTest, StopLetsItTidyUp) {
  auto pid = start("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done");
  ASSERT_TRUE(eventually([&] { return log() == "up\n"; }));
  ASSERT_TRUE(units_.stop(kName, 60s, {}));
  EXPECT_THAT(log(), ::testing::EndsWith("bye\n"));
  EXPECT_FALSE(fs::exists(fs::path("/proc") / std::to_string(pid)));
  EXPECT_EQ(state().phase, Phase::stopped);
}

TEST_F(ChildUnitsTest, StopKillsAtTheDeadline) {
  auto pid = start("trap '' TERM; echo up; while :; do sleep 0.01; done");
  ASSERT_TRUE(eventually([&] { return log() == "up\n"; }));
  auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(units_.stop(kName, 100ms, {}));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 100ms);
  EXPECT_TRUE(ended(pid));
  EXPECT_EQ(state().phase, Phase::stopped);
}

TEST_F(ChildUnitsTest, StopEndsWhatAWrapperHasStarted) {
  // It says who it is before it says that it is up: the wrapper may have its processor later.
  start("(trap '' TERM; exec sh -c 'echo $$ > " + (folder_ / "pid").string() +
        "; echo up; exec sleep 1000') & wait");
  ASSERT_TRUE(eventually([&] { return log() == "up\n"; }));
  ASSERT_TRUE(units_.stop(kName, 200ms, {}));
  EXPECT_TRUE(ended(std::stoi(bytes_of(folder_ / "pid"))));
}

TEST_F(ChildUnitsTest, StopComesBackWhenItIsStoppedItself) {
  auto pid = start("trap '' TERM; echo up; while :; do sleep 0.01; done");
  ASSERT_TRUE(eventually([&] { return log() == "up\n"; }));
  std::stop_source stop;
  auto stopping =
      std::async(std::launch::async, [&] { return units_.stop(kName, 600s, stop.get_token()); });
  stop.request_stop();
  auto stopped = stopping.get();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, Kind::interrupted);
  EXPECT_FALSE(ended(pid));
  EXPECT_EQ(state().phase, Phase::running);
}

TEST_F(ChildUnitsTest, TheLogIsAppendedToAndRotatedOnceItIsLong) {
  after_failing("echo one; exit 1");
  after_failing("echo two; exit 1");
  EXPECT_EQ(log(), "one\ntwo\n");
  fs::resize_file(log_file(), (10 << 20) + 1);
  after_failing("echo three; exit 1");
  EXPECT_EQ(log(), "three\n");
  EXPECT_EQ(fs::file_size(log_file().string() + ".1"), (10u << 20u) + 1);
}

TEST_F(ChildUnitsTest, WhatCannotBeStartedIsAnErrorAndLeavesNothing) {
  test::write_bytes(folder_ / "text", "no program");
  fs::permissions(folder_ / "text", fs::perms::owner_all);
  test::write_bytes(folder_ / "broken", "#!/no/such/interpreter\n");
  fs::permissions(folder_ / "broken", fs::perms::owner_all);
  for (auto const& program : {std::string("haagent-no-such-program"), (folder_ / "text").string(),
                              (folder_ / "broken").string(), (folder_ / "gone").string()}) {
    auto started = units_.start({.name = kName, .argv = {program}, .environment = {}});
    ASSERT_FALSE(started) << program;
    EXPECT_EQ(started.error().kind, Kind::internal);
    EXPECT_THAT(started.error().message.text, AllOf(HasSubstr(kName), HasSubstr(program)));
    EXPECT_EQ(state().phase, Phase::stopped);
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_F(ChildUnitsTest, ANameThatLeavesTheFolderIsRefused) {
  for (auto const* name : {"", ".", "..", "../x", "a/b"}) {
    auto refused = units_.start({.name = name, .argv = {"true"}, .environment = {}});
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().kind, Kind::invalid);
    EXPECT_FALSE(units_.state(name));
    EXPECT_FALSE(units_.stop(name, 0ms, {}));
  }
}

}  // namespace
}  // namespace haagent
