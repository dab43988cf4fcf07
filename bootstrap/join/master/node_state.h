#pragma once

#include "agent/base/tree.h"
#include "bootstrap/apiserver/client.h"
#include "bootstrap/join/master/decision.h"

namespace haagent::bootstrap::join {

// Of a Node object; null: there is none.
NodeState node_state_of(Tree const* node);

// Unknown where the apiserver does not say.
NodeState node_state(ApiserverClient& apiserver, std::string const& node, std::stop_token stop);

}  // namespace haagent::bootstrap::join
