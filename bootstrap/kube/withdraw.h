#pragma once

#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "agent/base/step.h"

namespace haagent::bootstrap::kube {

// `withdraw`: takes the static pods that need etcd away, so that the kubelet ends them. The
// apiserver goes before its etcd does: it then says at /readyz that it ends, the load balancer
// turns to the others, and clients see connections refused rather than requests that fail. The
// files are rendered from the config, so nothing is lost: an ordinary boot writes them again.
//
// Waits until the apiserver is gone, for at most `patience`: a kubelet that does not run ends no
// pod, and etcd's clean end must not wait for it.
class Withdraw final : public Step {
 public:
  Withdraw(NodeConfig const& config, Root root, Http& http, Clock& clock, Duration patience)
      : config_(config), root_(std::move(root)), http_(http), clock_(clock), patience_(patience) {}
  std::string_view name() const override { return "withdraw"; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;
  Result<void> act(Facts& facts, std::stop_token stop) override;

 private:
  Result<std::vector<std::string>> present(Facts& facts);

  NodeConfig const& config_;
  Root root_;
  Http& http_;
  Clock& clock_;
  Duration const patience_;
  std::optional<SteadyTime> since_;
};

}  // namespace haagent::bootstrap::kube
