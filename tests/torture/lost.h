// What was acknowledged and is not there.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/torture/history.h"

namespace haagent::torture {

// Keys that several clients write again and again; every other key is written once.
inline constexpr std::string_view kRegisterPrefix = "torture/r";

// Of one cluster, in a member's data: each acknowledged write whose key is missing or, where it is
// written once, has another value. Lines of the history.
std::vector<std::string> lost_writes(std::vector<Operation> const& history,
                                     std::string_view cluster,
                                     std::map<std::string, std::string> const& data);

}  // namespace haagent::torture
