#include "agent/boot/join_listener.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "agent/boot/collaborators.h"
#include "agent/runtime/log.h"
#include "bootstrap/join/master/ledger.h"
#include "bootstrap/join/master/service.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/pki/leaves.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
namespace join = bootstrap::join;

constexpr std::chrono::seconds kBindAgain{5};

// From the connection to the first request, from one request to the next (the worker asks STS in
// between), and for an answer to be read; how long a master takes to answer is its own matter.
constexpr ServerConnection::Limits kExchange{.whole = 10s};
// A thread waits for others most of its time. A machine has one exchange at a time, and a load
// balancer that hides addresses has all of them.
constexpr ConnectionLimits kMasters{
    .threads = 128, .threads_per_address = 2, .connections = 1024, .per_address = 4, .silence = 5s};
// Masters alone have any business here, one at a time each.
constexpr ConnectionLimits kWorkers{
    .threads = 8, .threads_per_address = 1, .connections = 32, .per_address = 2, .silence = 5s};

// A part of it may be what a caller has sent.
std::string quotable(std::string text) {
  std::ranges::replace(text, '"', '\'');
  return text;
}

ListenerLimits master_limits(NodeConfig const& config) {
  auto connections = kMasters;
  if (config.cluster.join_addresses_hidden) {
    connections.threads_per_address = connections.threads;
    connections.per_address = connections.connections;
  }
  return {.connections = connections, .connection = kExchange};
}

join::Connection connection_of(ServerCall const& call) {
  return {.nonce = call.nonce, .server_key = call.server_key, .address = call.address};
}

Answer answer_of(join::Reply reply) {
  return {.status = reply.status,
          .type = "application/json",
          .body = std::move(reply.body),
          .retry_after = reply.retry_after};
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
        apiserver(machine.http, bootstrap::local_apiserver(machine.root)),
        service(settings(machine, config, identity),
                {.root = machine.root,
                 .http = machine.http,
                 .clock = machine.clock,
                 .credentials = machine.credentials,
                 .sts = sts,
                 .instances = instances,
                 .registry = registry,
                 .apiserver = apiserver,
                 .told = [this](join::Decided const& decided) { tell(decided); }}) {}

  void tell(join::Decided const& decided) {
    ledger.note(decided, clock.utc());
    auto const& message = decided.message;
    auto const line =
        fmt::format("join instance={} address={} reason={} what=\"{}\"",
                    decided.instance_id.empty() ? "a machine" : decided.instance_id,
                    decided.address, to_string(message.reason), quotable(message.text));
    if (message.reason == Reason::JoinGranted || message.reason == Reason::CertificatesRenewed)
      log::info(line);
    else
      log::warn(line);
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
  bootstrap::ApiserverClient apiserver;
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
                                     master_limits(config));
  auto& service = master_->service;
  auto const stop = master_->ends.get_token();
  listener_->serve({.method = "GET",
                    .path = join::kNoncePath,
                    .goes_on = true,
                    .answer = [&service, stop](ServerCall const& call) {
                      return answer_of(service.offer(connection_of(call), stop));
                    }});
  listener_->serve({.method = "POST",
                    .path = join::kJoinPath,
                    .body_cap = join::kAskCap,
                    .answer = [&service, stop](ServerCall const& call) {
                      return answer_of(service.join(call.body, connection_of(call), stop));
                    }});
  listener_->serve({.method = "POST",
                    .path = join::kRenewPath,
                    .body_cap = join::kAskCap,
                    .answer = [&service, stop](ServerCall const& call) {
                      return answer_of(
                          service.renew(call.body, call.certificate, connection_of(call), stop));
                    }});
}

JoinListener::~JoinListener() {
  binding_ = {};
  if (master_) master_->ends.request_stop();
}

void JoinListener::listen(std::string address) {
  auto const first = listener_->listen(address, kJoinPort);
  if (first) return;
  log::warn(first.error().message.sentence() +
            ": nobody joins over this node's port until it is free");
  binding_ = std::jthread([this, address = std::move(address)](std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any ends;
    for (std::unique_lock lock(mutex); !stop.stop_requested();) {
      ends.wait_for(lock, stop, kBindAgain, [] { return false; });
      if (stop.stop_requested() || !listener_->listen(address, kJoinPort)) continue;
      log::info(fmt::format("port {} is free: machines join over it", kJoinPort));
      return;
    }
  });
}

JoinFacts JoinListener::facts() const {
  return master_ ? master_->ledger.facts(master_->clock.utc()) : JoinFacts{};
}

}  // namespace haagent
