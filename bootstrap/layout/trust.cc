#include "bootstrap/layout/trust.h"

#include "agent/base/sha256.h"

namespace haagent::bootstrap {
namespace {

constexpr char const* kClients = "/etc/kubernetes/pki/etcd/ca.crt";
constexpr char const* kPeers = "/etc/kubernetes/pki/etcd/peer-ca.crt";

Result<EtcdTrust> read_trust(std::filesystem::path const& clients,
                             std::filesystem::path const& peers) {
  EtcdTrust trust;
  for (auto const& [path, into] :
       {std::pair(clients, &trust.clients), std::pair(peers, &trust.peers)}) {
    auto bytes = TRY(read_file(path));
    *into = bytes.value_or("");
  }
  return trust;
}

}  // namespace

std::filesystem::path etcd_clients_trust_path(EtcdCluster cluster) {
  return fmt::format("/etc/haagent/etcd/{}-ca.crt", to_string(cluster));
}

std::filesystem::path etcd_peers_trust_path(EtcdCluster cluster) {
  return fmt::format("/etc/haagent/etcd/{}-peer-ca.crt", to_string(cluster));
}

Result<EtcdTrust> wanted_trust(Root const& root) {
  return read_trust(root(kClients), root(kPeers));
}

Result<EtcdTrust> loaded_trust(Root const& root, EtcdCluster cluster) {
  return read_trust(root(etcd_clients_trust_path(cluster)), root(etcd_peers_trust_path(cluster)));
}

Result<void> load_trust(Root const& root, EtcdCluster cluster) {
  auto trust = TRY(wanted_trust(root));
  std::vector<PairedFile> copies;
  for (auto const& [path, bytes] : {std::pair(etcd_clients_trust_path(cluster), &trust.clients),
                                    std::pair(etcd_peers_trust_path(cluster), &trust.peers)}) {
    if (bytes->empty()) continue;
    TRY(make_directories(root(path).parent_path()));
    copies.push_back({root(path), *bytes, {.mode = 0644}});
  }
  TRY(replace_files_if_changed(std::move(copies)));
  return {};
}

std::string digest_of(EtcdTrust const& trust) {
  return sha256_hex(trust.clients + "\n\n" + trust.peers);
}

}  // namespace haagent::bootstrap
