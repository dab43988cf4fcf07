#include "agent/runtime/watchdog.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <latch>

#include "agent/base/file_descriptor.h"
#include "agent/base/runner.h"
#include "tests/support/eventually.h"
#include "tests/support/scripted_step.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using test::eventually;

// Listens where systemd would.
class WatchdogTest : public testing::Test {
 protected:
  void SetUp() override {
    auto const path = (folder_ / "notify").string();
    socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr const*>(&address), sizeof(address)),
              0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::unsetenv("WATCHDOG_PID");
  }
  void TearDown() override {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
  }
  // How often it has been said since the last call.
  int heard() {
    int times = 0;
    char bytes[256];
    for (;;) {
      auto const size = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
      if (size < 0) return times;
      if (std::string_view(bytes, static_cast<std::size_t>(size)) == "WATCHDOG=1") ++times;
    }
  }
  static SteadyTime in(Duration later) { return std::chrono::steady_clock::now() + later; }

  test::TemporaryDirectory folder_;
  FileDescriptor socket_;
  SystemClock clock_;
};

TEST_F(WatchdogTest, SaysNothingWhereSystemdDoesNotAsk) {
  Watchdog const watchdog(clock_);
  EXPECT_EQ(heard(), 0);
}

TEST_F(WatchdogTest, SaysItAgainAndAgain) {
  ::setenv("WATCHDOG_USEC", "30000", 1);
  Watchdog const watchdog(clock_);
  int times = 0;
  EXPECT_TRUE(eventually([&] { return (times += heard()) >= 3; }));
}

TEST_F(WatchdogTest, AStepThatHangsSilencesItAndOneThatGetsOnDoesNot) {
  Watchdog watchdog(clock_);
  std::latch goes_on(1);
  std::atomic<bool> hangs = false;
  std::vector<Row> rows(2);
  rows[0].step = std::make_unique<test::ScriptedStep>("hangs", [&]() -> Result<Finding> {
    hangs = true;
    goes_on.wait();
    return Done{Message(Reason::IdentityKnown, "at last")};
  });
  rows[1].step = std::make_unique<test::ScriptedStep>("waits", []() -> Result<Finding> {
    return Waiting{Message(Reason::VolumeChanging, "for somebody else")};
  });
  Runner runner(std::move(rows), clock_, {});
  Facts facts;
  std::stop_source stop;
  std::jthread running([&] { runner.stay(facts, stop.get_token(), {}); });
  ASSERT_TRUE(eventually([&] { return hangs.load(); }));

  EXPECT_TRUE(watchdog.turn(in(Watchdog::kLimit - 60s))) << "it may take its time";
  EXPECT_EQ(heard(), 1);
  EXPECT_FALSE(watchdog.turn(in(Watchdog::kLimit + 60s)));
  EXPECT_FALSE(watchdog.turn(in(Watchdog::kLimit + 90s)));
  EXPECT_EQ(heard(), 0);

  goes_on.count_down();
  ASSERT_TRUE(eventually([&] { return runner.rows()[0].state == RowStatus::State::done; }));
  // Both are asleep for most of the time now.
  EXPECT_TRUE(eventually([&] { return watchdog.turn(in(Watchdog::kLimit + 60s)); }));
  EXPECT_EQ(heard(), 1);
  stop.request_stop();
}

}  // namespace
}  // namespace haagent
