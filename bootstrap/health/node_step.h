// The row `node`: this node is one of the cluster's, as the apiserver has it.
#pragma once

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/apiserver/client.h"
#include "bootstrap/health/pod_steps.h"

namespace haagent::bootstrap::health {

// Asks for the Lease and the Node: a master its own apiserver as the administrator, a worker the
// replicated endpoint with the kubelet's own certificate. Reads the fact identity. While nobody
// answers it waits: a node whose masters are away has done nothing wrong, and is not known to
// serve.
class NodeStep final : public Step {
 public:
  explicit NodeStep(HealthDeps deps) : deps_(std::move(deps)) {}
  std::string_view name() const override { return row_names::kNode; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<ApiserverClient> apiserver(Identity const& identity);

  HealthDeps deps_;
  Places places_;
};

}  // namespace haagent::bootstrap::health
