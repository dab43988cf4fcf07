#include "tests/sim/uevent.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <thread>

#include "agent/base/file_descriptor.h"

namespace haagent::sim {
namespace {

constexpr unsigned kUdevGroup = 2;  // 1 is the kernel's own

struct Header {
  char prefix[8] = {'l', 'i', 'b', 'u', 'd', 'e', 'v', '\0'};
  std::uint32_t magic = htonl(0xfeedcafe);
  std::uint32_t header_size = sizeof(Header);
  std::uint32_t properties_offset = sizeof(Header);
  std::uint32_t properties_length = 0;
  std::uint32_t subsystem_hash = 0;
  std::uint32_t devtype_hash = 0;
  std::uint32_t tag_bloom[2] = {0, 0};
};
static_assert(sizeof(Header) == 40);

// MurmurHash2 with seed 0, over the bytes in little-endian order: what libudev's socket filters
// compare.
std::uint32_t hash_of(std::string_view text) {
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  auto hash = static_cast<std::uint32_t>(text.size());
  auto byte = [&](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at]));
  };
  std::size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    auto word = byte(at) | byte(at + 1) << 8u | byte(at + 2) << 16u | byte(at + 3) << 24u;
    word *= kMultiplier;
    word ^= word >> 24u;
    hash = hash * kMultiplier ^ word * kMultiplier;
  }
  if (at < text.size()) {
    for (auto rest = at; rest < text.size(); ++rest) hash ^= byte(rest) << 8u * (rest - at);
    hash *= kMultiplier;
  }
  hash ^= hash >> 13u;
  hash *= kMultiplier;
  return hash ^ hash >> 15u;
}

// In a thread of its own, which may change its namespace without the rest of the process.
Result<void> send_here(pid_t pid, std::string const& datagram) {
  FileDescriptor space(::open(fmt::format("/proc/{}/ns/net", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!space) return fail_errno(errno, "opening an instance's network namespace");
  if (::setns(space.get(), CLONE_NEWNET) != 0)
    return fail_errno(errno, "entering an instance's network namespace");
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT));
  if (!socket) return fail_errno(errno, "opening a uevent socket");
  sockaddr_nl to{};
  to.nl_family = AF_NETLINK;
  to.nl_groups = kUdevGroup;
  auto sent = ::sendto(socket.get(), datagram.data(), datagram.size(), 0,
                       reinterpret_cast<sockaddr*>(&to), sizeof to);
  // Refused: nobody listens.
  if (sent < 0 && errno != ECONNREFUSED) return fail_errno(errno, "sending a uevent");
  return {};
}

}  // namespace

std::string encode_uevent(Properties const& properties) {
  Header header;
  std::string body;
  for (auto const& [name, value] : properties) {
    body += name + "=" + value + '\0';
    if (name == "SUBSYSTEM") header.subsystem_hash = htonl(hash_of(value));
    if (name == "DEVTYPE") header.devtype_hash = htonl(hash_of(value));
  }
  header.properties_length = static_cast<std::uint32_t>(body.size());
  std::string datagram(sizeof header, '\0');
  std::memcpy(datagram.data(), &header, sizeof header);
  return datagram + body;
}

Result<void> send_uevent(pid_t pid, std::string const& datagram) {
  Result<void> result;
  std::thread([&] { result = send_here(pid, datagram); }).join();
  return result;
}

}  // namespace haagent::sim
