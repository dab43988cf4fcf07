// The manual pages that are made from tables: haagent(1) and haagent.yaml(5), as troff.
#pragma once

#include <string>

#include "agent/cli/command_table.h"
#include "agent/config/schema.h"

namespace haagent {

std::string manual_of_commands(Command const& table);
std::string manual_of_config(ConfigKeys const& keys);

}  // namespace haagent
