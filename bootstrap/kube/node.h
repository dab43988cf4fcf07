// What every renderer needs to know of this node, worked out once: its Kubernetes version, its
// addresses, and which family of addresses the cluster speaks first.
#pragma once

#include <string>

#include "agent/base/cidr.h"
#include "agent/base/facts.h"
#include "agent/base/kube_versions.h"
#include "agent/base/node_config.h"
#include "bootstrap/kube/component.h"
#include "bootstrap/kube/host_view.h"

namespace haagent::bootstrap::kube {

struct Node {
  NodeConfig const& config;
  Identity const& identity;
  KubeVersion version;
  bool ipv6 = false;     // the family of the first range of cluster.serviceCIDR
  std::string address;   // this node's address of that family; what the apiserver advertises
  std::string node_ips;  // --node-ip: both families where cluster.serviceCIDR has both
  std::string dns_ip;    // the tenth address of the first service range
  HostView host = {};

  bool is_master() const { return config.role == Role::master; }
  std::string loopback() const { return ipv6 ? "::1" : "127.0.0.1"; }
  std::string everywhere() const { return ipv6 ? "::" : "0.0.0.0"; }
  ComponentConfig const& settings(Component component) const {
    return settings_of(config, component);
  }
};

// Errors (invalid): a version out of range, an identity with a gap, ranges that do not fit the
// node's addresses. The Node refers to both arguments.
Result<Node> describe_node(NodeConfig const& config, Identity const& identity);

// The ranges of "10.96.0.0/16" or "10.96.0.0/16,fd00:96::/112".
Result<std::vector<Cidr>> parse_cidrs(std::string_view text);

// The address of that index: 1 is the apiserver's service, 10 the cluster's DNS (as kubeadm has
// it). Errors (invalid) where the range is too small.
Result<std::string> nth_address(Cidr const& range, std::uint32_t index);

// The apiserver's own service address: a name that its certificate must carry.
Result<std::string> apiserver_service_ip(NodeConfig const& config);

}  // namespace haagent::bootstrap::kube
