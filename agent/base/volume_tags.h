// The tags of an etcd volume, as kops writes them and as haagent adds to them.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/facts.h"

namespace haagent {

inline constexpr std::string_view kFormattedAtTag = "haagent.io/formatted-at";
// Written before mkfs begins and after it has ended: volumes/making.h.
inline constexpr std::string_view kFormattingTag = "haagent.io/formatting";
inline constexpr std::string_view kEtcdClusterIdTag = "haagent.io/etcd-cluster-id";

// "k8s.io/etcd/main"
std::string etcd_tag_name(EtcdCluster cluster);
// "kubernetes.io/cluster/prod.example.com"
std::string ownership_tag_name(std::string_view cluster_name);

}  // namespace haagent
