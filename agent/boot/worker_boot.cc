#include "agent/boot/worker_boot.h"

#include "agent/base/row_names.h"
#include "agent/boot/node_space_step.h"
#include "agent/boot/row_list.h"
#include "bootstrap/health/kubelet_health_step.h"
#include "bootstrap/health/node_step.h"
#include "bootstrap/health/pod_steps.h"
#include "bootstrap/join/worker/join_url.h"
#include "bootstrap/join/worker/step.h"
#include "bootstrap/kube/steps.h"
#include "bootstrap/pki/kubelet_step.h"
#include "bootstrap/pod_network/step.h"

namespace haagent {

using namespace std::chrono_literals;
using namespace row_names;

bootstrap::join::JoinClient WorkerBoot::client() const {
  return {{.url = bootstrap::join::join_url(config_),
           .trust = {.cluster = config_.cluster.name,
                     .partition = worker_.identity.partition,
                     .account = worker_.identity.account_id,
                     .role = config_.cluster.master_role,
                     .ca_pin = config_.cluster.ca_pin},
           .sts = worker_.sts_place},
          {.http = worker_.http,
           .clock = node_.clock,
           .credentials = worker_.credentials,
           .sts = worker_.sts,
           .responder = worker_.responder,
           .document = worker_.document,
           .tokens = worker_.tokens}};
}

std::vector<Row> WorkerBoot::rows() {
  auto const& root = node_.root;
  RowList list;
  list.add(node_space_step(config_, root, node_.filesystems),
           {.polling = kSpacePolling, .upkeep = Upkeep::act, .period = 30s});
  add_cloudwatch(list);
  // The masters may take their time, and a worker asks for as long as that is.
  list.add(std::make_unique<bootstrap::join::JoinStep>(config_, root, node_.clock, client()),
           {.polling = {.first = 1s, .cap = 30s}, .upkeep = Upkeep::act, .period = 10s});
  // The kubelet's name is the one in its certificate.
  list.add(std::make_unique<bootstrap::kube::KubeFiles>(config_, root, kube_files_),
           {.after = {kJoin}, .upkeep = Upkeep::act});
  list.add(std::make_unique<bootstrap::kube::KubeProxy>(config_, root, kube_files_),
           {.after = {kKubeFiles}, .upkeep = Upkeep::act, .period = 10s});
  list.add(std::make_unique<bootstrap::pki::KubeletStep>(config_, root, node_.clock, worker_.units,
                                                         kubelet_restarts_),
           {.after = {kJoin}, .upkeep = Upkeep::act, .period = 10s});
  list.add(std::make_unique<bootstrap::pod_network::PodNetworkStep>(root, node_.clock),
           health_row({kKubeFiles}));
  bootstrap::health::HealthDeps const deps{config_, root, worker_.http, node_.clock};
  list.add(
      std::make_unique<bootstrap::health::KubeletHealthStep>(bootstrap::health::KubeletHealthDeps{
          deps, worker_.units, worker_.process, kubelet_restarts_}),
      health_row({kKubeFiles, kKubelet}, Upkeep::act));
  list.add(std::make_unique<bootstrap::health::NodeStep>(deps), health_row({kKubeletHealth}));
  list.add(std::make_unique<bootstrap::health::KubeProxyStep>(deps),
           health_row({kKubeProxy, kKubeletHealth}));
  if (node_.group) list.add(launching_hook(hooks()), {.after = {kNode, kKubeProxyHealth}});
  return list.take();
}

}  // namespace haagent
