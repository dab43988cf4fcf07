// What manifests may leave to the cluster.
#pragma once

#include "agent/base/facts.h"
#include "agent/base/node_config.h"
#include "bootstrap/addons/placeholders.h"

namespace haagent::bootstrap::addons {

// The same on every master. Errors (invalid): a range of the configuration that is none.
Result<Values> values_of(NodeConfig const& config, Identity const& identity);

}  // namespace haagent::bootstrap::addons
