// What a plugin says where there is no page to go by; the rest is in tests/unit/agent/check.
#include "agent/commands/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/json.h"
#include "agent/status/json.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/agent/check/pages.h"

namespace haagent {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class CheckProgram : public testing::Test {
 protected:
  CheckProgram() { test::write_bytes(root_ / "proc/sys/kernel/random/boot_id", "boot-1\n"); }

  void write_status(std::string const& boot_id, pid_t pid) {
    auto report = check::test::master().report;
    report.boot_id = boot_id;
    report.pid = pid;
    report.pid_start = pid == getpid() ? read_pid_start(pid) : 1;
    report.stays = true;
    test::write_bytes(root_ / "run/haagent/status.json", json::print(to_tree(report)));
  }
  struct Said {
    int code;
    std::string out;
  };
  Said run(CheckCommand const& command, CheckOptions options = CheckOptions()) {
    options.root = Root(root_.path());
    testing::internal::CaptureStdout();
    auto const code = run_check(command, options);
    ::alarm(0);
    return {code, testing::internal::GetCapturedStdout()};
  }
  // Of the node, and of all others.
  void expect(int node, int others, std::string const& mentions) {
    for (auto const* each :
         {&kCheckNode, &kCheckEtcd, &kCheckBackup, &kCheckCerts, &kCheckVolumes}) {
      auto const said = run(*each);
      EXPECT_EQ(said.code, each == &kCheckNode ? node : others) << said.out;
      EXPECT_THAT(said.out, AllOf(HasSubstr(mentions), EndsWith("\n")));
      EXPECT_EQ(std::ranges::count(said.out, '\n'), 1) << said.out;
    }
  }

  test::TemporaryDirectory root_;
};

TEST_F(CheckProgram, ANodeWithoutAgentIsCriticalAndTheRestIsNotKnown) {
  expect(2, 3, "AgentNotRunning");
  write_status("boot-0", getpid());
  expect(2, 3, "AgentNotRunning");
  write_status("boot-1", 1);
  expect(2, 3, "AgentNotRunning");
}

TEST_F(CheckProgram, APageThatCannotBeReadSaysNothing) {
  test::write_bytes(root_ / "run/haagent/status.json", "{");
  expect(3, 3, " UNKNOWN: ");
}

TEST_F(CheckProgram, APageOfAnAgentThatRunsCounts) {
  write_status("boot-1", getpid());
  auto const said = run(kCheckNode);
  EXPECT_EQ(said.code, 0) << said.out;
  EXPECT_THAT(said.out, AllOf(StartsWith("NODE OK: "), HasSubstr(" | 'not_ready'=0s;0;900;0")));
}

TEST_F(CheckProgram, OfAnotherNodeItNeedsACertificate) {
  auto const said = run(kCheckNode, {.root = Root(), .verbose = 1, .host = "10.0.0.1"});
  EXPECT_EQ(said.code, 3);
  EXPECT_THAT(said.out, AllOf(HasSubstr("PermissionDenied"), HasSubstr("haagent pki issue")));
}

TEST_F(CheckProgram, ItsTimeIsOverWhateverKeepsIt) {
  std::filesystem::create_directories(root_ / "run/haagent");
  ASSERT_EQ(::mkfifo((root_ / "run/haagent/status.json").c_str(), 0644), 0);
  EXPECT_EXIT(std::exit(run_check(kCheckNode, {.root = Root(root_.path()), .timeout = 1})),
              testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace haagent
