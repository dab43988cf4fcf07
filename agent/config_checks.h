// Checks of meaning, over the merged config: what no single value can tell.
#pragma once

#include "agent/base/node_config.h"
#include "agent/base/tree.h"
#include "agent/diagnostics.h"

namespace haagent {

// `merged` gives the positions; where it lacks a key, the default is meant.
void check_meaning(NodeConfig const& config, Tree const& merged, Diagnostics& out);

}  // namespace haagent
