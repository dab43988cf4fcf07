// Feature gates as each release of a component takes them.
#pragma once

#include <string>
#include <vector>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/complaint.h"
#include "bootstrap/kube/component.h"

namespace haagent::bootstrap::kube {

// One gate that somebody set, and where.
struct GateSetting {
  std::string name;
  bool on;
  std::string path;  // "kubelet.config.featureGates.NodeSwap"
  Mark mark = {};
};

// Unknown gates, gates that are locked, and gates without the others that they need stop the
// component; gates that will go are warned of. Of a gate that is set twice the last one counts.
void check_gates(Component component, KubeVersion const& version,
                 std::vector<GateSetting> const& settings, Complaints& out);

// Whether the gate is on: as set, or by the release's default. AllAlpha and AllBeta count.
bool is_gate_on(Component component, KubeVersion const& version,
                std::vector<GateSetting> const& settings, std::string_view gate);

}  // namespace haagent::bootstrap::kube
