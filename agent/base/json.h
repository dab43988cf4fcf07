#pragma once

#include <string>
#include <string_view>

#include "agent/base/tree.h"

namespace haagent::json {

// Integers keep their digits. Errors are `invalid` and name the byte. A key that stands twice keeps
// the last value, as JSON readers do.
Result<Tree> parse(std::string_view text);
// A key that stands twice is an error: of two readers, each could go by another value.
Result<Tree> parse_strict(std::string_view text);

// Compact by default; indent > 0 gives a page for people with a final "\n".
std::string print(Tree const& tree, int indent = 0);

}  // namespace haagent::json
