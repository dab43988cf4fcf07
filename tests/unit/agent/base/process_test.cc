#include "agent/base/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>

#include "agent/base/file_descriptor.h"
#include "agent/base/wait_accounting.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

ProcessSpec shell(std::string script) {
  ProcessSpec spec;
  spec.argv = {"sh", "-c", std::move(script)};
  return spec;
}

ProcessOutcome run(ProcessSpec const& spec) {
  auto outcome = SystemProcess().run(spec, {});
  EXPECT_TRUE(outcome) << outcome.error().message.text;
  return outcome.value_or(ProcessOutcome{});
}

// Gone, or a zombie that its new parent has not waited for yet.
bool ended(pid_t pid) {
  auto path = std::filesystem::path("/proc") / std::to_string(pid) / "stat";
  if (!std::filesystem::exists(path)) return true;
  auto stat = test::bytes_of(path);
  return stat.substr(stat.rfind(')')).starts_with(") Z");
}

TEST(SystemProcess, ReturnsExitCodeAndBothOutputs) {
  auto outcome = run(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
  EXPECT_FALSE(outcome.truncated);
}

TEST(SystemProcess, ASignalIs128AndItsNumber) {
  EXPECT_EQ(run(shell("kill -9 $$")).exit_code, 128 + SIGKILL);
}

TEST(SystemProcess, WhatRunsToItsEndIsNeitherStoppedNorTimedOut) {
  test::TemporaryDirectory folder;
  auto const begun = folder / "begun", gate = folder / "gate", ended = folder / "ended";
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  auto spec = shell("touch " + begun.string() + "; read _ <" + gate.string() + "; touch " +
                    ended.string() + "; exit 7");
  spec.deadline = 1ms;
  spec.to_its_end = true;
  std::stop_source stop;
  auto outcome =
      std::async(std::launch::async, [&] { return SystemProcess().run(spec, stop.get_token()); });
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(begun); }));
  stop.request_stop();
  EXPECT_EQ(outcome.wait_for(300ms), std::future_status::timeout);
  test::write_bytes(gate, "\n");
  auto const got = outcome.get();
  ASSERT_TRUE(got) << got.error().message.text;
  EXPECT_EQ(got->exit_code, 7);
  EXPECT_TRUE(std::filesystem::exists(ended));
}

TEST(SystemProcess, WhatRunsToItsEndIsNotBegunOnceStopped) {
  test::TemporaryDirectory folder;
  auto spec = shell("echo > " + (folder / "file").string());
  spec.to_its_end = true;
  std::stop_source stop;
  stop.request_stop();
  auto outcome = SystemProcess().run(spec, stop.get_token());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::interrupted);
  EXPECT_FALSE(std::filesystem::exists(folder / "file"));
}

TEST(SystemProcess, OneDescriptorIsInheritedWhereItIsWanted) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "lock", "");
  FileDescriptor lock(::open((folder / "lock").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  auto spec = shell("ls /proc/self/fd; flock -n 3 || echo not ours");
  spec.inherits = lock.get();
  EXPECT_EQ(run(spec).out, "0\n1\n2\n3\n4\n") << "4 is ls's own";
  spec.inherits = -1;
  EXPECT_EQ(run(shell("ls /proc/self/fd")).out, "0\n1\n2\n3\n");
}

TEST(SystemProcess, ArgumentsReachTheProgramAsTheyAre) {
  ProcessSpec spec;
  spec.argv = {"printf", "%s|", "a b", "$HOME", "", "'; rm x", "*"};
  EXPECT_EQ(run(spec).out, "a b|$HOME||'; rm x|*|");
}

TEST(SystemProcess, TheEnvironmentIsSmallAndClean) {
  ::setenv("HAAGENT_TEST_LEAK", "leaked", 1);
  ProcessSpec spec;
  spec.argv = {"env"};
  spec.environment = {"LC_ALL=C", "GIVEN=yes"};
  auto outcome = run(spec);
  ::unsetenv("HAAGENT_TEST_LEAK");
  EXPECT_EQ(outcome.out,
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
            "LC_ALL=C\nGIVEN=yes\n");
}

TEST(SystemProcess, LooksInThePathThatTheProgramGets) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "mine", "#!/bin/sh\necho mine\n");
  std::filesystem::permissions(folder / "mine", std::filesystem::perms::owner_all);
  ProcessSpec spec;
  spec.argv = {"mine"};
  spec.environment = {"PATH=/nowhere::" + folder.path().string()};
  EXPECT_EQ(run(spec).out, "mine\n");
}

TEST(SystemProcess, WhatCannotBeStartedIsAnErrorThatNamesIt) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "text", "no program");
  for (auto const& name : {std::string("haagent-no-such-program"), (folder / "gone").string(),
                           (folder / "text").string(), std::string("/")}) {
    ProcessSpec spec;
    spec.argv = {name};
    auto outcome = SystemProcess().run(spec, {});
    ASSERT_FALSE(outcome) << name;
    EXPECT_EQ(outcome.error().kind, Kind::internal);
    EXPECT_THAT(outcome.error().message.text, HasSubstr(name));
  }
  EXPECT_FALSE(SystemProcess().run({.argv = {}, .environment = {}, .input = {}}, {}));
}

TEST(SystemProcess, InputIsGivenAndWithoutOneThereIsNothingToRead) {
  auto spec = shell("cat");
  spec.input = std::string(3 << 20, 'x');
  spec.output_cap = 4 << 20;
  EXPECT_EQ(run(spec).out, spec.input);
  spec.input.clear();
  EXPECT_EQ(run(spec).out, "");
}

TEST(SystemProcess, InputThatNobodyReadsDoesNotEndUs) {
  auto spec = shell("exec 0<&-; exit 4");
  spec.input = std::string(1 << 20, 'x');
  EXPECT_EQ(run(spec).exit_code, 4);
}

TEST(SystemProcess, HasNoTerminalToAskOn) {
  EXPECT_NE(run(shell("exec < /dev/tty")).exit_code, 0);
  // Field 6 of stat is the session: one of its own.
  EXPECT_EQ(run(shell("read pid name state parent group session rest < /proc/$$/stat; "
                      "[ $session = $$ ] && [ $group = $$ ] && echo own"))
                .out,
            "own\n");
}

TEST(SystemProcess, ReadsBothOutputsAtOnceAndKeepsUpToTheCap) {
  // More than a pipe holds, on both, so that reading one after the other would hang.
  auto spec = shell("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; echo end >&2");
  spec.output_cap = 1000;
  spec.deadline = 20s;
  auto outcome = run(spec);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out.size(), 1000u);
  EXPECT_EQ(outcome.err.size(), 1000u);
  EXPECT_TRUE(outcome.err.ends_with("end\n")) << "the cause stands at the end";
  EXPECT_TRUE(outcome.truncated);
  spec = shell("head -c 1000 /dev/zero");
  spec.output_cap = 1000;
  outcome = run(spec);
  EXPECT_EQ(outcome.out.size(), 1000u);
  EXPECT_FALSE(outcome.truncated);
}

TEST(SystemProcess, TheDeadlineEndsTheWholeGroup) {
  test::TemporaryDirectory folder;
  auto file = (folder / "pid").string();
  // The grandchild ignores SIGTERM and holds the pipes.
  auto spec = shell("(trap '' TERM; exec sleep 1000) & echo $! > " + file + "; sleep 1000");
  spec.deadline = 200ms;
  auto before = std::chrono::steady_clock::now();
  auto outcome = SystemProcess().run(spec, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::transient);
  EXPECT_THAT(outcome.error().message.text, AllOf(HasSubstr("1000"), HasSubstr("200 ")));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 20s);
  auto grandchild = std::stoi(test::bytes_of(file));
  EXPECT_TRUE(eventually([&] { return ended(grandchild); })) << grandchild;
}

TEST(SystemProcess, TheDeadlineEndsAGrandchildThatHoldsNoPipe) {
  test::TemporaryDirectory folder;
  auto file = (folder / "pid").string();
  auto spec = shell("(trap '' TERM; exec sleep 1000 > /dev/null 2>&1) & echo $! > " + file +
                    "; exec sleep 1000");
  spec.deadline = 200ms;
  EXPECT_FALSE(SystemProcess().run(spec, {}));
  auto grandchild = std::stoi(test::bytes_of(file));
  EXPECT_TRUE(eventually([&] { return ended(grandchild); })) << grandchild;
}

TEST(SystemProcess, AGrandchildThatHoldsTheOutputDoesNotHoldUsToTheDeadline) {
  test::TemporaryDirectory folder;
  auto file = (folder / "pid").string();
  auto spec = shell("(trap '' TERM; exec sleep 1000) & echo $! > " + file + "; echo done; exit 5");
  spec.deadline = 600s;
  auto before = std::chrono::steady_clock::now();
  auto outcome = run(spec);
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_EQ(outcome.out, "done\n");
  EXPECT_LT(std::chrono::steady_clock::now() - before, 20s);
  auto grandchild = std::stoi(test::bytes_of(file));
  EXPECT_TRUE(eventually([&] { return ended(grandchild); })) << grandchild;
}

TEST(SystemProcess, StopEndsItAndLetsItTidyUp) {
  test::TemporaryDirectory folder;
  auto ready = folder / "ready";
  auto tidied = folder / "tidied";
  auto spec = shell("trap 'echo > " + tidied.string() + "; exit 0' TERM; echo > " + ready.string() +
                    "; while :; do sleep 0.01; done");
  std::stop_source stop;
  auto running =
      std::async(std::launch::async, [&] { return SystemProcess().run(spec, stop.get_token()); });
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(ready); }));
  stop.request_stop();
  auto outcome = running.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::interrupted);
  EXPECT_TRUE(std::filesystem::exists(tidied));
}

TEST(SystemProcess, DoesNotStartOnceStopped) {
  test::TemporaryDirectory folder;
  std::stop_source stop;
  stop.request_stop();
  auto outcome =
      SystemProcess().run(shell("echo > " + (folder / "file").string()), stop.get_token());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::interrupted);
  EXPECT_FALSE(std::filesystem::exists(folder / "file"));
}

TEST(SystemProcess, NoDescriptorLeaksIntoTheProgram) {
  FileDescriptor leaky(::open("/dev/null", O_RDONLY));  // as a library without O_CLOEXEC does
  ASSERT_TRUE(leaky);
  // The listing's own descriptor is 3.
  EXPECT_EQ(run(shell("exec ls /proc/self/fd")).out, "0\n1\n2\n3\n");
}

TEST(SystemProcess, SignalsThatWeBlockOrIgnoreReachTheProgram) {
  auto had = ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  // No shell, which clears the mask itself. Up to signal 28; 32 and 33 are the C library's own.
  ProcessSpec spec;
  spec.argv = {"sed", "-n", "s/^Sig\\(Blk\\|Ign\\):.*\\(.......\\)$/\\1 \\2/p",
               "/proc/self/status"};
  auto outcome = run(spec);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, had);
  EXPECT_EQ(outcome.out, "Blk 0000000\nIgn 0000000\n");
}

TEST(SystemProcess, LeavesNoZombieAndNoDescriptorBehind) {
  auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  run(shell(":"));
  auto before = count();
  for (int round = 0; round < 20; ++round) run(shell("cat"));
  // Fewer where a server of an earlier test still had a connection to close.
  EXPECT_LE(count(), before);
}

TEST(SystemProcess, CountsItsTimeAsOutsideTime) {
  auto before = AccountedWait::of_this_thread();
  run(shell("sleep 0.02"));
  EXPECT_GE(AccountedWait::of_this_thread() - before, 20ms);
}

TEST(ToWords, QuotesWhatNeedsIt) {
  struct Row {
    std::vector<std::string> argv;
    std::string words;
  };
  Row const rows[] = {
      {{"mkfs.ext4", "-q", "/dev/my disk"}, "mkfs.ext4 -q '/dev/my disk'"},
      {{"mkfs.xfs", "-m", "crc=1,finobt=1", "/dev/nvme1n1"},
       "mkfs.xfs -m crc=1,finobt=1 /dev/nvme1n1"},
      {{"echo", "", "it's", "$x", "a\nb"}, "echo '' 'it'\\''s' '$x' 'a\\x0ab'"},
      {{}, ""},
  };
  for (auto const& row : rows) EXPECT_EQ(to_words(row.argv), row.words);
}

}  // namespace
}  // namespace haagent
