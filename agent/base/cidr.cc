#include "agent/base/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace haagent {
namespace {

IpAddress masked(IpAddress address, int prefix) {
  for (int bit = prefix; bit < address.bits(); ++bit) {
    address.bytes[static_cast<std::size_t>(bit / 8)] &=
        static_cast<std::uint8_t>(~(0x80u >> static_cast<unsigned>(bit % 8)));
  }
  return address;
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  IpAddress address;
  std::string const copy(text);
  // A zero byte inside would end the C string early.
  if (copy.find('\0') != copy.npos) return std::nullopt;
  address.v6 = copy.find(':') != copy.npos;
  if (inet_pton(address.v6 ? AF_INET6 : AF_INET, copy.c_str(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

std::string to_string(IpAddress const& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
  return text;
}

bool is_same_address(std::string_view one, std::string_view other) {
  auto const a = parse_ip(one), b = parse_ip(other);
  return a && b && *a == *b;
}

bool Cidr::contains(IpAddress const& address) const {
  return address.v6 == network.v6 && masked(address, prefix) == network;
}

bool Cidr::overlaps(Cidr const& other) const {
  return contains(other.network) || other.contains(network);
}

Result<Cidr> parse_cidr(std::string_view text) {
  auto slash = text.find('/');
  auto address = parse_ip(text.substr(0, slash));
  if (!address) return fail(Kind::invalid, "'{}' is no range such as 10.96.0.0/16", text);
  if (slash == text.npos) {
    return fail(Kind::invalid, "'{}' lacks its prefix length, such as 10.96.0.0/16", text);
  }
  auto length = text.substr(slash + 1);
  int prefix = -1;
  auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), prefix);
  if (error != std::errc() || end != length.data() + length.size() || prefix < 0 ||
      prefix > address->bits()) {
    return fail(Kind::invalid, "'{}' has no prefix length between 0 and {}", text, address->bits());
  }
  Cidr cidr{masked(*address, prefix), prefix};
  if (cidr.network != *address) {
    return fail(Kind::invalid, "'{}' has bits set behind its prefix (did you mean '{}'?)", text,
                to_string(cidr));
  }
  return cidr;
}

std::string to_string(Cidr const& cidr) {
  return fmt::format("{}/{}", to_string(cidr.network), cidr.prefix);
}

}  // namespace haagent
