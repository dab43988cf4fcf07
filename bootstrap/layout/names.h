// What things are called, so that every master calls them the same: members, URLs, units, files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"

namespace haagent::bootstrap {

EtcdPorts const& etcd_ports(EtcdCluster cluster);

// "etcd-a" of main, "etcd-events-a" of events, as kops has it.
std::string etcd_member_name(EtcdCluster cluster, std::string_view member);

// "https://etcd-a.internal.prod.example.com:2380"
std::string etcd_peer_url(NodeConfig const& config, EtcdCluster cluster, std::string const& member);
std::string etcd_client_url(NodeConfig const& config, EtcdCluster cluster,
                            std::string const& member);
// The client port at an address or name: "https://10.0.0.10:2379", "https://[fd00::1]:2379".
std::string etcd_endpoint(EtcdCluster cluster, std::string_view host);

// Part of every member id: the same on all masters, and never that of another cluster.
std::string etcd_cluster_token(NodeConfig const& config, EtcdCluster cluster);

inline constexpr char kKubeletUnit[] = "kubelet.service";

std::string etcd_unit(EtcdCluster cluster);                   // "haagent-etcd@main.service"
std::filesystem::path etcd_config_path(EtcdCluster cluster);  // not yet under the root
std::filesystem::path etcd_data_dir(std::filesystem::path const& mount_point);
// Where a restore builds what becomes the data directory.
std::filesystem::path etcd_restored_dir(std::filesystem::path const& mount_point);

// What the agent shows to etcd: kubeadm's health check certificate.
HttpTls etcd_client_tls(Root const& root);

// A member of the list that a starting etcd is given.
struct InitialMember {
  std::string name;
  std::string peer_url;
  bool operator==(InitialMember const&) const = default;
};

// "etcd-a=http://…:2380,etcd-b=http://…:2380"
std::string initial_cluster_text(std::vector<InitialMember> const& members);

// Ids as etcdctl prints them, and as the marker and the tag carry them: hexadecimal.
std::string etcd_id_text(std::uint64_t id);

// "haagent etcd restore" of main, "haagent etcd restore --cluster events": what an operator runs.
std::string etcd_command(EtcdCluster cluster, std::string_view words);

// "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=... alarm disarm": the same, of etcd's own.
std::string etcdctl_command(EtcdCluster cluster, std::string_view words);

// "a", "a and b", "a, b and c"
std::string in_words(std::vector<std::string> const& names);

}  // namespace haagent::bootstrap
