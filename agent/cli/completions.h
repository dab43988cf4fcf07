// Completion of haagent's command line in a shell, made from the table of its commands.
#pragma once

#include <string>
#include <string_view>

#include "agent/cli/command_table.h"

namespace haagent {

// A script for that shell to read: "bash", "zsh" or "fish".
std::string completion_for(std::string_view shell, Command const& table);

}  // namespace haagent
