#include "tests/integration/region_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "agent/base/program.h"
#include "tests/sim/leftovers.h"

namespace haagent::sim {

using namespace std::chrono_literals;

std::string no_region_because() {
  if (::geteuid() != 0) return "needs root: namespaces, bridges and loop devices";
  if (!std::filesystem::exists("/dev/loop-control")) return "needs loop devices";
  for (auto program : {"ip", "nft", "nsenter", "haproxy", "etcd", "curl", "mkfs.ext4"})
    if (!find_program(program, clean_environment({}))) return std::string("needs ") + program;
  return {};
}

pid_t start_region(std::function<void(RegionNamespaces const&)> const& body) {
  std::fflush(nullptr);
  auto const test = ::getpid();
  auto pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != test) ::_exit(1);
  auto region = enter_region_namespaces();
  if (region)
    body(*region);
  else
    ADD_FAILURE() << region.error().message.text;
  std::fflush(nullptr);
  ::_exit(::testing::Test::HasFailure() ? 1 : 0);
}

std::vector<std::string> leftovers_at_last(pid_t region) {
  std::vector<std::string> found;
  auto const none = [&] {
    found = leftovers(std::to_string(region));
    return found.empty();
  };
  if (eventually(none, 10s)) return {};
  return found;
}

void in_region(std::function<void(RegionNamespaces const&)> const& body, Duration deadline) {
  auto pid = start_region(body);
  ASSERT_GT(pid, 0);
  int status = 0;
  bool ended = eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, deadline);
  if (!ended) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    ADD_FAILURE() << "the region did not end within " << to_words(test::patient(deadline));
  } else {
    EXPECT_EQ(status, 0) << "the region failed, see above";
  }
  EXPECT_EQ(leftovers_at_last(pid), std::vector<std::string>());
}

}  // namespace haagent::sim
