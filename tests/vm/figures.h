// Where the time of a boot went and what a node's programs hold of memory, for people: printed, and
// kept with the rest of a run. The times are those of an emulated machine, the memory is real.
#pragma once

#include <string>

#include "tests/vm/machines.h"

namespace haagent::sim {

// `what`: the name of the file that keeps them, and the heading; `more`: lines to have beside them.
void keep_figures(Machines const& machines, std::string const& where, std::string const& what,
                  std::string const& more = {});

// Of each program: PSS, RSS and what of PSS is anonymous, of all its processes together.
void keep_memory(Machines const& machines, std::string const& where, std::string const& what);

}  // namespace haagent::sim
