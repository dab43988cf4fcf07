#include "bootstrap/layout/names.h"

#include "agent/base/url.h"

namespace haagent::bootstrap {

EtcdPorts const& etcd_ports(EtcdCluster cluster) {
  return cluster == EtcdCluster::main ? kEtcdMainPorts : kEtcdEventsPorts;
}

std::string etcd_member_name(EtcdCluster cluster, std::string_view member) {
  return fmt::format("etcd-{}{}", cluster == EtcdCluster::main ? "" : "events-", member);
}

std::string etcd_peer_url(NodeConfig const& config, EtcdCluster cluster,
                          std::string const& member) {
  return fmt::format("https://{}:{}", config.etcd_host(member), etcd_ports(cluster).peer);
}

std::string etcd_client_url(NodeConfig const& config, EtcdCluster cluster,
                            std::string const& member) {
  return etcd_endpoint(cluster, config.etcd_host(member));
}

std::string etcd_endpoint(EtcdCluster cluster, std::string_view host) {
  return fmt::format("https://{}:{}", url_host(host), etcd_ports(cluster).client);
}

std::string etcd_cluster_token(NodeConfig const& config, EtcdCluster cluster) {
  return fmt::format("{}-{}", config.cluster.name, to_string(cluster));
}

std::string etcd_unit(EtcdCluster cluster) {
  return fmt::format("haagent-etcd@{}.service", to_string(cluster));
}

std::filesystem::path etcd_config_path(EtcdCluster cluster) {
  return fmt::format("/etc/haagent/etcd/{}.yaml", to_string(cluster));
}

std::filesystem::path etcd_data_dir(std::filesystem::path const& mount_point) {
  // Never the mount's own root, which has a lost+found.
  return mount_point / "data";
}

std::filesystem::path etcd_restored_dir(std::filesystem::path const& mount_point) {
  return mount_point / "data.restored";
}

HttpTls etcd_client_tls(Root const& root) {
  return {.ca_file = root("/etc/kubernetes/pki/etcd/ca.crt"),
          .cert_file = root("/etc/kubernetes/pki/etcd/healthcheck-client.crt"),
          .key_file = root("/etc/kubernetes/pki/etcd/healthcheck-client.key")};
}

std::string initial_cluster_text(std::vector<InitialMember> const& members) {
  std::string text;
  for (auto const& [name, peer_url] : members)
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, peer_url);
  return text;
}

std::string etcd_id_text(std::uint64_t id) {
  return fmt::format("{:x}", id);
}

std::string etcd_command(EtcdCluster cluster, std::string_view words) {
  return fmt::format("haagent etcd {}{}", words,
                     cluster == EtcdCluster::main ? "" : " --cluster events");
}

std::string etcdctl_command(EtcdCluster cluster, std::string_view words) {
  auto const tls = etcd_client_tls(Root());
  return fmt::format("etcdctl --endpoints={} --cacert={} --cert={} --key={} {}",
                     etcd_endpoint(cluster, "127.0.0.1"), tls.ca_file, tls.cert_file, tls.key_file,
                     words);
}

std::string in_words(std::vector<std::string> const& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == names.size() ? " and " : ", ", names[i]);
  return text;
}

}  // namespace haagent::bootstrap
