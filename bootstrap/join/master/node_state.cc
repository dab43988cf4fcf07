#include "bootstrap/join/master/node_state.h"

namespace haagent::bootstrap::join {

NodeState node_state_of(Tree const* node) {
  if (!node) return NodeState::absent;
  auto const* conditions = node->at_path("status.conditions");
  if (!conditions) return NodeState::not_ready;
  for (auto const& each : conditions->items())
    if (each.text_at("type") == "Ready")
      return each.text_at("status") == "True" ? NodeState::ready : NodeState::not_ready;
  return NodeState::not_ready;
}

NodeState node_state(ApiserverClient& apiserver, std::string const& node, std::stop_token stop) {
  auto const found = apiserver.get("/api/v1/nodes/" + node, std::move(stop));
  if (!found) return NodeState::unknown;
  return node_state_of(*found ? &**found : nullptr);
}

}  // namespace haagent::bootstrap::join
