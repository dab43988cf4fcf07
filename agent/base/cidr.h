// Address ranges, IPv4 and IPv6.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace haagent {

struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // network order; the first four for IPv4
  int bits() const { return v6 ? 128 : 32; }
  bool operator==(IpAddress const&) const = default;
};

// "10.0.0.1" or "fd00::1", without brackets; nothing where it is no address.
std::optional<IpAddress> parse_ip(std::string_view text);
std::string to_string(IpAddress const& address);
// However the two are written. False where either is none.
bool is_same_address(std::string_view one, std::string_view other);

struct Cidr {
  IpAddress network;
  int prefix = 0;
  bool contains(IpAddress const& address) const;
  bool overlaps(Cidr const& other) const;
};

// "10.96.0.0/16". Bits set behind the prefix are an error (invalid) that names the right network.
Result<Cidr> parse_cidr(std::string_view text);
std::string to_string(Cidr const& cidr);

}  // namespace haagent
