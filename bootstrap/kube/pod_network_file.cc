#include "bootstrap/kube/pod_network_file.h"

#include "bootstrap/kube/kubeconfigs.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pod_network/settings.h"

namespace haagent::bootstrap::kube {

std::optional<RenderedFile> render_pod_network(Node const& node) {
  auto const& cluster = node.config.cluster;
  if (cluster.pod_network != kOwnPodNetwork || cluster.pod_cidr.empty()) return std::nullopt;
  auto const range = parse_cidr(cluster.pod_cidr);
  if (!range || range->network.v6) return std::nullopt;
  // As kube-proxy, by whose certificate it asks.
  return yaml_file(
      kPodNetworkSettings, 0600,
      to_tree(pod_network::Settings{.node = node.identity.hostname,
                                    .endpoint = server_of(node, node.config.kube_proxy.endpoint),
                                    .pods = *range,
                                    .port = static_cast<int>(cluster.vxlan_port)}));
}

}  // namespace haagent::bootstrap::kube
