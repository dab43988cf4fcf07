#pragma once

#include <string>

#include "agent/base/node_config.h"

namespace haagent::bootstrap::join {

// "https://api.prod.example.com:3998": where a worker asks to join.
std::string join_url(NodeConfig const& config);

}  // namespace haagent::bootstrap::join
