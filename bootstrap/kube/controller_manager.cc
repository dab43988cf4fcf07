#include "bootstrap/kube/controller_manager.h"

#include <algorithm>

#include "bootstrap/kube/ciphers.h"
#include "bootstrap/kube/host_files.h"
#include "bootstrap/kube/static_pod.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {
namespace {

// The nodes' part of an IPv6 range: kube-controller-manager's own /64 where that leaves between 1
// and 2^16 nodes, else smaller, with at least 256 addresses a node.
int node_mask_v6(int prefix) {
  if (prefix >= 48 && prefix <= 64) return 64;
  return std::min(prefix + 16, 120);
}

}  // namespace

Result<Flags> node_cidr_flags(NodeConfig const& config) {
  auto const& text = config.cluster.pod_cidr;
  if (text.empty()) return Flags{};
  auto ranges = TRY(parse_cidrs(text));
  Flags flags = {{"allocate-node-cidrs", "true"}, {"cluster-cidr", text}};
  auto const& extra = config.controller_manager.extra_args;
  for (auto const& range : ranges) {
    std::string name = range.network.v6 ? "node-cidr-mask-size-ipv6" : "node-cidr-mask-size-ipv4";
    bool stated = !value_of(extra, name, value_of(extra, "node-cidr-mask-size", "")).empty();
    int mask = range.network.v6 ? node_mask_v6(range.prefix) : 24;
    if (!stated && range.prefix > mask) {
      return fail(Kind::invalid,
                  "'{}' has no room for one node's /{}; set a wider range, or "
                  "controllerManager.extraArgs.{}",
                  to_string(range), mask, name);
    }
    if (!stated && mask - range.prefix > 16) {
      return fail(Kind::invalid,
                  "'{}' is too wide for nodes of /{}: kube-controller-manager counts 2^16 of them "
                  "at most; set a narrower range, or controllerManager.extraArgs.{}",
                  to_string(range), mask, name);
    }
    if (!stated && range.network.v6 && mask != 64) flags.emplace_back(name, std::to_string(mask));
  }
  return flags;
}

RenderedFile render_controller_manager(Node const& node, RenderedFile const& kubeconfig) {
  auto pki = [](std::string_view file) { return fmt::format("{}/{}", kPki, file); };
  Flags flags = {
      {"authentication-kubeconfig", kControllerManagerKubeconfig},
      {"authorization-kubeconfig", kControllerManagerKubeconfig},
      {"bind-address", node.loopback()},
      {"client-ca-file", kCa},
      // Routes and load balancers are the external cloud controller manager's.
      {"cloud-provider", "external"},
      {"cluster-name", node.config.cluster.name},
      {"cluster-signing-cert-file", kCa},
      {"cluster-signing-key-file", pki("ca.key")},
      {"controllers", "*,bootstrapsigner,tokencleaner"},
      {"kubeconfig", kControllerManagerKubeconfig},
      {"leader-elect", "true"},
      {"profiling", "false"},
      {"requestheader-client-ca-file", pki("front-proxy-ca.crt")},
      {"root-ca-file", kCa},
      {"service-account-private-key-file", pki("sa.key")},
      {"service-cluster-ip-range", node.config.cluster.service_cidr},
      {"tls-cipher-suites", tls_ciphers_flag()},
      {"tls-min-version", std::string(kTlsMinVersion)},
      {"use-service-account-credentials", "true"},
  };
  // What kubelets renew through the apiserver lives as long as what they joined with. Without joins
  // a machine that was off for longer would need another token.
  if (!node.config.cluster.worker_roles.empty())
    flags.emplace_back("cluster-signing-duration",
                       fmt::format("{}s", std::chrono::duration_cast<std::chrono::seconds>(
                                              node.config.pki.node_lifetime)
                                              .count()));
  // Looked at by lint() before.
  if (auto cidrs = node_cidr_flags(node.config))
    std::ranges::move(*cidrs, std::back_inserter(flags));
  flags = overlay(std::move(flags), node.config.controller_manager.extra_args);

  auto probes = probe_target(node, flags, "10257");
  probes.live = "/healthz";  // it has neither /livez nor /readyz
  StaticPod pod{.component = Component::controller_manager,
                .command = to_arguments(flags),
                .cpu = "200m",
                .mounts = host_ca_mounts(),
                .probes = probes,
                .reads = {&kubeconfig}};
  pod.command.insert(pod.command.begin(), "kube-controller-manager");
  pod.mounts.push_back({"k8s-certs", kPki, "Directory"});
  pod.mounts.push_back({"kubeconfig", kControllerManagerKubeconfig, "File"});
  mount_host_files(node, pod);
  return yaml_file(manifest_path(Component::controller_manager), 0600,
                   merge_pod(to_tree(node, pod), node.config.controller_manager.config),
                   RenderedFile::Stage::after_etcd);
}

}  // namespace haagent::bootstrap::kube
