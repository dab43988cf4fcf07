// What every program that haagent starts is given, whether it is waited for (process.h) or outlives
// the agent (units.h): the file that its name stands for, and a clean environment.
#pragma once

#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/result.h"

namespace haagent {

// PATH and LC_ALL, then the caller's "NAME=value" entries, which win over these two. Nothing of the
// agent's own environment: it may hold a proxy's password or a debug switch.
std::vector<std::string> clean_environment(std::vector<std::string> const& added);

// The file to execute: the name itself where it has a slash, else the first executable file of that
// name in the PATH of `environment`. Errors: internal, with ENOENT as code.
Result<std::string> find_program(std::string const& name,
                                 std::vector<std::string> const& environment);

// The same in a system below `root` that is not, or not yet, the running one: the program's path
// there; empty where there is none.
std::string find_program_below(Root const& root, std::string const& name);

// A null-terminated array for exec; points into `words`.
std::vector<char*> exec_array(std::vector<std::string> const& words);

}  // namespace haagent
