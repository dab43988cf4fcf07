// The table of the node config's keys: one row a key, in the order in which people write them.
#pragma once

#include "agent/config/schema.h"

namespace haagent {

ConfigKeys const& config_keys();

}  // namespace haagent
