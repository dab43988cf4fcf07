#include "tests/sim/ids.h"

#include <algorithm>
#include <charconv>

namespace haagent::sim {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

}  // namespace

std::string Ids::random_text(std::size_t length, std::string_view alphabet) {
  std::uniform_int_distribution<std::size_t> pick(0, alphabet.size() - 1);
  std::string text(length, '\0');
  for (char& c : text) c = alphabet[pick(engine_)];
  return text;
}

std::string Ids::make(std::string_view prefix) {
  return fmt::format("{}-0{}", prefix, random_text(16, kHex));
}

std::string Ids::uuid() {
  auto text = random_text(32, kHex);
  for (std::size_t at : {20, 16, 12, 8}) text.insert(at, "-");
  return text;
}

double Ids::fraction() {
  return std::uniform_real_distribution<double>(0, 1)(engine_);
}

bool is_id(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix) || text.size() <= prefix.size() || text[prefix.size()] != '-') {
    return false;
  }
  text.remove_prefix(prefix.size() + 1);
  return (text.size() == 17 || text.size() == 8) &&
         text.find_first_not_of(kHex) == std::string_view::npos;
}

Result<std::uint32_t> parse_ipv4(std::string_view text) {
  std::uint32_t address = 0;
  char const* at = text.data();
  char const* const end = text.data() + text.size();
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at == end || *at++ != '.')) break;
    unsigned value = 256;
    auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || value > 255) break;
    at = next;
    address = address << 8u | value;
    if (part == 3 && at == end) return address;
  }
  return fail(Kind::invalid, "'{}' is not an IPv4 address", text);
}

std::string format_ipv4(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24u, address >> 16u & 255u, address >> 8u & 255u,
                     address & 255u);
}

std::uint32_t subnet_of(std::uint32_t gateway) {
  return gateway & (~0u << (32 - kSubnetBits));
}

std::string private_dns_name(std::string_view address, std::string_view region) {
  std::string dashed(address);
  std::replace(dashed.begin(), dashed.end(), '.', '-');
  if (region == "us-east-1") return fmt::format("ip-{}.ec2.internal", dashed);
  return fmt::format("ip-{}.{}.compute.internal", dashed, region);
}

std::string mac_of(std::uint32_t address) {
  return fmt::format("06:00:{:02x}:{:02x}:{:02x}:{:02x}", address >> 24u, address >> 16u & 255u,
                     address >> 8u & 255u, address & 255u);
}

std::string zone_id(std::string_view region, std::size_t index) {
  // "eu-west-1" is euw1, "ap-southeast-2" is apse2, "us-gov-west-1" is usgw1.
  std::string code;
  while (!region.empty()) {
    auto const dash = region.find('-');
    auto const word = region.substr(0, dash);
    if (code.empty()) {
      code = word;
    } else if (word.starts_with("north") || word.starts_with("south")) {
      code += word[0];
      if (word.size() > 5) code += word[5];
    } else {
      code += word.substr(0, 1);
    }
    region = dash == std::string_view::npos ? "" : region.substr(dash + 1);
  }
  return fmt::format("{}-az{}", code, index + 1);
}

}  // namespace haagent::sim
