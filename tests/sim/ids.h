// Names as EC2 makes them: ids, addresses, host names, zone ids. Pure, but for the random source.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace haagent::sim {

class Ids {
 public:
  explicit Ids(std::uint64_t seed) : engine_(seed) {}
  // "i-" and 17 hex digits, as EC2 has made them since 2016: make("vol"), make("snap"),
  // make("eni").
  std::string make(std::string_view prefix);
  // Characters of the alphabet, for keys and tokens.
  std::string random_text(std::size_t length, std::string_view alphabet);
  std::string uuid();
  double fraction();  // [0, 1)

 private:
  std::mt19937_64 engine_;
};

// True for prefix, '-', and 8 or 17 hex digits.
bool is_id(std::string_view text, std::string_view prefix);

// An IPv4 address as a number and back. Nothing but four decimal numbers is taken.
Result<std::uint32_t> parse_ipv4(std::string_view text);
std::string format_ipv4(std::uint32_t address);

// The subnet of a zone is its gateway's /20: EC2's default for a VPC's subnets.
inline constexpr int kSubnetBits = 20;
std::uint32_t subnet_of(std::uint32_t gateway);

// "ip-10-0-0-10.eu-west-1.compute.internal"; us-east-1 keeps its old form,
// "ip-10-0-0-10.ec2.internal".
std::string private_dns_name(std::string_view address, std::string_view region);
// "06:00:0a:00:00:0a": stable for an address.
std::string mac_of(std::uint32_t address);
// "euw1-az1" for the first zone of eu-west-1.
std::string zone_id(std::string_view region, std::size_t index);

}  // namespace haagent::sim
