#include "agent/runtime/kept_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/support/temporary_directory.h"

namespace haagent::notify {
namespace {

int port_of(int socket) {
  sockaddr_in where{};
  socklen_t length = sizeof where;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&where), &length) != 0) return -1;
  return ntohs(where.sin_port);
}

FileDescriptor listening() {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(socket.get(), 1), 0);
  return socket;
}

// What a process that systemd starts with the socket as its second finds; its exit code.
int in_a_process_of_systemd(int socket, std::string const& names, auto look) {
  auto const child = ::fork();
  if (child == 0) {
    int const other = ::open("/dev/null", O_RDONLY);
    int const kept = ::fcntl(socket, F_DUPFD, 100), first = ::fcntl(other, F_DUPFD, 100);
    ::dup2(first, 3);
    ::dup2(kept, 4);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "2", 1);
    ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
    ::_exit(look() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(KeptSockets, WhatWasKeptComesBackByItsName) {
  auto const socket = listening();
  auto const port = port_of(socket.get());
  EXPECT_EQ(in_a_process_of_systemd(socket.get(), "else:join",
                                    [&] {
                                      auto const kept = kept_socket("join");
                                      return port_of(kept.get()) == port &&
                                             ::fcntl(kept.get(), F_GETFD) == FD_CLOEXEC &&
                                             !kept_socket("join") && ::fcntl(3, F_GETFD) == -1;
                                    }),
            0);
  EXPECT_EQ(
      in_a_process_of_systemd(socket.get(), "else:other", [&] { return !kept_socket("join"); }), 0);
}

TEST(KeptSockets, WithoutSystemdThereIsNone) {
  EXPECT_FALSE(kept_socket("join"));
  keep_socket("join", listening().get());
  forget_socket("join");
}

// The manager's end of the protocol.
class Manager : public testing::Test {
 protected:
  void SetUp() override {
    auto const path = (folder_ / "notify").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  void TearDown() override { ::unsetenv("NOTIFY_SOCKET"); }
  // The next message, and what came with it.
  std::pair<std::string, FileDescriptor> next() {
    char text[256], control[256];
    iovec part{.iov_base = text, .iov_len = sizeof text};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    auto const size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (size < 0) return {};
    FileDescriptor sent;
    for (auto* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
      if (each->cmsg_type != SCM_RIGHTS) continue;
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each), sizeof fd);
      sent = FileDescriptor(fd);
    }
    return {std::string(text, static_cast<std::size_t>(size)), std::move(sent)};
  }
  test::TemporaryDirectory folder_;
  FileDescriptor socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(Manager, IsGivenTheSocketInThePlaceOfTheLast) {
  auto const socket = listening();
  keep_socket("join", socket.get());
  EXPECT_EQ(next().first, "FDSTOREREMOVE=1\nFDNAME=join");
  auto const [text, sent] = next();
  EXPECT_EQ(text, "FDSTORE=1\nFDNAME=join");
  EXPECT_EQ(port_of(sent.get()), port_of(socket.get()));
  EXPECT_EQ(next().first, "");
}

}  // namespace
}  // namespace haagent::notify
