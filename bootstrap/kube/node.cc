#include "bootstrap/kube/node.h"

#include <algorithm>

#include "agent/base/node_name.h"

namespace haagent::bootstrap::kube {
namespace {

Result<void> check_identity(Identity const& identity) {
  struct Part {
    std::string const& value;
    char const* what;
  };
  for (auto const& part :
       {Part{identity.instance_id, "instance id"}, Part{identity.instance_type, "instance type"},
        Part{identity.region, "region"}, Part{identity.zone, "zone"},
        Part{identity.hostname, "node name"}}) {
    if (part.value.empty()) {
      return fail(Kind::invalid, "the instance's identity has no {}", part.what);
    }
  }
  if (!is_node_name(identity.hostname)) {
    return fail(Kind::invalid,
                "'{}' cannot be a node's name: 63 lower-case letters, digits, '-' and '.' at most",
                identity.hostname);
  }
  return {};
}

}  // namespace

Result<std::vector<Cidr>> parse_cidrs(std::string_view text) {
  std::vector<Cidr> ranges;
  for (std::size_t from = 0; from <= text.size();) {
    auto comma = std::min(text.find(',', from), text.size());
    auto range = TRY(parse_cidr(text.substr(from, comma - from)));
    ranges.push_back(range);
    from = comma + 1;
  }
  if (ranges.size() > 2 || (ranges.size() == 2 && ranges[0].network.v6 == ranges[1].network.v6)) {
    return fail(Kind::invalid, "'{}': one range, or one of each family", text);
  }
  return ranges;
}

Result<std::string> nth_address(Cidr const& range, std::uint32_t index) {
  auto address = range.network;
  std::uint64_t carry = index;
  for (int byte = address.bits() / 8 - 1; byte >= 0 && carry > 0; --byte) {
    carry += address.bytes[static_cast<std::size_t>(byte)];
    address.bytes[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>(carry & 0xffu);
    carry >>= 8u;
  }
  if (carry > 0 || !range.contains(address)) {
    return fail(Kind::invalid, "{} is too small: it has no address of number {}", to_string(range),
                index);
  }
  return to_string(address);
}

Result<std::string> apiserver_service_ip(NodeConfig const& config) {
  auto ranges = TRY_DURING(parse_cidrs(config.cluster.service_cidr), "cluster.serviceCIDR");
  return nth_address(ranges.front(), 1);
}

Result<Node> describe_node(NodeConfig const& config, Identity const& identity) {
  auto version = TRY_DURING(parse_kube_version(config.kubernetes.version), "kubernetes.version");
  if (auto complete = check_identity(identity); !complete) {
    return std::unexpected(complete.error());
  }
  auto services = TRY_DURING(parse_cidrs(config.cluster.service_cidr), "cluster.serviceCIDR");
  auto dns = TRY_DURING(nth_address(services.front(), 10), "cluster.serviceCIDR");

  Node node{.config = config,
            .identity = identity,
            .version = version,
            .address = {},
            .node_ips = {},
            .dns_ip = {}};
  node.ipv6 = services.front().network.v6;
  node.dns_ip = dns;
  auto own = [&](bool v6) -> std::string const& { return v6 ? identity.ipv6 : identity.ipv4; };
  node.address = own(node.ipv6);
  // The apiserver refuses to start where its address and its services are of different families.
  if (node.address.empty()) {
    return fail(Kind::invalid,
                "cluster.serviceCIDR begins with an {} range ({}), but {} has no {} address: set a "
                "range of the family that the instances have",
                node.ipv6 ? "IPv6" : "IPv4", to_string(services.front()), identity.instance_id,
                node.ipv6 ? "IPv6" : "IPv4");
  }
  node.node_ips = node.address;
  if (services.size() == 2 && !own(!node.ipv6).empty()) node.node_ips += "," + own(!node.ipv6);
  return node;
}

}  // namespace haagent::bootstrap::kube
