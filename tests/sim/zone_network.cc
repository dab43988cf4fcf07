#include "tests/sim/zone_network.h"

#include <arpa/inet.h>

#include <array>
#include <fstream>

#include "tests/sim/ids.h"
#include "tests/sim/machine_program.h"

namespace haagent::sim {
namespace {

constexpr int kPrefix = 20;

Result<std::array<unsigned char, 4>> bytes_of(std::string const& address) {
  std::array<unsigned char, 4> bytes{};
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) != 1)
    return fail(Kind::invalid, "'{}' is no IPv4 address", address);
  return bytes;
}

Result<void> ip(std::string const& commands) {
  auto done = run_machine_program({"ip", "-batch", "-"}, commands);
  if (!done) return std::unexpected(done.error());
  return {};
}

bool set_network_option(std::string const& name, std::string_view value) {
  std::ofstream option("/proc/sys/net/" + name);
  return static_cast<bool>(option << value << "\n" << std::flush);
}

// Of a bridge. As with instances' (mac_of) it follows the IP address, so that neighbours' caches
// stay right when an instance comes back or a successor takes its address.
std::string hardware_address(std::array<unsigned char, 4> const& address) {
  return fmt::format("02:00:{:02x}:{:02x}:{:02x}:{:02x}", address[0], address[1], address[2],
                     address[3]);
}

// "{ 10.0.0.10, 10.0.0.11 }"
Result<std::string> set_of(std::vector<std::string> const& addresses) {
  if (addresses.empty()) return fail(Kind::invalid, "a partition needs addresses on both sides");
  std::string set;
  for (auto const& address : addresses) {
    auto valid = bytes_of(address);
    if (!valid) return std::unexpected(valid.error());
    set += (set.empty() ? "{ " : ", ") + address;
  }
  return set + " }";
}

// Between bridges packets are forwarded by IP; on one bridge only the bridge sees them.
constexpr std::array kFamilies = {"inet", "bridge"};

}  // namespace

Result<void> ZoneNetwork::set_up(std::vector<std::string> const& own_addresses) {
  std::string commands = "link set lo up\naddr add 169.254.169.254/32 dev lo\n";
  for (auto const& address : own_addresses) {
    auto valid = bytes_of(address);
    if (!valid) return std::unexpected(valid.error());
    commands += fmt::format("addr add {}/32 dev lo\n", address);
  }
  if (auto done = ip(commands); !done) return done;
  if (!set_network_option("ipv4/ip_forward", "1"))
    return fail(Kind::internal, "cannot switch on routing in the region's network namespace");
  // Where the kernel has it, frames within a zone would meet the rules for routed packets too.
  // Everywhere alike: the bridge's own rules alone.
  (void)set_network_option("bridge/bridge-nf-call-iptables", "0");
  std::string rules;
  for (auto family : kFamilies)
    rules += fmt::format(
        "add table {0} partition\n"
        "add chain {0} partition forward {{ type filter hook forward priority 0; }}\n",
        family);
  auto done = run_machine_program({"nft", "-f", "-"}, rules);
  if (!done) return fail(done.error(), "preparing partitions");
  return {};
}

Result<void> ZoneNetwork::create_zone(ZoneSpec const& zone) {
  auto valid = bytes_of(zone.gateway);
  if (!valid) return std::unexpected(valid.error());
  std::lock_guard lock(mutex_);
  if (zones_.contains(zone.name)) return fail(Kind::invalid, "zone {} exists", zone.name);
  auto bridge = fmt::format("zone{}", zones_.size());
  // A bridge without an address of its own takes the lowest of its ports', so that it changes as
  // instances come and go; those that know the gateway by the old one then reach nobody for half a
  // minute.
  auto done =
      ip(fmt::format("link add name {0} address {4} type bridge forward_delay 0\n"
                     "link set dev {0} alias {1}\n"
                     "addr add {2}/{3} dev {0}\n"
                     "link set dev {0} up\n",
                     bridge, zone.name, zone.gateway, kPrefix, hardware_address(*valid)));
  if (!done) return fail(done.error(), "making zone {}", zone.name);
  zones_.emplace(zone.name, Zone{bridge, zone.gateway});
  return {};
}

Result<std::string> ZoneNetwork::connect(std::string const& zone, std::string const& address,
                                         pid_t pid, std::string const& alias) {
  auto bytes = bytes_of(address);
  if (!bytes) return std::unexpected(bytes.error());
  std::string link;
  Zone place;
  {
    std::lock_guard lock(mutex_);
    auto found = zones_.find(zone);
    if (found == zones_.end()) return fail(Kind::invalid, "there is no zone {}", zone);
    place = found->second;
    link = fmt::format("inst{}", links_++);
  }
  auto made =
      ip(fmt::format("link add name {0} type veth peer name eth0 netns {1} address {2}\n"
                     "link set dev {0} alias {3}\n"
                     "link set dev {0} master {4}\n"
                     "link set dev {0} up\n",
                     link, pid, mac_of(parse_ipv4(address).value_or(0)), alias, place.bridge));
  if (!made) return fail(made.error(), "connecting {}", alias);
  auto inside = run_machine_program(
      {"nsenter", "--net", "--target", std::to_string(pid), "ip", "-batch", "-"},
      fmt::format("link set dev lo up\n"
                  "addr add {}/{} dev eth0\n"
                  "link set dev eth0 up\n"
                  "route add default via {}\n",
                  address, kPrefix, place.gateway));
  if (!inside) {
    disconnect(link);
    return fail(inside.error(), "giving {} its address", alias);
  }
  return link;
}

Result<std::string> ZoneNetwork::connect_machine(std::string const& zone,
                                                 std::string const& alias) {
  std::lock_guard lock(mutex_);
  auto found = zones_.find(zone);
  if (found == zones_.end()) return fail(Kind::invalid, "there is no zone {}", zone);
  auto link = fmt::format("inst{}", links_++);
  auto made =
      ip(fmt::format("tuntap add dev {0} mode tap\n"
                     "link set dev {0} alias {1}\n"
                     "link set dev {0} master {2}\n"
                     "link set dev {0} up\n",
                     link, alias, found->second.bridge));
  if (!made) return fail(made.error(), "connecting {}", alias);
  return link;
}

std::vector<std::string> ZoneNetwork::gateways() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (auto const& [_, zone] : zones_) all.push_back(zone.gateway);
  return all;
}

void ZoneNetwork::disconnect(std::string const& link) {
  // It may be gone already, with the namespace of its other end.
  (void)ip(fmt::format("link del dev {}\n", link));
}

Result<void> ZoneNetwork::partition(std::vector<std::string> const& one,
                                    std::vector<std::string> const& other) {
  auto left = set_of(one), right = set_of(other);
  if (!left) return std::unexpected(left.error());
  if (!right) return std::unexpected(right.error());
  std::string rules;
  for (auto family : kFamilies)
    rules += fmt::format(
        "add rule {0} partition forward ip saddr {1} ip daddr {2} drop\n"
        "add rule {0} partition forward ip saddr {2} ip daddr {1} drop\n",
        family, *left, *right);
  auto done = run_machine_program({"nft", "-f", "-"}, rules);
  if (!done) return fail(done.error(), "partitioning");
  return {};
}

Result<void> ZoneNetwork::heal() {
  std::string rules;
  for (auto family : kFamilies) rules += fmt::format("flush chain {} partition forward\n", family);
  auto done = run_machine_program({"nft", "-f", "-"}, rules);
  if (!done) return fail(done.error(), "healing partitions");
  return {};
}

}  // namespace haagent::sim
