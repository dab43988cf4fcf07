#include "bootstrap/kube/render.h"

#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/controller_manager.h"
#include "bootstrap/kube/kube_proxy.h"
#include "bootstrap/kube/kubeconfigs.h"
#include "bootstrap/kube/kubelet.h"
#include "bootstrap/kube/lint.h"
#include "bootstrap/kube/logind_file.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/pod_network_file.h"
#include "bootstrap/kube/scheduler.h"

namespace haagent::bootstrap::kube {
namespace {

Result<Node> checked_node(NodeConfig const& config, Identity const& identity) {
  auto node = TRY(describe_node(config, identity));
  std::string all;
  for (auto const& complaint : lint(config, node.version)) {
    if (complaint.is_warning) continue;
    all += fmt::format("{}{}: {}", all.empty() ? "" : "; ", complaint.path, complaint.what);
  }
  if (!all.empty()) return fail(Kind::invalid, "{}", all);
  return node;
}

}  // namespace

Result<std::vector<RenderedFile>> render(NodeConfig const& config, Identity const& identity,
                                         OnDisk const& on_disk) {
  auto checked = TRY(checked_node(config, identity));
  checked.host = on_disk.host;
  auto const& node = checked;
  auto kubeconfig = [&](char const* path, std::string_view user, EndpointMode mode,
                        ClientCertificate const& client) {
    return render_kubeconfig(node, path, user, mode, client);
  };
  std::vector<RenderedFile> files;
  // Before the document that the kubelet waits for.
  auto const kubelet = kubelet_document(node);
  if (auto logind = render_logind(kubelet)) files.push_back(*std::move(logind));
  // The flags last: systemd starts no kubelet before they are there (units/kubelet.service.d), so
  // that each begins with all of its files.
  files.insert(files.end(), {render_kubelet_config(kubelet),
                             kubeconfig(kKubeletKubeconfig, "system:node:" + node.identity.hostname,
                                        config.kubelet.endpoint, kKubeletClient),
                             render_kubelet_flags(node)});
  auto proxy_kubeconfig = kubeconfig(kKubeProxyKubeconfig, "system:kube-proxy",
                                     config.kube_proxy.endpoint, kKubeProxyClient);
  auto proxy_config = render_kube_proxy_config(node);
  auto proxy = render_kube_proxy(node, proxy_kubeconfig, proxy_config);
  files.insert(files.end(), {proxy_kubeconfig, proxy_config, proxy});
  if (auto network = render_pod_network(node)) files.push_back(*std::move(network));
  if (!node.is_master()) return files;

  // The administrator on this machine is here because something is broken: past the load balancer.
  auto admin = kubeconfig(kAdminKubeconfig, "kubernetes-admin", EndpointMode::local, kAdminClient);
  auto manager_kubeconfig =
      kubeconfig(kControllerManagerKubeconfig, "system:kube-controller-manager",
                 config.controller_manager.endpoint, kControllerManagerClient);
  auto scheduler_kubeconfig = kubeconfig(kSchedulerKubeconfig, "system:kube-scheduler",
                                         config.scheduler.endpoint, kSchedulerClient);
  auto scheduler_config = render_scheduler_config(node);
  auto const policies = api_policies(node);
  for (auto const& policy : policies) files.push_back(policy.file);
  auto apiserver = render_apiserver(node, policies, on_disk);
  auto manager = render_controller_manager(node, manager_kubeconfig);
  auto scheduler = render_scheduler(node, scheduler_kubeconfig, scheduler_config);
  files.insert(files.end(), {admin, manager_kubeconfig, scheduler_kubeconfig, scheduler_config,
                             apiserver, manager, scheduler});
  return files;
}

Result<std::vector<std::string>> render_kubelet_arguments(NodeConfig const& config,
                                                          Identity const& identity) {
  auto node = TRY(checked_node(config, identity));
  return kubelet_arguments(node);
}

}  // namespace haagent::bootstrap::kube
