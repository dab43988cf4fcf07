#include "tests/integration/sim_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "tests/integration/region_process.h"
#include "tests/sim/control.h"

namespace haagent::sim {

std::filesystem::path built_beside(std::string const& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

pid_t start_in_region(std::filesystem::path const& control, std::vector<std::string> const& argv,
                      std::filesystem::path const& output, Errors errors) {
  std::vector<std::string> words = {built_beside("haagent-sim").string(), "enter", "--"};
  words.insert(words.end(), argv.begin(), argv.end());
  auto const pid = ::fork();
  if (pid < 0) ADD_FAILURE() << "fork: " << errno;
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setenv("HAAGENT_SIM_CONTROL", control.c_str(), 1);
  auto const to = ::open(output.c_str(), O_WRONLY | O_CREAT, 0600);
  ::dup2(to, 1);
  if (errors == Errors::to_the_file) ::dup2(to, 2);
  std::vector<char*> raw;
  for (auto& each : words) raw.push_back(each.data());
  raw.push_back(nullptr);
  ::execv(raw[0], raw.data());
  ::_exit(127);
}

SimProgram::~SimProgram() {
  if (pid_ > 0) end();
}

void SimProgram::start(std::string const& spec, std::vector<std::string> const& more) {
  test::write_bytes(folder_ / "region.yaml", spec);
  std::vector<std::string> argv = {built_beside("haagent-sim").string(),
                                   "run",
                                   "--spec",
                                   folder_ / "region.yaml",
                                   "--state",
                                   folder_ / "state"};
  argv.insert(argv.end(), more.begin(), more.end());
  auto const test = ::getpid();
  pid_ = ::fork();
  ASSERT_GE(pid_, 0);
  if (pid_ == 0) {
    // Of another group, so that a Ctrl-C does not reach it: it ends with the test, however that
    // does.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != test) ::_exit(127);
    ::setpgid(0, 0);
    auto const log = (folder_ / "log").string();
    if (!std::freopen(log.c_str(), "w", stdout) || ::dup2(1, 2) < 0) ::_exit(126);
    std::vector<char*> raw;
    for (auto& each : argv) raw.push_back(each.data());
    raw.push_back(nullptr);
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  ASSERT_TRUE(eventually([&] { return command("state").has_value(); })) << log();
}

int SimProgram::end() {
  ::kill(pid_, SIGTERM);
  return wait_for_end();
}

int SimProgram::interrupt() {
  ::kill(-pid_, SIGINT);
  return wait_for_end();
}

void SimProgram::kill() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

int SimProgram::wait_for_end() {
  int status = -1;
  bool const ended =
      eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, Duration(60'000));
  EXPECT_TRUE(ended) << log();
  if (!ended) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status, 0);
  }
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Result<Tree> SimProgram::command(std::string_view name, Tree const& arguments) const {
  return control_call(socket(), name, arguments);
}

}  // namespace haagent::sim
