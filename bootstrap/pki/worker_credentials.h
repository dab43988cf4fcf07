// The step `join` of a worker that was given a bootstrap token: whether what its kubelet and its
// kube-proxy show to the apiserver is there and good, and what the kubelet serves with. haagent
// makes none of it yet, so the step only looks and says what is to be brought; what comes later is
// seen at the next look. Sets the fact pki to the ends of what is there.
#pragma once

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"

namespace haagent::bootstrap::pki {

class WorkerCredentials final : public Step {
 public:
  WorkerCredentials(NodeConfig const& config, Root root, Clock& clock)
      : config_(config), root_(std::move(root)), clock_(clock) {}
  std::string_view name() const override { return row_names::kJoin; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  NodeConfig const& config_;
  Root root_;
  Clock& clock_;
};

}  // namespace haagent::bootstrap::pki
