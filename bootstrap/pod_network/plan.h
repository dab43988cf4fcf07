// The decision: what the kernel and the container runtime should have for the pods of a node, and
// which commands lead there. Pure.
//
// One VXLAN device in the kernel's external mode: the tunnel of a packet is chosen by its route
// (ip-route(8), "encap ip"), so that a node is one route and nothing else. With the generic
// protocol extension (GPE) it carries packets of IP and no frames: there are no hardware addresses,
// and so no forwarding table and no neighbours to keep.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "bootstrap/pod_network/nodes.h"
#include "bootstrap/pod_network/settings.h"

namespace haagent::bootstrap::pod_network {

inline constexpr char kDevice[] = "haagent-pods";
inline constexpr int kHeaders = 36;  // bytes of IPv4, UDP and VXLAN around each packet
// Routes with this number are haagent's (/etc/iproute2/rt_protos names none); it touches no other.
inline constexpr int kRouteProtocol = 137;
inline constexpr char kTable[] = "haagent_pods";  // of nftables, family ip

struct Wanted {
  int mtu = 0;
  int port = 0;
  std::string address;                        // "10.244.3.0/32": of the device
  std::map<std::string, std::string> routes;  // a node's range to its address
  std::string rules;                          // nftables: what leaves the pods' network
  std::string cni;                            // the runtime's configuration
};
// `link_mtu`: of the link that has this node's own address.
Result<Wanted> wanted_network(Settings const& settings, PodNode const& own,
                              std::vector<PodNode> const& peers, int link_mtu);

struct Seen {
  bool device = false;
  bool ours = false;  // the device is as we make it: kind, mode and port
  bool up = false;
  int mtu = 0;
  std::vector<std::string> addresses;         // with their prefixes
  std::map<std::string, std::string> routes;  // of kRouteProtocol
};
// What `ip -json -details link show dev`, `ip -json address show dev` and `ip route show dev`
// print. An empty text: no such device. Errors: invalid.
Result<Seen> parse_seen(std::string_view link, std::string_view addresses, std::string_view routes,
                        int port);

// Lines of `ip -batch`: none where all is as wanted.
std::vector<std::string> ip_commands(Wanted const& wanted, Seen const& seen);

// The link's MTU, by what `ip -json address show` prints of all links. Errors: transient where none
// has the address.
Result<int> mtu_of_link_with(std::string_view address, std::string_view links);

}  // namespace haagent::bootstrap::pod_network
