#include "agent/base/thread_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <optional>
#include <thread>

#include "agent/base/wait_accounting.h"
#include "tests/support/eventually.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

TEST(Hanging, IsWhoStaysInOwnCodeAndIsNotHeldByTheKernel) {
  struct Row {
    char const* what;
    std::vector<MonitoredThread> threads;
    char const* says;
  };
  for (auto const& row : {
           Row{"nobody is looked after", {}, ""},
           Row{"at work", {{"etcd-main", 299s}, {"pki", 0s}}, ""},
           Row{"just within", {{"etcd-main", 300s}}, ""},
           Row{"one hangs",
               {{"pki", 0s}, {"etcd-main", 301s}},
               "etcd-main has been at one thing for 5 min 1 s"},
           Row{"two hang",
               {{"pki", 10min}, {"hosts", 6min}},
               "pki has been at one thing for 10 min; hosts has been at one thing for 6 min"},
           Row{"a disk does not answer", {{"mount-main", 10min, /*held_by_kernel=*/true}}, ""},
       })
    EXPECT_EQ(hanging(row.threads, 300s), row.says) << row.what;
}

Duration own_code_of(std::string const& name, SteadyTime now) {
  auto const all = monitored_threads(now);
  auto const found = std::ranges::find(all, name, &MonitoredThread::name);
  return found == all.end() ? Duration(-1) : found->in_own_code;
}

TEST(ThreadMonitor, TellsOwnCodeFromWhatIsWaitedFor) {
  auto later = [] { return std::chrono::steady_clock::now() + 10min; };
  EXPECT_EQ(own_code_of("a row", later()), Duration(-1));
  {
    ThreadMonitor const monitor("a row");
    EXPECT_GE(own_code_of("a row", later()), Duration(10min));
    {
      AccountedWait wait(WaitFor::pause);
      EXPECT_EQ(own_code_of("a row", later()), Duration(0));
      AccountedWait again(WaitFor::pause);
      EXPECT_EQ(own_code_of("a row", later()), Duration(0));
    }
    EXPECT_GE(own_code_of("a row", later()), Duration(10min));
    ThreadMonitor const inner("a row within");
    EXPECT_EQ(own_code_of("a row within", later()), Duration(-1));
  }
  EXPECT_EQ(own_code_of("a row", later()), Duration(-1));
}

TEST(ThreadMonitor, ASleepIsAWaitAndALockIsNot) {
  std::mutex held;
  std::unique_lock lock(held);
  std::stop_source stop;
  std::jthread sleeper([&] {
    ThreadMonitor const monitor("sleeper");
    SystemClock().sleep(1h, stop.get_token());
  });
  std::jthread stuck([&] {
    ThreadMonitor const monitor("stuck");
    std::lock_guard const waits(held);
  });
  auto later = [] { return std::chrono::steady_clock::now() + 10min; };
  EXPECT_TRUE(test::eventually([&] { return own_code_of("sleeper", later()) == Duration(0); }));
  EXPECT_TRUE(test::eventually([&] { return own_code_of("stuck", later()) >= Duration(10min); }));
  lock.unlock();
  stop.request_stop();
}

}  // namespace
}  // namespace haagent
