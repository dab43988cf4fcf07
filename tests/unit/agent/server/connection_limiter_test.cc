#include "agent/server/connection_limiter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include "tests/support/eventually.h"
#include "tests/unit/agent/server/flood.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr Duration kSoon = 30s;

// A port whose connections go through a limiter. Whoever speaks is answered "ok", at once or once
// the test lets it.
class DoorwayTest : public testing::Test {
 protected:
  void open(ConnectionLimits limits) {
    limiter_ = std::make_unique<ConnectionLimiter>(limits, [this](int socket) {
      ++served_;
      while (held_ && !test::eventually([&] { return !held_ || is_over(socket); }, 100ms)) {
      }
      if (::send(socket, "ok", 2, MSG_NOSIGNAL) == 2) ++answered_;
    });
    listener_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(listener_.get(), any, length), 0);
    ASSERT_EQ(::listen(listener_.get(), 200), 0);
    ASSERT_EQ(::getsockname(listener_.get(), any, &length), 0);
    port_ = ntohs(address.sin_port);
    accepting_ = std::jthread([this] {
      for (;;) {
        FileDescriptor socket(::accept(listener_.get(), nullptr, nullptr));
        if (!socket) return;
        limiter_->admit(std::move(socket));
      }
    });
  }
  void close() {
    if (!limiter_) return;
    ::shutdown(listener_.get(), SHUT_RDWR);
    accepting_.join();
    limiter_.reset();
  }
  ~DoorwayTest() override { close(); }

  static bool is_over(int socket) {
    pollfd polled{.fd = socket, .events = 0, .revents = 0};
    return ::poll(&polled, 1, 0) == 1;
  }
  std::unique_ptr<Flood> caller(int number, int connections, std::string const& words = {}) {
    auto flood = std::make_unique<Flood>(fmt::format("127.0.1.{}", number), port_);
    for (int i = 0; i < connections; ++i) EXPECT_TRUE(flood->add(words));
    return flood;
  }

  std::atomic<bool> held_ = false;
  std::atomic<int> served_ = 0;
  std::atomic<int> answered_ = 0;
  int port_ = 0;

 private:
  FileDescriptor listener_;
  std::unique_ptr<ConnectionLimiter> limiter_;
  std::jthread accepting_;
};

std::ptrdiff_t threads_of_this_program() {
  namespace fs = std::filesystem;
  return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
}

// Each costs memory for as long as a master lives, and a boot time to start.
TEST_F(DoorwayTest, AThreadIsStartedOnceThereIsAConnectionForIt) {
  auto const before = threads_of_this_program();
  held_ = true;
  open({.threads = 100, .threads_per_address = 100, .silence = 1h});
  // Who accepts, who watches, one that serves; a sanitizer may have one of its own.
  EXPECT_LE(threads_of_this_program(), before + 10);
  auto const many = caller(1, 7, "hello");
  EXPECT_TRUE(eventually([&] { return served_ == 7; }, kSoon)) << served_;
  EXPECT_LE(threads_of_this_program(), before + 20);
  held_ = false;
  EXPECT_TRUE(eventually([&] { return answered_ == 7; }, kSoon)) << answered_;
}

TEST_F(DoorwayTest, ACallerHasItsPartOfTheRoomAndOthersHaveTheRest) {
  open({.silence = 1h});
  auto const many = caller(1, 60);
  EXPECT_TRUE(eventually([&] { return many->open() == 8; }, kSoon)) << many->open();
  auto const other = caller(2, 5, "hello");
  EXPECT_TRUE(eventually([&] { return answered_ == 5; }, kSoon)) << answered_;
  EXPECT_EQ(served_, 5) << "a silent one has a thread";
  // What one of them had is free again.
  EXPECT_TRUE(other->add("hello"));
  EXPECT_TRUE(eventually([&] { return answered_ == 6; }, kSoon)) << answered_;
  EXPECT_EQ(many->open(), 8u);
}

TEST_F(DoorwayTest, IsFullOfManyCallersAndClosesTheRestAtOnce) {
  open({.connections = 20, .silence = 1h});
  auto const one = caller(1, 8);
  auto const two = caller(2, 8);
  auto const three = caller(3, 8);
  auto open = [&] { return one->open() + two->open() + three->open(); };
  EXPECT_TRUE(eventually([&] { return open() == 20; }, kSoon)) << open();
  auto const late = caller(4, 1, "hello");
  EXPECT_TRUE(eventually([&] { return late->open() == 0; }, kSoon));
  EXPECT_EQ(served_, 0);
}

TEST_F(DoorwayTest, WhoStaysSilentIsClosed) {
  open({.silence = 300ms});
  auto const silent = caller(1, 8);
  EXPECT_TRUE(eventually([&] { return silent->open() == 0; }, kSoon)) << silent->open();
  EXPECT_EQ(served_, 0);
}

TEST_F(DoorwayTest, ACallerHasItsPartOfTheThreads) {
  held_ = true;
  open({.silence = 1h});
  auto const slow = caller(1, 6, "hello");
  EXPECT_TRUE(eventually([&] { return served_ == 2; }, kSoon)) << served_;
  auto const other = caller(2, 1, "hello");
  EXPECT_TRUE(eventually([&] { return served_ == 3; }, kSoon)) << served_;
  held_ = false;
  EXPECT_TRUE(eventually([&] { return answered_ == 7; }, kSoon)) << answered_;
}

TEST_F(DoorwayTest, EndsThoughSomeWaitAndSomeAreServed) {
  held_ = true;
  open({.silence = 1h});
  auto const slow = caller(1, 6, "hello");
  EXPECT_TRUE(eventually([&] { return served_ == 2; }, kSoon)) << served_;
  close();
  EXPECT_TRUE(eventually([&] { return slow->open() == 0; }, kSoon));
}

}  // namespace
}  // namespace haagent
