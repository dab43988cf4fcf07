#include "bootstrap/kube/kubelet.h"

#include <algorithm>
#include <map>

#include "bootstrap/kube/ciphers.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/own_labels.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {
namespace {

Tree taints_of(Node const& node) {
  std::vector<Taint> taints;
  if (node.is_master()) {
    // A taint and not a label: the kubelet may taint its node at registration, but never give it a
    // node-role label.
    taints.push_back({"node-role.kubernetes.io/control-plane", "", "NoSchedule"});
  }
  for (auto const& taint : node.config.node.taints) {
    // A key stands once for each effect, the users' word last.
    std::erase_if(taints, [&](Taint const& other) {
      return other.key == taint.key && other.effect == taint.effect;
    });
    taints.push_back(taint);
  }
  auto list = Tree::list();
  for (auto const& taint : taints) {
    auto tree = Tree::map({{"key", taint.key}});
    if (!taint.value.empty()) tree.set("value", taint.value);
    tree.set("effect", taint.effect);
    list.push_back(tree);
  }
  return list;
}

std::string labels_of(Node const& node) {
  // Only what the kubelet may say of itself; see lint().
  std::map<std::string, std::string> labels = {
      {"node.kubernetes.io/instance-type", node.identity.instance_type},
      {"topology.kubernetes.io/region", node.identity.region},
      {"topology.kubernetes.io/zone", node.identity.zone}};
  // Those that it may not, the agents of masters set (bootstrap/node_labels).
  for (auto const& [key, value] : node.config.node.labels)
    if (kubelet_may_set_label(key)) labels[key] = value;
  std::string text;
  for (auto const& [key, value] : labels) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
  }
  return text;
}

Flags kubelet_flags(Node const& node) {
  return overlay({{"cloud-provider", "external"},
                  {"hostname-override", node.identity.hostname},
                  {"node-ip", node.node_ips},
                  {"node-labels", labels_of(node)}},
                 node.config.kubelet.extra_args);
}

}  // namespace

Tree kubelet_document(Node const& node) {
  auto type = document_type_of(Component::kubelet);
  auto document = Tree::map(
      {{"apiVersion", type.api_version},
       {"kind", type.kind},
       {"address", node.everywhere()},
       {"authentication",
        Tree::map({{"anonymous", Tree::map({{"enabled", false}})},
                   {"webhook", Tree::map({{"cacheTTL", "2m0s"}, {"enabled", true}})},
                   {"x509", Tree::map({{"clientCAFile", kCa}})}})},
       {"authorization", Tree::map({{"mode", "Webhook"}})},
       {"cgroupDriver", "systemd"},
       {"clusterDNS", Tree::list({node.dns_ip})},
       {"clusterDomain", node.config.cluster.dns_domain},
       {"containerRuntimeEndpoint", "unix:///run/containerd/containerd.sock"},
       {"healthzBindAddress", node.loopback()},
       {"healthzPort", 10248},
       // A program that forks without end takes its own pod, and not the node.
       {"podPidsLimit", 4096},
       // haagent's image sets what it demands; kernel_defaults.h says where it does not.
       {"protectKernelDefaults", true},
       {"providerID", fmt::format("aws:///{}/{}", node.identity.zone, node.identity.instance_id)},
       {"readOnlyPort", 0},
       {"registerWithTaints", taints_of(node)},
       {"rotateCertificates", true},
       {"seccompDefault", true},
       // Both within a spot instance's two minutes; the second is for the control plane's own pods,
       // longer than the apiserver's --shutdown-delay-duration.
       {"shutdownGracePeriod", "60s"},
       {"shutdownGracePeriodCriticalPods", "30s"},
       // On workers too: kube-proxy is a static pod.
       {"staticPodPath", kManifests},
       {"tlsCipherSuites",
        Tree::list(std::vector<Tree>(std::begin(kTlsCiphers), std::end(kTlsCiphers)))},
       {"tlsMinVersion", kTlsMinVersion}});
  if (document.find("registerWithTaints")->items().empty()) document.erase("registerWithTaints");
  // Its default, /etc/resolv.conf, may be a stub on the loopback.
  if (!node.host.resolv_conf.empty()) document.set("resolvConf", node.host.resolv_conf);
  return with_overlay(document, node.config.kubelet.config);
}

RenderedFile render_kubelet_config(Tree const& document) {
  return yaml_file(kKubeletConfig, 0600, document);
}

RenderedFile render_kubelet_flags(Node const& node) {
  std::string line;
  for (auto const& argument : to_arguments(kubelet_flags(node))) {
    line += (line.empty() ? "" : " ") + argument;
  }
  return {kKubeletFlags, 0600, fmt::format("{}KUBELET_KUBEADM_ARGS=\"{}\"\n", kHeading, line),
          RenderedFile::Stage::any_time};
}

std::vector<std::string> kubelet_arguments(Node const& node) {
  auto arguments = to_arguments({{"bootstrap-kubeconfig", kBootstrapKubeconfig},
                                 {"kubeconfig", kKubeletKubeconfig},
                                 {"config", kKubeletConfig}});
  std::ranges::move(to_arguments(kubelet_flags(node)), std::back_inserter(arguments));
  return arguments;
}

}  // namespace haagent::bootstrap::kube
