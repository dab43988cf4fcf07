// pkg/kubelet/apis/config/validation of k8s.io/kubernetes, and what the kubelet reads of its
// document only when it starts: thresholds, reserved resources, ciphers.
#pragma once

#include "bootstrap/kube/rules.h"

namespace haagent::bootstrap::kube {

class KubeletRules final : public Rules {
 public:
  KubeletRules(Component component, KubeVersion const& version, Tree const& overlay,
               std::string path, std::vector<GateSetting> const& gates, Complaints& out)
      : Rules(component, version, overlay, std::move(path), gates, out) {}
  void check();

 private:
  void check_numbers();
  void check_images();
  void check_words();
  void check_shutdown();
  void check_evictions();
  void check_reserved();
  void check_gated();
  void check_images_allowed();
  void check_server();
  void check_sysctls();
  bool is_sysctl_of_pods(std::string const& name, bool may_end_with_star) const;
  void check_tracing();
  void check_taints();
  void check_tls();
  void check_curves();
  void check_logs();
  void check_threshold(std::string_view map, Tree::Entry const& entry);
};

}  // namespace haagent::bootstrap::kube
