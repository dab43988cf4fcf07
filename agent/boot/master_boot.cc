#include "agent/boot/master_boot.h"

#include <signal.h>

#include "agent/base/row_names.h"
#include "agent/boot/best_effort.h"
#include "agent/boot/clock_step.h"
#include "agent/boot/node_space_step.h"
#include "agent/runtime/version.h"
#include "agent/server/announce.h"
#include "bootstrap/addons/step.h"
#include "bootstrap/etcd/backup/backup_step.h"
#include "bootstrap/etcd/maintenance/step.h"
#include "bootstrap/etcd/member/handover.h"
#include "bootstrap/health/kubelet_health_step.h"
#include "bootstrap/health/node_step.h"
#include "bootstrap/health/pod_steps.h"
#include "bootstrap/hosts/announce_step.h"
#include "bootstrap/hosts/step.h"
#include "bootstrap/join/master/terminated.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/steps.h"
#include "bootstrap/kube/withdraw.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/node_labels/step.h"
#include "bootstrap/pki/kubelet_step.h"
#include "bootstrap/pki/service_account_step.h"
#include "bootstrap/pod_network/step.h"
#include "bootstrap/version_skew/step.h"

namespace haagent {

using namespace std::chrono_literals;
using namespace row_names;

namespace {

constexpr Duration kForEver = 24h * 365 * 10;

// An etcd that has just been started takes the connection after some 20 ms, and answers on it once
// it serves: the look waits for that, so that only the connection is waited for here.
constexpr Polling kEtcdPolling{.first = 10ms, .cap = 1s};

}  // namespace

MasterBoot::MasterBoot(NodeConfig const& config, NodeDeps node, MasterDeps master)
    : Boot(config, std::move(node)),
      master_(master),
      time_(std::make_shared<StoreClock>(master.store, node_.clock)),
      region_(master.ec2, node_.clock, config_.cluster.name),
      volumes_(config_, node_.root, master.ec2, region_, node_.clock, master.devices, master.disks,
               master.mounts),
      backups_{config_,        node_.root,   master.http,           node_.clock,
               master.process, master.store, std::string(kVersion), time_},
      guard_(backups_),
      etcd_{.config = config_,
            .root = node_.root,
            .http = master.http,
            .clock = node_.clock,
            .process = master.process,
            .units = master.units,
            .ec2 = master.ec2,
            .volumes = volumes_.own(),
            .store = bootstrap::EtcdStoreDeps{backups_, requests_, guard_}},
      peers_(bootstrap::make_peers(etcd_, region_, time_.get())),
      pki_{.config = config_,
           .root = node_.root,
           .store = master.store,
           .clock = node_.clock,
           .etcd_user =
               [this] { return master_.units.user(bootstrap::etcd_unit(EtcdCluster::main)); },
           .time = time_},
      encryption_{config_, node_.root, master.store, master.http, node_.clock},
      kubelet_restarts_(node_.root, master.units),
      nodes_in_(master.http, {bootstrap::etcd_endpoint(EtcdCluster::main, "127.0.0.1")},
                bootstrap::etcd_client_tls(node_.root)),
      nodes_(nodes_in_) {}

std::vector<Row> MasterBoot::rows() {
  RowList list;
  // Nobody waits for these two: what can be done on a full disk is done, and what depends on the
  // time asks the store itself.
  list.add(node_space_step(config_, node_.root, node_.filesystems),
           {.polling = kSpacePolling, .upkeep = Upkeep::act, .period = 30s});
  list.add(std::make_unique<ClockStep>(time_),
           {.deadline = kForEver, .upkeep = Upkeep::look_only, .period = 15s});
  add_cloudwatch(list);
  // main and events never wait for each other's disk.
  for (auto cluster : kEtcdClusters) add_volume(list, cluster);
  add_members(list);
  for (auto cluster : kEtcdClusters) add_store_and_backups(list, cluster);
  add_kubernetes(list);
  add_health(list);
  add_nodes(list);
  if (node_.group) list.add(launching_hook(hooks()), {.after = before_launching_hook()});
  return list.take();
}

void MasterBoot::add_volume(RowList& list, EtcdCluster cluster) {
  auto name = [&](std::string_view row) { return of_cluster(row, cluster); };
  auto steps = volumes_.steps(cluster, node_.filesystems);
  list.add(std::move(steps.volume), {.upkeep = Upkeep::look_only});
  list.add(std::move(steps.device), {.after = {name(kVolume)}, .upkeep = Upkeep::look_only});
  list.add(std::move(steps.filesystem), {.after = {name(kDevice)}});
  // A mount that is gone is reported within seconds; nobody waits for this row to decide without
  // it.
  list.add(std::move(steps.mount),
           {.after = {name(kFilesystem)}, .upkeep = Upkeep::look_only, .period = 5s});
  list.add(
      std::move(steps.space),
      {.after = {name(kMount)}, .polling = kSpacePolling, .upkeep = Upkeep::act, .period = 15s});
}

void MasterBoot::add_members(RowList& list) {
  auto const volume = of_cluster(kVolume, EtcdCluster::main);
  // The stable name of the member stands in its certificates, so its volume comes first.
  list.add(
      std::make_unique<bootstrap::pki::PkiStep>(pki_),
      {.after = {volume}, .upkeep = Upkeep::act, .period = bootstrap::pki::pki_period(config_)});
  list.add(std::make_unique<bootstrap::pki::ServiceAccountStep>(node_.root, master_.store),
           {.after = {volume}, .upkeep = Upkeep::act});
  list.add(std::make_unique<bootstrap::HostsStep>(peers_),
           {.after = {volume}, .upkeep = Upkeep::act, .period = 5s});
  // Nobody waits for it: it is done once it has announced this master, no matter who has heard.
  list.add(std::make_unique<bootstrap::AnnounceStep>(config_, node_.root, master_.http, *time_),
           {.after = {kPki, kHosts}, .upkeep = Upkeep::act, .period = 5s});
  for (auto cluster : kEtcdClusters)
    list.add(std::make_unique<bootstrap::EtcdStep>(cluster, etcd_, peers_),
             {.after = {of_cluster(kMount, cluster), kHosts, kPki},
              .polling = kEtcdPolling,
              .upkeep = Upkeep::act,
              .period = 5s});
}

void MasterBoot::add_store_and_backups(RowList& list, EtcdCluster cluster) {
  auto const etcd = of_cluster(kEtcd, cluster);
  list.add(std::make_unique<bootstrap::StoreStep>(cluster, backups_, volumes_.own(), requests_),
           {.after = {of_cluster(kMount, cluster)}, .upkeep = Upkeep::act, .period = 2s});
  // It never gives up: a store that is down for a week is reported for a week.
  list.add(std::make_unique<bootstrap::BackupStep>(cluster, backups_),
           {.after = {etcd}, .deadline = kForEver, .upkeep = Upkeep::act, .period = 30s});
  list.add(std::make_unique<bootstrap::MaintenanceStep>(cluster, etcd_),
           {.after = {etcd},
            .polling = {.first = 5s, .cap = 15s},
            .upkeep = Upkeep::act,
            .period = 15s});
}

void MasterBoot::add_kubernetes(RowList& list) {
  auto const main = of_cluster(kEtcd, EtcdCluster::main);
  auto const events = of_cluster(kEtcd, EtcdCluster::events);
  list.add(std::make_unique<bootstrap::kube::KubeFiles>(config_, node_.root, kube_files_),
           {.upkeep = Upkeep::act});
  list.add(std::make_unique<bootstrap::kube::KubeProxy>(config_, node_.root, kube_files_),
           {.after = {kPki, kKubeFiles}, .upkeep = Upkeep::act, .period = 15s});
  list.add(std::make_unique<bootstrap::pki::KubeletStep>(config_, node_.root, node_.clock,
                                                         master_.units, kubelet_restarts_),
           {.after = {kPki}, .upkeep = Upkeep::act, .period = 10s});
  // Before the first apiserver writes a secret.
  list.add(std::make_unique<bootstrap::encryption::Step>(encryption_),
           {.after = {main}, .upkeep = Upkeep::act, .period = 10s});
  list.add(std::make_unique<bootstrap::version_skew::VersionSkewStep>(
               bootstrap::version_skew::Deps{config_, node_.root, master_.http, node_.clock}),
           {.after = {main}, .upkeep = Upkeep::act, .period = 60s});
  // An apiserver without its etcd would crash-loop into backoff, so its manifest waits.
  list.add(std::make_unique<bootstrap::kube::ControlPlane>(config_, node_.root, kube_files_),
           {.after = {main, events, kServiceAccount, kKubeFiles, kEncryption, kVersionSkew},
            .upkeep = Upkeep::act,
            .period = 15s});
}

void MasterBoot::add_health(RowList& list) {
  bootstrap::health::HealthDeps const deps{config_, node_.root, master_.http, node_.clock};
  list.add(std::make_unique<bootstrap::health::ApiserverStep>(deps), health_row({kControlPlane}));
  list.add(
      std::make_unique<bootstrap::health::KubeletHealthStep>(bootstrap::health::KubeletHealthDeps{
          deps, master_.units, master_.process, kubelet_restarts_}),
      health_row({kKubeFiles, kKubelet}, Upkeep::act));
  list.add(std::make_unique<bootstrap::health::NodeStep>(deps),
           health_row({kApiserver, kKubeletHealth}));
  list.add(std::make_unique<bootstrap::health::KubeProxyStep>(deps),
           health_row({kKubeProxy, kKubeletHealth}));
}

// Both members are healthy voters by then, and the apiserver serves. The group gives the instance
// to the load balancer only after the hook, so what goes through the load balancer comes later: of
// a new cluster no master would ever be given to it.
std::vector<std::string> MasterBoot::before_launching_hook() const {
  std::vector<std::string> rows = {of_cluster(kEtcd, EtcdCluster::main),
                                   of_cluster(kEtcd, EtcdCluster::events), kControlPlane,
                                   kApiserver, kKubeletHealth};
  if (config_.kubelet.endpoint == EndpointMode::local) rows.emplace_back(kNode);
  if (config_.kube_proxy.endpoint == EndpointMode::local) rows.emplace_back(kKubeProxyHealth);
  return rows;
}

// Nobody waits for it, and it waits for nobody: the apiserver answers when the kubelet has it.
void MasterBoot::add_nodes(RowList& list) {
  auto const apiserver = bootstrap::ApiserverClient(
      master_.http,
      bootstrap::as_administrator(node_.root, bootstrap::kube::own_apiserver_url(config_)));
  list.add(std::make_unique<bootstrap::addons::AddonsStep>(
               bootstrap::addons::AddonsLook(apiserver,
                                             {.config = config_,
                                              .root = node_.root,
                                              .store = master_.store,
                                              .version = std::string(kVersion)},
                                             node_.clock)),
           {.after = {kControlPlane}, .deadline = kForEver, .upkeep = Upkeep::act, .period = 30s});
  list.add(std::make_unique<bootstrap::node_labels::NodeLabelsStep>(
               bootstrap::node_labels::LabelsDeps{.config = config_,
                                                  .clock = node_.clock,
                                                  .ec2 = master_.ec2,
                                                  .registry = nodes_,
                                                  .apiserver = apiserver}),
           {.after = {kControlPlane}, .deadline = kForEver, .upkeep = Upkeep::act, .period = 30s});
  list.add(std::make_unique<bootstrap::pod_network::PodNetworkStep>(node_.root, node_.clock),
           health_row({kKubeFiles}));
  list.add(std::make_unique<bootstrap::join::TerminatedStep>(
               bootstrap::join::TerminatedDeps{.cluster = config_.cluster.name,
                                               .clock = node_.clock,
                                               .ec2 = master_.ec2,
                                               .registry = nodes_,
                                               .apiserver = apiserver}),
           {.after = {kControlPlane}, .upkeep = Upkeep::act, .period = 60s});
}

ServerReply MasterBoot::receive_announcement(ServerCall const& call) {
  return answer_announcement(config_, *peers_, call);
}

std::vector<Row> MasterBoot::handover_rows(bool away, bool going_down, TimeLeft time_left) {
  RowList list;
  auto add = [&](std::unique_ptr<Step> step, std::vector<std::string> after, Duration patience) {
    list.add(best_effort(std::move(step), node_.clock, patience),
             {.after = std::move(after),
              .deadline = patience * 2,
              .polling = {.first = 100ms, .cap = 500ms}});
  };
  // A machine that only reboots keeps its manifests: a reboot finds every file as it was. What runs
  // below another root than this machine's is nobody to end.
  bootstrap::kube::WithdrawDeps withdraw{.config = config_,
                                         .root = node_.root,
                                         .clock = node_.clock,
                                         .take_manifests = away,
                                         .end_process = going_down || !away,
                                         .left = std::move(time_left)};
  if (node_.root.directory() == "/") withdraw.end = [](pid_t pid) { ::kill(pid, SIGTERM); };
  add(std::make_unique<bootstrap::kube::Withdraw>(std::move(withdraw)), {},
      bootstrap::kube::kLongestWait + 5s);
  for (auto cluster : kEtcdClusters) {
    auto name = [&](std::string_view row) { return of_cluster(row, cluster); };
    auto steps = volumes_.release_steps(cluster);
    add(std::make_unique<bootstrap::LeaderStep>(cluster, etcd_), {}, 8s);
    add(std::make_unique<bootstrap::StopStep>(cluster, etcd_), {name(kLeader), kWithdraw}, 20s);
    add(std::move(steps.unmount), {name(kStopEtcd)}, 20s);
    if (away) add(std::move(steps.detach), {name(kUnmount)}, going_down ? 2s : 40s);
  }
  return list.take();
}

std::vector<Row> MasterBoot::leader_rows() {
  RowList list;
  for (auto cluster : kEtcdClusters)
    list.add(best_effort(std::make_unique<bootstrap::LeaderStep>(cluster, etcd_), node_.clock, 8s),
             {.deadline = 1min});
  return list.take();
}

}  // namespace haagent
