// Callers of a server on loopback, real sockets, who say little or nothing.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <vector>

#include "agent/base/file_descriptor.h"

namespace haagent {

// Connections of one caller, who says little or nothing.
class Flood {
 public:
  Flood(std::string address, int port) : address_(std::move(address)), port_(port) {}
  // One more, with these words; whether it was taken by the kernel.
  bool add(std::string const& words = {}) {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in from{};
    from.sin_family = AF_INET;
    ::inet_pton(AF_INET, address_.c_str(), &from.sin_addr);
    sockaddr_in to = from;
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    timeval const patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&from), sizeof from) != 0 ||
        ::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      return false;
    if (!words.empty()) ::send(socket.get(), words.data(), words.size(), MSG_NOSIGNAL);
    sockets_.push_back(std::move(socket));
    return true;
  }
  // Those that the server has not closed.
  std::size_t open() {
    std::erase_if(sockets_, [](FileDescriptor const& each) {
      char byte = 0;
      auto const got = ::recv(each.get(), &byte, 1, MSG_DONTWAIT);
      return got == 0 || (got < 0 && errno != EAGAIN);
    });
    return sockets_.size();
  }

 private:
  std::string const address_;
  int const port_;
  std::vector<FileDescriptor> sockets_;
};

}  // namespace haagent
