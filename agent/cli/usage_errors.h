// What is wrong with a command line, named: which word, which command it was given to, and what it
// was probably meant to be. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/command_table.h"

namespace haagent {

// "there is no command 'statu' (did you mean 'status'?)", for words that the parser has refused;
// empty where nothing of the kind is found, and the parser's own sentence has to do. `words` are
// those behind the program's name.
std::string usage_error(Command const& table, std::vector<std::string> const& words);

}  // namespace haagent
