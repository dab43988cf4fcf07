// Where the components of this node say how they are, as the files say that haagent renders for
// them: the users' overlays and flags count.
#pragma once

#include <optional>
#include <string>

#include "agent/base/facts.h"
#include "agent/base/node_config.h"
#include "agent/base/result.h"

namespace haagent::bootstrap::kube {

struct ServingPlaces {
  // On a master its own apiserver, past the load balancer; on a worker the endpoint of its kubelet.
  std::string apiserver;                  // "https://127.0.0.1:6443"
  std::optional<std::string> kubelet;     // "http://127.0.0.1:10248/healthz"; healthzPort 0: none
  std::string kubelet_server;             // "https://127.0.0.1:10250"
  std::optional<std::string> kube_proxy;  // "http://127.0.0.1:10256/livez"; port 0: none
  bool operator==(ServingPlaces const&) const = default;
};

// Pure. Errors (invalid) as render().
Result<ServingPlaces> serving_places(NodeConfig const& config, Identity const& identity);

}  // namespace haagent::bootstrap::kube
