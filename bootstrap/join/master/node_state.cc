#include "bootstrap/join/master/node_state.h"

namespace haagent::bootstrap::join {

std::optional<bool> is_of_instance(Tree const& node, std::string_view instance_id) {
  auto const* spec = node.find("spec");
  auto const provider = spec ? spec->text_at("providerID") : "";
  if (provider.empty()) return std::nullopt;
  return provider.ends_with(fmt::format("/{}", instance_id));
}

NodeState node_state_of(Tree const* node, std::string_view instance_id) {
  if (!node) return NodeState::absent;
  if (!is_of_instance(*node, instance_id).value_or(true)) return NodeState::anothers;
  auto const* conditions = node->at_path("status.conditions");
  if (!conditions) return NodeState::not_ready;
  for (auto const& each : conditions->items())
    if (each.text_at("type") == "Ready")
      return each.text_at("status") == "True" ? NodeState::ready : NodeState::not_ready;
  return NodeState::not_ready;
}

NodeState node_state(ApiserverClient& apiserver, std::string const& node,
                     std::string_view instance_id, std::stop_token stop) {
  auto const found = apiserver.get(node_path(node), std::move(stop));
  if (!found) return NodeState::unknown;
  return node_state_of(*found ? &**found : nullptr, instance_id);
}

}  // namespace haagent::bootstrap::join
