#include "bootstrap/kube/kube_proxy.h"

#include <filesystem>

#include "agent/base/url.h"
#include "bootstrap/kube/host_files.h"
#include "bootstrap/kube/static_pod.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {

RenderedFile render_kube_proxy_config(Node const& node) {
  auto type = document_type_of(Component::kube_proxy);
  auto document =
      Tree::map({{"apiVersion", type.api_version},
                 {"kind", type.kind},
                 {"bindAddress", node.everywhere()},
                 {"clientConnection", Tree::map({{"kubeconfig", kKubeProxyKubeconfig}})},
                 {"clusterCIDR", node.config.cluster.pod_cidr},
                 {"healthzBindAddress", url_host(node.everywhere()) + ":10256"},
                 // Must be the node's name, or topology-aware services miss this node.
                 {"hostnameOverride", node.identity.hostname},
                 {"metricsBindAddress", url_host(node.loopback()) + ":10249"},
                 // Its default is about to move to nftables, and 1.37 warns where it is unset.
                 {"mode", "iptables"}});
  if (node.config.cluster.pod_cidr.empty()) document.erase("clusterCIDR");
  return yaml_file(kKubeProxyConfig, 0600, with_overlay(document, node.config.kube_proxy.config));
}

RenderedFile render_kube_proxy(Node const& node, RenderedFile const& kubeconfig,
                               RenderedFile const& configuration) {
  auto flags = overlay({{"config", kKubeProxyConfig}}, node.config.kube_proxy.extra_args);
  auto client = std::filesystem::path(kKubeProxyClient.cert).parent_path().string();
  StaticPod pod{.component = Component::kube_proxy,
                .command = to_arguments(flags),
                .cpu = "100m",
                .mounts = {{"ca", kCa, "File"},
                           {"client", client, "Directory"},
                           {"config", kKubeProxyConfig, "File"},
                           {"kubeconfig", kKubeProxyKubeconfig, "File"},
                           {"lib-modules", "/lib/modules", "DirectoryOrCreate"},
                           {"xtables-lock", "/run/xtables.lock", "FileOrCreate", false}},
                .probes = {},
                .privileged = true,
                .reads = {&kubeconfig, &configuration}};
  pod.command.insert(pod.command.begin(), "kube-proxy");
  mount_host_files(node, pod);
  return yaml_file(manifest_path(Component::kube_proxy), 0600, to_tree(node, pod),
                   RenderedFile::Stage::with_certificate);
}

}  // namespace haagent::bootstrap::kube
