// The command line: `run`, and every command of a running region.
#pragma once

#include <string>
#include <vector>

#include "agent/base/tree.h"

namespace haagent::sim {

// Exit codes: 0 done, 1 the region says no, 2 usage, 3 no region answers, 78 a bad spec.
int run_cli(int argc, char** argv);

// What a person reads; a pure function of the answer.
std::string to_page(std::string const& command, Tree const& answer);

}  // namespace haagent::sim
