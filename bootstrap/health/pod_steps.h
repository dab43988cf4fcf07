// The rows `apiserver` and `kube-proxy-health`. Both only look: the kubelet runs the pods.
#pragma once

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "agent/base/remembered.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/kube/serving_places.h"

namespace haagent::bootstrap::health {

struct HealthDeps {
  NodeConfig const& config;
  Root root;
  Http& http;
  Clock& clock;
};

// Where this node's components serve: as long as its identity is the same, in the same places.
using Places = Remembered<Identity, kube::ServingPlaces>;

// `apiserver`: the apiserver of this master says at /readyz that it serves, where its manifest says
// that it listens. It goes by the etcd member beside it, and by no other master's apiserver. Reads
// the fact identity.
class ApiserverStep final : public Step {
 public:
  explicit ApiserverStep(HealthDeps deps) : deps_(std::move(deps)) {}
  std::string_view name() const override { return row_names::kApiserver; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  HealthDeps deps_;
  Places places_;
};

// `kube-proxy-health`: kube-proxy has written the rules of this node's services, and goes on doing
// so. Where haagent runs none, as on a worker without its certificate, the row is done. Reads the
// fact identity.
class KubeProxyStep final : public Step {
 public:
  explicit KubeProxyStep(HealthDeps deps) : deps_(std::move(deps)) {}
  std::string_view name() const override { return row_names::kKubeProxyHealth; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  HealthDeps deps_;
  Places places_;
};

}  // namespace haagent::bootstrap::health
