#include "bootstrap/addons/values.h"

#include "bootstrap/kube/node.h"

namespace haagent::bootstrap::addons {

Result<Values> values_of(NodeConfig const& config, Identity const& identity) {
  auto const& cluster = config.cluster;
  auto const services = TRY_DURING(kube::parse_cidrs(cluster.service_cidr), "cluster.serviceCIDR");
  return Values{
      {"clusterName", cluster.name},
      {"clusterDNS", TRY_DURING(kube::nth_address(services.front(), 10), "cluster.serviceCIDR")},
      {"clusterDomain", cluster.dns_domain},
      {"endpoint", cluster.endpoint},
      {"imageRegistry", config.kubernetes.image_registry},
      {"kubernetesVersion", config.kubernetes.version},
      {"podCIDR", cluster.pod_cidr},
      {"region", identity.region},
      {"serviceCIDR", cluster.service_cidr},
  };
}

}  // namespace haagent::bootstrap::addons
