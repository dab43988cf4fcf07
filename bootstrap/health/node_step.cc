#include "bootstrap/health/node_step.h"

#include "bootstrap/health/node_finding.h"
#include "bootstrap/kube/serving_places.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::health {
namespace {

Finding not_known(Error const& error) {
  return Waiting{
      Message(Reason::NodeNotKnown,
              fmt::format("the apiserver does not answer how this node is: {}", error.message.text))
          .because_of(error.message)};
}

}  // namespace

Result<ApiserverClient> NodeStep::apiserver(Identity const& identity) {
  auto const places =
      TRY(places_.of(identity, [&] { return kube::serving_places(deps_.config, identity); }));
  auto place = as_administrator(deps_.root, places.apiserver);
  if (deps_.config.role == Role::worker) {
    place.tls.cert_file = deps_.root(kube::kKubeletClient.cert);
    place.tls.key_file = deps_.root(kube::kKubeletClient.key);
  }
  return ApiserverClient(deps_.http, std::move(place));
}

Result<Finding> NodeStep::look(Facts& facts, std::stop_token stop) {
  auto const identity = TRY(facts.identity.require("identity"));
  auto client = TRY(apiserver(identity));
  auto lease =
      client.get(fmt::format("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{}",
                             identity.hostname),
                 stop);
  if (!lease) return not_known(lease.error());
  auto node = client.get(node_path(identity.hostname), stop);
  if (!node) return not_known(node.error());
  return node_finding({.name = identity.hostname,
                       .lease = *std::move(lease),
                       .node = *std::move(node),
                       .now = deps_.clock.utc()});
}

}  // namespace haagent::bootstrap::health
