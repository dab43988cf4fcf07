// The row `kubelet-health`: the kubelet says at its healthz that it is well.
#pragma once

#include "agent/base/process.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "agent/base/units.h"
#include "bootstrap/health/pod_steps.h"

namespace haagent::bootstrap::health {

// Reads the fact identity.
class KubeletHealthStep final : public Step {
 public:
  KubeletHealthStep(HealthDeps deps, Units& units, Process& process)
      : deps_(std::move(deps)), units_(units), process_(process) {}
  std::string_view name() const override { return row_names::kKubeletHealth; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  HealthDeps deps_;
  Units& units_;
  Process& process_;
};

}  // namespace haagent::bootstrap::health
