// What is made of what was seen of the kubelet, decided.
#pragma once

#include <optional>
#include <string>

#include "agent/base/step.h"
#include "agent/base/units.h"
#include "bootstrap/health/probe.h"

namespace haagent::bootstrap::health {

struct KubeletSeen {
  std::optional<Answer> answer;   // of its healthz; nothing: healthz is disabled
  std::optional<UnitState> unit;  // kubelet.service; nothing: there is no such unit, or no systemd
  std::string words = {};         // its last ones in the journal, where it is not well
};

// Done where it is well; else Waiting.
Finding kubelet_finding(KubeletSeen const& seen);

}  // namespace haagent::bootstrap::health
