#include "agent/base/volume_tags.h"

#include <fmt/format.h>

namespace haagent {

std::string etcd_tag_name(EtcdCluster cluster) {
  return fmt::format("k8s.io/etcd/{}", to_string(cluster));
}

std::string ownership_tag_name(std::string_view cluster_name) {
  return fmt::format("kubernetes.io/cluster/{}", cluster_name);
}

}  // namespace haagent
