#pragma once

#include <string>
#include <vector>

namespace haagent {

// Rows of cells as aligned columns, a line each; the last column is not padded.
std::string in_columns(std::vector<std::vector<std::string>> const& rows);

}  // namespace haagent
