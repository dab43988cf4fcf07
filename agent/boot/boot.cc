#include "agent/boot/boot.h"

#include <signal.h>
#include "agent/base/store_clock.h"
#include "agent/boot/clock_step.h"

#include "agent/boot/best_effort.h"
#include "agent/boot/lifecycle_hooks.h"
#include "agent/boot/node_space_step.h"
#include "agent/runtime/version.h"
#include "agent/server/announce.h"
#include "bootstrap/encryption/step.h"
#include "bootstrap/etcd/backup/backup_before_change.h"
#include "bootstrap/etcd/backup/backup_step.h"
#include "bootstrap/etcd/maintenance/step.h"
#include "bootstrap/etcd/member/handover.h"
#include "bootstrap/etcd/member/step.h"
#include "bootstrap/hosts/hello_step.h"
#include "bootstrap/kube/steps.h"
#include "bootstrap/kube/withdraw.h"
#include "bootstrap/pki/kubelet_step.h"
#include "bootstrap/pki/step.h"
#include "bootstrap/pki/worker_credentials.h"
#include "volumes/steps.h"

namespace haagent {

using namespace std::chrono_literals;

// The order is that of construction: what stands later refers to what stands before.
struct Boot::State {
  State(NodeConfig const& node_config, BootParts const& parts)
      : config(node_config),
        root(parts.root),
        time(std::make_shared<StoreClock>(parts.store, parts.clock)),
        volumes(config, parts.root, parts.ec2, parts.clock, parts.devices, parts.disks,
                parts.mounts),
        etcd{.config = config,
             .root = parts.root,
             .http = parts.http,
             .clock = parts.clock,
             .process = parts.process,
             .units = parts.units,
             .ec2 = parts.ec2,
             .volumes = volumes.own()},
        peers(bootstrap::make_peers(etcd, time.get())),
        backups{config,
                parts.root,
                parts.http,
                parts.clock,
                parts.process,
                parts.store,
                std::string(kVersion),
                time},
        pki{.config = config,
            .root = parts.root,
            .store = parts.store,
            .clock = parts.clock,
            .time = time},
        encryption{config, parts.root, parts.store, parts.http, parts.clock},
        filesystems(parts.filesystems),
        group(parts.group) {
    etcd.asks_for_backups = true;
    etcd.orders = std::make_shared<bootstrap::OrderBoard>();
    etcd.backups = &backups;
    pki.etcd_user = [this] { return etcd.units.user(bootstrap::etcd_unit(EtcdCluster::main)); };
    // One for each cluster: their rows run side by side, each in a thread of its own.
    for (auto cluster : kEtcdClusters)
      before_change.push_back(std::make_unique<bootstrap::BackupBeforeChange>(cluster, backups));
    etcd.before_change = [this](EtcdCluster cluster, bootstrap::MemberChange change,
                                std::string const& endpoint, std::stop_token stop) {
      auto const which = cluster == EtcdCluster::main ? 0u : 1u;
      return before_change[which]->ready(change, endpoint, std::move(stop));
    };
  }

  HookParts hooks() const { return {config, root, etcd.clock, *group}; }

  NodeConfig const config;
  Root root;
  std::shared_ptr<StoreClock> time;  // one for all, so that all find the same
  volumes::Volumes volumes;
  bootstrap::EtcdParts etcd;
  std::shared_ptr<bootstrap::Peers> peers;
  bootstrap::BackupParts backups;
  bootstrap::pki::PkiParts pki;
  bootstrap::encryption::Deps encryption;
  std::vector<std::unique_ptr<bootstrap::BackupBeforeChange>> before_change;
  Filesystems& filesystems;
  aws::AutoScaling* const group;
  std::mutex kube_record;
};

namespace {

// What a row is beside its step. Waits on EC2 look each second at the most, since a freed volume
// must be ours within 5 s and the inventory itself asks EC2 less often; waits on this machine look
// often at first.
struct How {
  std::vector<std::string> after;
  Duration deadline = 15min;
  Polling polling{.first = 100ms, .cap = 1s};
  Upkeep upkeep = Upkeep::none;
  Duration period = 1min;
};

constexpr Duration kForEver = 24h * 365 * 10;
// A disk fills and empties slowly.
constexpr Polling kSpacePolling{.first = 1s, .cap = 15s};

Row row(std::unique_ptr<Step> step, How how) {
  Row made;
  made.step = std::move(step);
  made.after = std::move(how.after);
  made.deadline = how.deadline;
  made.polling = how.polling;
  made.upkeep = how.upkeep;
  made.period = how.period;
  return made;
}

}  // namespace

Boot::Boot(NodeConfig const& config, BootParts const& parts)
    : state_(std::make_unique<State>(config, parts)) {}

Boot::~Boot() = default;

std::vector<Row> Boot::rows() {
  auto& state = *state_;
  std::vector<Row> rows;
  // Nobody waits for it: what can be done on a full disk is done.
  rows.push_back(
      row(node_space_step(state.config, state.root, state.filesystems),
          {.after = {}, .polling = kSpacePolling, .upkeep = Upkeep::act, .period = 30s}));
  auto kube_files =
      std::make_unique<bootstrap::kube::KubeFiles>(state.config, state.root, state.kube_record);
  auto kube_proxy =
      std::make_unique<bootstrap::kube::KubeProxy>(state.config, state.root, state.kube_record);
  if (state.config.role == Role::worker) {
    rows.push_back(row(std::make_unique<bootstrap::pki::WorkerCredentials>(state.config, state.root,
                                                                           state.etcd.clock),
                       {.after = {}, .upkeep = Upkeep::act, .period = 10s}));
    rows.push_back(row(std::move(kube_files), {.after = {}, .upkeep = Upkeep::act}));
    rows.push_back(row(std::move(kube_proxy),
                       {.after = {"kube-files"}, .upkeep = Upkeep::act, .period = 10s}));
    if (state.group) rows.push_back(row(launching_hook(state.hooks()), {.after = {"kube-files"}}));
    return rows;
  }

  // It holds nobody up, and what depends on the time asks the store itself.
  rows.push_back(
      row(std::make_unique<ClockStep>(state.time),
          {.after = {}, .deadline = kForEver, .upkeep = Upkeep::look_only, .period = 15s}));
  // A master, in the order of its boot. main and events never wait for each other's disk.
  for (auto cluster : kEtcdClusters) {
    auto name = [&](std::string_view what) {
      return fmt::format("{}-{}", what, to_string(cluster));
    };
    auto steps = state.volumes.steps(cluster);
    rows.push_back(row(std::move(steps[0]), {.after = {}, .upkeep = Upkeep::look_only}));
    rows.push_back(
        row(std::move(steps[1]), {.after = {name("volume")}, .upkeep = Upkeep::look_only}));
    rows.push_back(row(std::move(steps[2]), {.after = {name("device")}}));
    // A mount that is gone is told within seconds; nobody waits for this row to decide without it.
    rows.push_back(row(std::move(steps[3]),
                       {.after = {name("filesystem")}, .upkeep = Upkeep::look_only, .period = 5s}));
    rows.push_back(
        row(state.volumes.space_step(cluster, state.filesystems), {.after = {name("mount")},
                                                                   .polling = kSpacePolling,
                                                                   .upkeep = Upkeep::act,
                                                                   .period = 15s}));
  }
  // The stable name of the member stands in its certificates, so its volume comes first.
  rows.push_back(row(std::make_unique<bootstrap::pki::PkiStep>(state.pki),
                     {.after = {"volume-main"},
                      .upkeep = Upkeep::act,
                      .period = bootstrap::pki::pki_period(state.config)}));
  auto etcd = bootstrap::make_etcd_steps(state.etcd, state.peers);
  rows.push_back(
      row(std::move(etcd[0]), {.after = {"volume-main"}, .upkeep = Upkeep::act, .period = 5s}));
  // Nobody waits for it: it is done once it has said it, whoever has heard.
  rows.push_back(row(std::make_unique<bootstrap::HelloStep>(state.config, state.root,
                                                            state.etcd.http, *state.time),
                     {.after = {"pki", "hosts"}, .upkeep = Upkeep::act, .period = 5s}));
  rows.push_back(
      row(std::move(etcd[1]),
          {.after = {"mount-main", "hosts", "pki"}, .upkeep = Upkeep::act, .period = 5s}));
  rows.push_back(
      row(std::move(etcd[2]),
          {.after = {"mount-events", "hosts", "pki"}, .upkeep = Upkeep::act, .period = 5s}));
  for (auto cluster : kEtcdClusters) {
    auto name = [&](std::string_view what) {
      return fmt::format("{}-{}", what, to_string(cluster));
    };
    rows.push_back(row(std::make_unique<bootstrap::StoreStep>(
                           cluster, state.backups, state.volumes.own(), state.etcd.orders),
                       {.after = {name("mount")}, .upkeep = Upkeep::act, .period = 2s}));
    // It never gives up: a store that is down for a week is told for a week.
    rows.push_back(
        row(std::make_unique<bootstrap::BackupStep>(cluster, state.backups),
            {.after = {name("etcd")}, .deadline = kForEver, .upkeep = Upkeep::act, .period = 30s}));
    rows.push_back(row(std::make_unique<bootstrap::CareStep>(cluster, state.etcd),
                       {.after = {name("etcd")},
                        .polling = {.first = 5s, .cap = 15s},
                        .upkeep = Upkeep::act,
                        .period = 15s}));
  }
  rows.push_back(row(std::move(kube_files), {.after = {}, .upkeep = Upkeep::act}));
  rows.push_back(row(std::move(kube_proxy),
                     {.after = {"pki", "kube-files"}, .upkeep = Upkeep::act, .period = 15s}));
  rows.push_back(row(
      std::make_unique<bootstrap::pki::KubeletStep>(state.root, state.etcd.clock, state.etcd.units),
      {.after = {"pki"}, .upkeep = Upkeep::act, .period = 10s}));
  // Before the first apiserver writes a secret.
  rows.push_back(row(std::make_unique<bootstrap::encryption::Step>(state.encryption),
                     {.after = {"etcd-main"}, .upkeep = Upkeep::act, .period = 10s}));
  // An apiserver without its etcd would crash-loop into backoff, so its manifest waits.
  rows.push_back(row(
      std::make_unique<bootstrap::kube::ControlPlane>(state.config, state.root, state.kube_record),
      {.after = {"etcd-main", "etcd-events", "kube-files", "encryption"},
       .upkeep = Upkeep::act,
       .period = 15s}));
  // Both members are healthy voters by then, and the apiserver's config is in place.
  if (state.group)
    rows.push_back(row(launching_hook(state.hooks()),
                       {.after = {"etcd-main", "etcd-events", "control-plane"}}));
  return rows;
}

ServerReply Boot::hear(ServerCall const& call) {
  return hear_hello(state_->config, *state_->peers, call);
}

std::vector<Row> Boot::warm_pool_rows() {
  auto& state = *state_;
  std::vector<Row> rows;
  rows.push_back(
      row(std::make_unique<bootstrap::kube::KubeFiles>(state.config, state.root, state.kube_record),
          {.after = {}}));
  if (state.group) rows.push_back(row(warm_pool_hook(state.hooks()), {.after = {"kube-files"}}));
  return rows;
}

std::vector<Row> Boot::handover_rows(bool away, bool going_down, TimeLeft time_left) {
  auto& state = *state_;
  std::vector<Row> rows;
  if (state.config.role == Role::worker) return rows;
  auto add = [&](std::unique_ptr<Step> step, std::vector<std::string> after, Duration patience) {
    rows.push_back(row(give_up(std::move(step), state.etcd.clock, patience),
                       {.after = std::move(after),
                        .deadline = patience * 2,
                        .polling = {.first = 100ms, .cap = 500ms}}));
  };
  // A machine that only reboots keeps its manifests: a reboot finds every file as it was. What runs
  // below another root than this machine's is nobody to end.
  bootstrap::kube::WithdrawParts withdraw{.config = state.config,
                                          .root = state.root,
                                          .clock = state.etcd.clock,
                                          .take_manifests = away,
                                          .end_process = going_down || !away,
                                          .left = std::move(time_left)};
  if (state.root.directory() == "/") withdraw.end = [](pid_t pid) { ::kill(pid, SIGTERM); };
  add(std::make_unique<bootstrap::kube::Withdraw>(std::move(withdraw)), {},
      bootstrap::kube::kLongestWait + 5s);
  for (auto cluster : kEtcdClusters) {
    auto name = [&](std::string_view what) {
      return fmt::format("{}-{}", what, to_string(cluster));
    };
    add(std::make_unique<bootstrap::LeaderStep>(cluster, state.etcd), {}, 8s);
    add(std::make_unique<bootstrap::StopStep>(cluster, state.etcd), {name("leader"), "withdraw"},
        20s);
    auto steps = state.volumes.release_steps(cluster);
    add(std::move(steps[0]), {name("stop-etcd")}, 20s);
    if (away) add(std::move(steps[1]), {name("unmount")}, going_down ? 2s : 40s);
  }
  return rows;
}

std::vector<Row> Boot::leader_rows() {
  auto& state = *state_;
  std::vector<Row> rows;
  if (state.config.role == Role::worker) return rows;
  for (auto cluster : kEtcdClusters)
    rows.push_back(row(
        give_up(std::make_unique<bootstrap::LeaderStep>(cluster, state.etcd), state.etcd.clock, 8s),
        {.deadline = 1min}));
  return rows;
}

std::vector<Row> Boot::settling_rows(bool going_down) {
  std::vector<Row> rows;
  if (state_->group)
    rows.push_back(row(give_up(terminating_hook(state_->hooks()), state_->etcd.clock,
                               going_down ? Duration(2s) : Duration(30s)),
                       {.deadline = 1min}));
  return rows;
}

}  // namespace haagent
