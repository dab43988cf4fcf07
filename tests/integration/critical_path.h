// The steps that decided how long a boot took, for people.
#pragma once

#include <string>

#include "agent/base/tree.h"

namespace haagent::sim {

// `status`: of `haagent status -o json`. A line for each step of its critical path, and one for
// their sum; empty where the page has none.
std::string critical_path_in_words(Tree const& status);

}  // namespace haagent::sim
