#include "agent/preflight/reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "agent/base/cidr.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/stop_event.h"

namespace haagent::preflight {
namespace {

Reached::How how_of(int error) {
  switch (error) {
    case 0:
      return Reached::How::connected;
    case ECONNREFUSED:
    case ECONNRESET:
      return Reached::How::refused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL:
    case EACCES:
    case EPERM:
      return Reached::How::unreachable;
    default:
      return Reached::How::timed_out;
  }
}

}  // namespace

Result<Reached> reach(std::string const& address, int port, Duration patience,
                      std::stop_token stop) {
  auto const ip = parse_ip(address);
  if (!ip) return fail(Kind::invalid, "'{}' is no address", address);
  sockaddr_storage to{};
  socklen_t size = 0;
  if (ip->v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&v6.sin6_addr, ip->bytes.data(), 16);
    std::memcpy(&to, &v6, size = sizeof v6);
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&v4.sin_addr, ip->bytes.data(), 4);
    std::memcpy(&to, &v4, size = sizeof v4);
  }
  FileDescriptor connection(::socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  Reached reached{.address = address, .port = port, .how = how_of(errno)};
  if (connection.get() < 0) {
    reached.how = Reached::How::unreachable;  // a machine without IPv6
    return reached;
  }
  int error = 0;
  if (::connect(connection.get(), reinterpret_cast<sockaddr const*>(&to), size) != 0) error = errno;
  if (error == EINPROGRESS) {
    StopEvent stopped(stop);
    std::array<pollfd, 2> waits = {pollfd{connection.get(), POLLOUT, 0},
                                   pollfd{stopped.fd(), POLLIN, 0}};
    auto const until = std::chrono::steady_clock::now() + patience;
    int ready = 0;
    do {
      auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      ready = ::poll(waits.data(), waits.size(), static_cast<int>(std::max<long>(0, left.count())));
    } while (ready < 0 && errno == EINTR);
    if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
    socklen_t length = sizeof error;
    if (ready == 0)
      error = ETIMEDOUT;
    else if (::getsockopt(connection.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0)
      error = errno;
  }
  reached.how = how_of(error);
  return reached;
}

}  // namespace haagent::preflight
