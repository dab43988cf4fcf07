// The machine's own programs (ip, nft, nsenter), run to their end.
#pragma once

#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent::sim {

// What it printed, stdout then stderr. Another exit code than 0 is an Error (internal) with that
// text.
Result<std::string> run_machine_program(std::vector<std::string> const& argv,
                                        std::string const& input = {},
                                        Duration deadline = Duration(20'000));

}  // namespace haagent::sim
