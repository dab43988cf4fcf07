#include "agent/boot/join_listener.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "agent/boot/collaborators.h"
#include "agent/boot/join_routes.h"
#include "agent/runtime/kept_sockets.h"
#include "agent/runtime/log.h"
#include "bootstrap/join/master/ledger.h"
#include "bootstrap/join/master/service.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/pki/leaves.h"
#include "bootstrap/version_skew/claims.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
namespace join = bootstrap::join;

constexpr std::chrono::seconds kBindAgain{5};
constexpr char kKept[] = "join";  // what systemd calls the socket

// Masters alone have any business here, one at a time each.
constexpr ConnectionLimits kWorkers{
    .threads = 8, .threads_per_address = 1, .connections = 32, .per_address = 2, .silence = 5s};

// A part of it may be what a caller has sent.
std::string quotable(std::string text) {
  std::ranges::replace(text, '"', '\'');
  return text;
}

}  // namespace

struct JoinListener::Master {
  Master(Collaborators& machine, NodeConfig const& config, Identity const& identity)
      : clock(machine.clock),
        ec2(make_ec2(machine, config, identity)),
        sts(machine.http, sts_place(config, identity), &machine.calls),
        instances(*ec2, config.cluster.name),
        etcd(machine.http, {bootstrap::etcd_endpoint(EtcdCluster::main, "127.0.0.1")},
             bootstrap::etcd_client_tls(machine.root)),
        registry(etcd),
        claims(etcd),
        apiserver(machine.http, bootstrap::as_administrator(
                                    machine.root, bootstrap::kube::own_apiserver_url(config))),
        issuer_keys(machine.http, machine.clock, config.cluster.token_issuer),
        service(settings(machine, config, identity),
                {.root = machine.root,
                 .http = machine.http,
                 .clock = machine.clock,
                 .credentials = machine.credentials,
                 .sts = sts,
                 .instances = instances,
                 .registry = registry,
                 .apiserver = apiserver,
                 .told = [this](join::Decided const& decided) { tell(decided); },
                 .oldest_apiserver =
                     [this](std::stop_token stop) { return oldest_apiserver(std::move(stop)); },
                 .issuer_keys = issuer_keys.issuer().empty() ? nullptr : &issuer_keys}) {}

  void tell(join::Decided const& decided) {
    auto const noted = ledger.note(decided, clock.utc());
    if (noted == join::JoinLedger::Line::left_out) return;
    auto const& message = decided.message;
    auto line = fmt::format("join {}={} address={} reason={} what=\"{}\"",
                            decided.proven ? "instance" : "claims",
                            decided.instance_id.empty() ? "-" : decided.instance_id,
                            decided.address, to_string(message.reason), quotable(message.text));
    if (noted == join::JoinLedger::Line::last)
      line += " (more like it are counted in haagent_join_decisions_total alone for a while)";
    if (decided.lets_in())
      log::info(line);
    else
      log::warn(line);
  }

  // Of all masters, by their claims; empty: none has claimed anything.
  Result<std::string> oldest_apiserver(std::stop_token stop) {
    auto const oldest = bootstrap::version_skew::lowest(TRY(claims.all(std::move(stop))));
    return oldest ? to_string(*oldest) : std::string();
  }

  static join::ServiceSettings settings(Collaborators const& machine, NodeConfig const& config,
                                        Identity const& identity) {
    auto const& cluster = config.cluster;
    auto const node = bootstrap::kube::describe_node(config, identity);
    return {
        .cluster = {.name = cluster.name,
                    .partition = identity.partition,
                    .account = identity.account_id,
                    .region = identity.region,
                    .worker_roles = cluster.worker_roles,
                    .worker_profiles = cluster.worker_profiles.empty() ? cluster.worker_roles
                                                                       : cluster.worker_profiles},
        .certificate_file = machine.root(bootstrap::pki::kJoinServer.cert),
        .sts = sts_place(config, identity),
        .addresses_hidden = cluster.join_addresses_hidden,
        .lifetime = config.pki.node_lifetime,
        .callback_port = kJoinPort,
        .endpoint = cluster.endpoint,
        .cluster_dns = node ? node->dns_ip : "-",
        .kubernetes_version = config.kubernetes.version};
  }

  Clock& clock;
  join::JoinLedger ledger;
  std::unique_ptr<aws::Ec2> ec2;
  aws::StsClient sts;
  join::Instances instances;
  bootstrap::EtcdClient etcd;
  join::EtcdNodeRegistry registry;
  bootstrap::version_skew::Claims claims;
  bootstrap::ApiserverClient apiserver;
  join::IssuerKeys issuer_keys;
  join::JoinService service;
  std::stop_source ends;
};

JoinListener::JoinListener(Collaborators& machine, NodeConfig const& config,
                           Identity const& identity) {
  using Clients = ServerTls::ClientCertificate;
  if (config.role == Role::worker) {
    listener_ =
        std::make_unique<HttpListener>(ServerTls(machine.responder.tls(), Clients::optional),
                                       ListenerLimits{.connections = kWorkers});
    listener_->serve({.method = "GET",
                      .path = join::kCallbackPath,
                      .answer = [&responder = machine.responder](ServerCall const&) {
                        auto const answer = responder.answer();
                        if (!answer) return Answer{.status = 404, .type = {}, .body = {}};
                        return Answer{.type = "application/json", .body = text_of(*answer)};
                      }});
    return;
  }
  master_ = std::make_unique<Master>(machine, config, identity);
  auto const& files = bootstrap::pki::kJoinServer;
  listener_ =
      std::make_unique<HttpListener>(ServerTls({.ca_file = machine.root(bootstrap::kube::kCa),
                                                .cert_file = machine.root(files.cert),
                                                .key_file = machine.root(files.key)},
                                               Clients::optional),
                                     join_limits(config.cluster.join_addresses_hidden));
  for (auto& route : join_routes(master_->service, master_->ends.get_token()))
    listener_->serve(std::move(route));
}

JoinListener::~JoinListener() {
  binding_ = {};
  if (master_) master_->ends.request_stop();
}

// A master's port is a target of the load balancer, which is to see that nobody answers there.
Result<void> JoinListener::bind(std::string const& address) {
  if (master_) {
    TRY(listener_->listen(address, kJoinPort));
    return {};
  }
  if (auto kept = notify::kept_socket(kKept);
      kept && listener_->listen_on(std::move(kept), address, kJoinPort))
    return {};
  // One for another address has the port until systemd forgets it.
  notify::forget_socket(kKept);
  TRY(listener_->listen(address, kJoinPort));
  notify::keep_socket(kKept, listener_->socket());
  return {};
}

void JoinListener::listen(std::string const& address) {
  auto const first = bind(address);
  if (first) return;
  log::warn(first.error().message.sentence() +
            ": no node can join over this port until it is free");
  binding_ = std::jthread([this, address](std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any ends;
    for (std::unique_lock lock(mutex); !stop.stop_requested();) {
      ends.wait_for(lock, stop, kBindAgain, [] { return false; });
      if (stop.stop_requested() || !bind(address)) continue;
      log::info(fmt::format("port {} is free: machines join over it", kJoinPort));
      return;
    }
  });
}

void forget_join_socket() {
  notify::forget_socket(kKept);
}

JoinFacts JoinListener::facts() const {
  return master_ ? master_->ledger.facts(master_->clock.utc()) : JoinFacts{};
}

}  // namespace haagent
