#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/tree.h"
#include "bootstrap/apiserver/client.h"
#include "bootstrap/join/master/decision.h"

namespace haagent::bootstrap::join {

// Of a Node object, for that instance; null: there is none.
NodeState node_state_of(Tree const* node, std::string_view instance_id);

// Unknown where the apiserver does not say.
NodeState node_state(ApiserverClient& apiserver, std::string const& node,
                     std::string_view instance_id, std::stop_token stop);
// Whether the Node's provider id ("aws:///eu-west-1a/i-0123456789abcdef0") names that instance;
// nothing where it has none.
std::optional<bool> is_of_instance(Tree const& node, std::string_view instance_id);

}  // namespace haagent::bootstrap::join
