// The step `pod-network`: what haagent-pod-network.service says of the network that it makes.
#pragma once

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/pod_network/report.h"

namespace haagent::bootstrap::pod_network {

// Pure. `wanted`: whether the node has settings for a network of haagent's own.
Finding decide_pod_network(bool wanted, std::optional<Report> const& report, UtcTime now);

class PodNetworkStep final : public Step {
 public:
  PodNetworkStep(Root root, Clock& clock) : root_(std::move(root)), clock_(clock) {}
  std::string_view name() const override { return row_names::kPodNetwork; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Root root_;
  Clock& clock_;
};

}  // namespace haagent::bootstrap::pod_network
