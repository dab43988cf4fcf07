#include "agent/base/proxy_bypass.h"

#include <arpa/inet.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace haagent {
namespace {

struct Prefix {
  std::array<std::uint8_t, 16> bytes;
  std::size_t bits;
};

constexpr std::size_t kMapped = 96;  // IPv4 as IPv6: ::ffff:0:0/96

constexpr Prefix ipv4(std::uint8_t a, std::uint8_t b, std::size_t bits) {
  return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b}, kMapped + bits};
}

constexpr Prefix kLocal[] = {
    ipv4(127, 0, 8),
    ipv4(169, 254, 16),
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},  // ::1
    {{0xfe, 0x80}, 10},
    {{0xfd, 0x00, 0x0e, 0xc2}, 32},  // EC2's own services: fd00:ec2::254 is instance metadata
};

bool within(in6_addr const& address, Prefix const& prefix) {
  for (std::size_t bit = 0; bit < prefix.bits; ++bit) {
    auto mask = 0x80u >> bit % 8;
    if ((address.s6_addr[bit / 8] & mask) != (prefix.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

}  // namespace

bool bypasses_proxy(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  host = host.substr(0, host.find('%'));
  std::string text(host);
  if (text.ends_with('.')) text.pop_back();
  if (::strcasecmp(text.c_str(), "localhost") == 0) return true;
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.c_str(), &address) != 1 &&
      ::inet_pton(AF_INET6, ("::ffff:" + text).c_str(), &address) != 1) {
    return false;  // a name
  }
  return std::ranges::any_of(kLocal, [&](auto const& prefix) { return within(address, prefix); });
}

}  // namespace haagent
