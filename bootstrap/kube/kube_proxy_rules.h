// pkg/proxy/apis/config/validation of k8s.io/kubernetes.
#pragma once

#include "bootstrap/kube/rules.h"

namespace haagent::bootstrap::kube {

class KubeProxyRules final : public Rules {
 public:
  KubeProxyRules(Component component, KubeVersion const& version, Tree const& overlay,
                 std::string path, std::vector<GateSetting> const& gates, Complaints& out)
      : Rules(component, version, overlay, std::move(path), gates, out) {}
  void check();

 private:
  void check_periods();
  void check_addresses();
  void check_detect_local();
};

}  // namespace haagent::bootstrap::kube
