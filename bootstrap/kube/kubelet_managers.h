// What stops the kubelet when it makes its managers of CPUs, memory and topology, as far as the
// document tells: run() of k8s.io/kubernetes/cmd/kubelet/app and NewContainerManager. How many CPUs
// and NUMA nodes the machine has is not known here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bootstrap/kube/rules.h"

namespace haagent::bootstrap::kube {

class KubeletManagers final : public Rules {
 public:
  explicit KubeletManagers(Rules const& rules) : Rules(rules) {}
  void check();

 private:
  void topology_options();
  void cpu_options();
  bool option(std::string_view field, std::string_view words, std::string_view gates,
              Tree::Entry const& entry);
  void static_cpus();
  void static_memory();
  void qos_reserved();
  std::optional<double> reserved(std::string_view resource) const;
};

}  // namespace haagent::bootstrap::kube
