#include "bootstrap/kube/own_labels.h"

#include <algorithm>
#include <array>

namespace haagent::bootstrap::kube {

// options.ValidateKubeletFlags() and the kubelet's well-known labels.
bool kubelet_may_set_label(std::string_view key) {
  static constexpr std::array<std::string_view, 11> kOwn = {
      "kubernetes.io/hostname",
      "kubernetes.io/os",
      "kubernetes.io/arch",
      "beta.kubernetes.io/os",
      "beta.kubernetes.io/arch",
      "topology.kubernetes.io/zone",
      "topology.kubernetes.io/region",
      "failure-domain.beta.kubernetes.io/zone",
      "failure-domain.beta.kubernetes.io/region",
      "node.kubernetes.io/instance-type",
      "beta.kubernetes.io/instance-type",
  };
  auto slash = key.find('/');
  auto domain = slash == key.npos ? std::string_view() : key.substr(0, slash);
  auto within = [&](std::string_view parent) {
    return domain == parent ||
           (domain.ends_with(parent) && domain[domain.size() - parent.size() - 1] == '.');
  };
  if (!within("kubernetes.io") && !within("k8s.io")) return true;
  return std::ranges::find(kOwn, key) != kOwn.end() || within("kubelet.kubernetes.io") ||
         within("node.kubernetes.io");
}

}  // namespace haagent::bootstrap::kube
