#include "bootstrap/kube/scheduler.h"

#include <filesystem>

#include "bootstrap/kube/ciphers.h"
#include "bootstrap/kube/host_files.h"
#include "bootstrap/kube/static_pod.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {

RenderedFile render_scheduler_config(Node const& node) {
  auto type = document_type_of(Component::scheduler);
  auto spread = [](std::string_view key) {
    return Tree::map(
        {{"maxSkew", 1}, {"topologyKey", key}, {"whenUnsatisfiable", "ScheduleAnyway"}});
  };
  // What SelectorSpreadPriority once did. "List" counts only nodes that carry both labels, which
  // every node of ours gives itself; the built-in "System" spreads with a skew of 5 over zones.
  auto arguments = Tree::map(
      {{"apiVersion", type.api_version},
       {"kind", "PodTopologySpreadArgs"},
       {"defaultConstraints",
        Tree::list({spread("topology.kubernetes.io/zone"), spread("kubernetes.io/hostname")})},
       {"defaultingType", "List"}});
  auto plugin = Tree::map({{"name", "PodTopologySpread"}, {"args", arguments}});
  auto profile =
      Tree::map({{"schedulerName", "default-scheduler"}, {"pluginConfig", Tree::list({plugin})}});
  auto document =
      Tree::map({{"apiVersion", type.api_version},
                 {"kind", type.kind},
                 {"clientConnection", Tree::map({{"kubeconfig", kSchedulerKubeconfig}})},
                 // The flag --profiling is not read beside this document.
                 {"enableProfiling", false},
                 {"leaderElection", Tree::map({{"leaderElect", true}})},
                 {"profiles", Tree::list({profile})}});
  return yaml_file(kSchedulerConfig, 0600, with_overlay(document, node.config.scheduler.config));
}

RenderedFile render_scheduler(Node const& node, RenderedFile const& kubeconfig,
                              RenderedFile const& configuration) {
  auto flags = overlay({{"authentication-kubeconfig", kSchedulerKubeconfig},
                        {"authorization-kubeconfig", kSchedulerKubeconfig},
                        {"bind-address", node.loopback()},
                        {"config", kSchedulerConfig},
                        {"tls-cipher-suites", tls_ciphers_flag()},
                        {"tls-min-version", std::string(kTlsMinVersion)}},
                       node.config.scheduler.extra_args);
  auto probes = probe_target(node, flags, "10259");
  probes.live = "/livez";
  probes.ready = "/readyz";
  auto client = std::filesystem::path(kSchedulerClient.cert).parent_path().string();
  StaticPod pod{.component = Component::scheduler,
                .command = to_arguments(flags),
                .cpu = "100m",
                .mounts = {{"ca", kCa, "File"},
                           {"client", client, "Directory"},
                           {"config", kSchedulerConfig, "File"},
                           {"kubeconfig", kSchedulerKubeconfig, "File"}},
                .probes = probes,
                .reads = {&kubeconfig, &configuration}};
  pod.command.insert(pod.command.begin(), "kube-scheduler");
  mount_host_files(node, pod);
  return yaml_file(manifest_path(Component::scheduler), 0600, to_tree(node, pod),
                   RenderedFile::Stage::after_etcd);
}

}  // namespace haagent::bootstrap::kube
