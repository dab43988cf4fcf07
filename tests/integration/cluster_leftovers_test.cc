// A region that ends in the middle of everything leaves nothing on the machine.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/cluster_region.h"
#include "tests/sim/leftovers.h"

namespace haagent::sim {
namespace {

using testing::IsEmpty;
using testing::Not;

// Some masters boot, some have etcd running, one is power-cut and one is cut off.
void make_busy(ClusterRegion& region) {
  ASSERT_TRUE(region.comes_true([&] {
    return std::ranges::all_of(region.masters(), [&](auto const& master) {
      return region.sh(master, "pgrep -x etcd").code == 0;
    });
  }));
  region.command("partition", Tree::map({{"one", "eu-west-1a"}, {"other", "eu-west-1b"}}));
  region.power_cut({"masters-c"});
  EXPECT_THAT(leftovers(std::to_string(region.program().pid())), Not(IsEmpty()));
}

TEST(ClusterLeftovers, NoneAfterCtrlC) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.workers = 1});
  make_busy(region);
  auto const pid = region.program().pid();
  EXPECT_EQ(region.program().interrupt(), 0) << region.program().log();
  EXPECT_THAT(leftovers_at_last(pid), IsEmpty());
}

TEST(ClusterLeftovers, NoneAfterAKill) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.workers = 1});
  make_busy(region);
  auto const pid = region.program().pid();
  region.program().kill();
  EXPECT_THAT(leftovers_at_last(pid), IsEmpty());
}

// A test program that is killed, or whose terminal is closed, cannot tidy up.
TEST(ClusterLeftovers, NoneWhenTheTestIsKilled) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  int told[2];
  ASSERT_EQ(::pipe2(told, O_CLOEXEC), 0);
  auto const test = ::fork();
  ASSERT_GE(test, 0);
  if (test == 0) {
    ClusterRegion region({.workers = 1});
    make_busy(region);
    auto const pid = region.program().pid();
    if (::write(told[1], &pid, sizeof pid) == sizeof pid) ::pause();
    ::_exit(1);
  }
  ::close(told[1]);
  pid_t pid = 0;
  ASSERT_EQ(::read(told[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ::close(told[0]);
  ::kill(test, SIGKILL);
  ::waitpid(test, nullptr, 0);
  EXPECT_THAT(leftovers_at_last(pid), IsEmpty());
}

}  // namespace
}  // namespace haagent::sim
