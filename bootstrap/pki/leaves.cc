#include "bootstrap/pki/leaves.h"

#include <algorithm>

#include "agent/base/cidr.h"
#include "agent/base/url.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/leaf.h"

namespace haagent::bootstrap::pki {
namespace {

constexpr TrustFile kTrust[] = {
    {kEtcdAuthority, "etcd/ca", "/etc/kubernetes/pki/etcd/ca.crt", nullptr},
    {kEtcdPeerAuthority, "etcd/peer-ca", "/etc/kubernetes/pki/etcd/peer-ca.crt", nullptr},
    {kAgentAuthority, "haagent/ca", "/etc/haagent/pki/ca.crt", nullptr},
    // kube-controller-manager signs with it.
    {kKubernetesAuthority, "ca", "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/ca.key"},
    {kFrontProxyAuthority, "front-proxy-ca", "/etc/kubernetes/pki/front-proxy-ca.crt", nullptr},
};

void add_host(LeafSpec& spec, std::string const& host) {
  if (host.empty()) return;
  (parse_ip(host) ? spec.addresses : spec.dns_names).push_back(host);
}

// This machine, as it is reached from itself and from its peers.
void add_machine(LeafSpec& spec, Identity const& identity) {
  add_host(spec, identity.hostname);
  for (auto const& address : {identity.address, identity.ipv4, identity.ipv6})
    if (!address.empty()) spec.addresses.push_back(address);
}

void add_loopback(LeafSpec& spec) {
  spec.dns_names.emplace_back("localhost");
  spec.addresses.emplace_back("127.0.0.1");
  spec.addresses.emplace_back("::1");
}

LeafSpec client(std::string name, std::string organization = {}) {
  return {.common_name = std::move(name),
          .organization = std::move(organization),
          .dns_names = {},
          .addresses = {},
          .client = true};
}

void add_etcd(std::vector<Leaf>& leaves, Subject const& subject) {
  auto at = [](std::string_view name, std::string_view end) {
    return fmt::format("{}/{}.{}", kube::kPki, name, end);
  };
  LeafSpec peer{.common_name = subject.identity.hostname,
                .organization = {},
                .dns_names = {},
                .addresses = {},
                .server = true,
                .client = true};
  for (auto const& member : subject.members)
    peer.dns_names.push_back(subject.config.etcd_host(member));
  add_machine(peer, subject.identity);
  // etcd's JSON gateway calls its own server with the server's certificate, so that it must be good
  // for a client too.
  auto server = peer;
  add_loopback(server);
  leaves.push_back({kEtcdAuthority, "etcd/server", at("etcd/server", "crt"),
                    at("etcd/server", "key"), canonical(std::move(server)),
                    /*etcd_reads_key=*/true});
  // A peer is known by its address where it stands in the certificate, else by looking its names
  // up. It carries both: a master with a new address is taken in before the others have heard of
  // it, and one behind an address that is not its own is still found by its name.
  leaves.push_back({kEtcdPeerAuthority, "etcd/peer", at("etcd/peer", "crt"), at("etcd/peer", "key"),
                    canonical(std::move(peer)), /*etcd_reads_key=*/true});
  leaves.push_back({kEtcdAuthority, "etcd/healthcheck-client", at("etcd/healthcheck-client", "crt"),
                    at("etcd/healthcheck-client", "key"), client("kube-etcd-healthcheck-client")});
  leaves.push_back({kEtcdAuthority, "apiserver-etcd-client", at("apiserver-etcd-client", "crt"),
                    at("apiserver-etcd-client", "key"), client("kube-apiserver-etcd-client")});
}

void add_agent(std::vector<Leaf>& leaves, Subject const& subject) {
  LeafSpec agent{.common_name = subject.identity.hostname,
                 .organization = "masters",
                 .dns_names = {},
                 .addresses = {},
                 .server = true,
                 .client = true};
  // Whom it may say that it is: what an announcement claims is held against these names.
  for (auto const& member : subject.members)
    agent.dns_names.push_back(subject.config.etcd_host(member));
  add_machine(agent, subject.identity);
  leaves.push_back({kAgentAuthority, "haagent/agent", "/etc/haagent/pki/agent.crt",
                    "/etc/haagent/pki/agent.key", canonical(std::move(agent))});
}

Result<void> add_kubernetes(std::vector<Leaf>& leaves, Subject const& subject) {
  auto const& cluster = subject.config.cluster;
  auto at = [](std::string_view name, std::string_view end) {
    return fmt::format("{}/{}.{}", kube::kPki, name, end);
  };
  auto service = TRY(kube::apiserver_service_ip(subject.config));
  LeafSpec apiserver{.common_name = "kube-apiserver",
                     .organization = {},
                     .dns_names = {"kubernetes", "kubernetes.default", "kubernetes.default.svc",
                                   "kubernetes.default.svc." + cluster.dns_domain},
                     .addresses = {service},
                     .server = true};
  add_machine(apiserver, subject.identity);
  add_loopback(apiserver);
  if (!cluster.endpoint.empty()) {
    auto const endpoint = split_url(cluster.endpoint);
    if (!endpoint)
      return fail(Kind::invalid, "cluster.endpoint is no URL: {}", to_string(endpoint.error()));
    add_host(apiserver, endpoint->host);
  }
  auto add = [&](Authority const& authority, std::string const& name, LeafSpec spec) {
    leaves.push_back({authority, name, at(name, "crt"), at(name, "key"), std::move(spec)});
  };
  add(kKubernetesAuthority, "apiserver", canonical(std::move(apiserver)));
  // Nobody has bound a role yet when the first apiserver comes up.
  add(kKubernetesAuthority, "apiserver-kubelet-client",
      client("kube-apiserver-kubelet-client", "system:masters"));
  add(kFrontProxyAuthority, "front-proxy-client", client("front-proxy-client"));
  auto add_client = [&](std::string const& name, kube::ClientCertificate const& files,
                        LeafSpec spec) {
    leaves.push_back({kKubernetesAuthority, name, files.cert, files.key, std::move(spec)});
  };
  add_client("controller-manager", kube::kControllerManagerClient,
             client("system:kube-controller-manager"));
  add_client("scheduler", kube::kSchedulerClient, client("system:kube-scheduler"));
  add_client("kube-proxy", kube::kKubeProxyClient, client("system:kube-proxy"));
  add_client("admin", kube::kAdminClient, client("kubernetes-admin", "system:masters"));
  // Machines that ask to join see it, and those that have joined go by its names. Nothing else that
  // this authority signs has that common name (bootstrap/join/exchange/messages.h).
  LeafSpec join{.common_name = "haagent-join",
                .organization = {},
                .dns_names = {},
                .addresses = {},
                .server = true};
  add_machine(join, subject.identity);
  for (auto const& url : {cluster.endpoint, cluster.join_endpoint})
    if (auto const place = split_url(url)) add_host(join, place->host);
  leaves.push_back({kKubernetesAuthority, "haagent/join", kJoinServer.cert, kJoinServer.key,
                    canonical(std::move(join))});
  // Where the kubelet looks for it, and makes one of itself where there is none.
  LeafSpec serving{.common_name = "system:node:" + subject.identity.hostname,
                   .organization = "system:nodes",
                   .dns_names = {},
                   .addresses = {},
                   .server = true};
  add_machine(serving, subject.identity);
  add_client("kubelet-serving", kube::kKubeletServer, canonical(std::move(serving)));
  add_client("kubelet", kube::kKubeletClient,
             client("system:node:" + subject.identity.hostname, "system:nodes"));
  return {};
}

}  // namespace

std::span<TrustFile const> trust_files() {
  return kTrust;
}

// Not the Kubernetes authority: every kubelet and every pod goes by that, and says to nobody here
// what it has loaded.
bool rotates(Authority const& authority) {
  return authority.name != kKubernetesAuthority.name;
}

TrustFile const& trust_file(Authority const& authority) {
  return *std::ranges::find(kTrust, authority.name,
                            [](TrustFile const& file) { return file.authority.name; });
}

Result<std::vector<Leaf>> leaves_of(Subject const& subject) {
  std::vector<Leaf> leaves;
  add_etcd(leaves, subject);
  add_agent(leaves, subject);
  TRY(add_kubernetes(leaves, subject));
  return leaves;
}

HttpTls agent_tls(Root const& root) {
  return {.ca_file = root("/etc/haagent/pki/ca.crt"),
          .cert_file = root("/etc/haagent/pki/agent.crt"),
          .key_file = root("/etc/haagent/pki/agent.key")};
}

}  // namespace haagent::bootstrap::pki
