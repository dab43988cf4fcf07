// What a template leaves behind where nobody has filled it in: ${cluster_name}, {{ .Name }},
// <no value>. No value of a NodeConfig can hold one: nothing here is expanded.
#pragma once

#include <string_view>

#include "agent/base/tree.h"
#include "agent/config/diagnostics.h"

namespace haagent {

// The first placeholder in the text; empty where there is none.
std::string_view placeholder_in(std::string_view text);

// Reports every value and key that holds one, unless something is already said about its path.
void check_placeholders(Tree const& document, Diagnostics& out);

}  // namespace haagent
