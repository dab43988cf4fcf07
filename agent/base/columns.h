#pragma once

#include <string>
#include <vector>

namespace haagent {

// Rows of cells as aligned columns, a line each, the first row being the heads; the last column is
// not padded. A column that is empty but for its head is left out. Where a table is wider than
// `width`, the columns that do not fit come below each row, as "  HEAD value": never half of a cell
// on the next line. 0: as wide as it is, for programs that read it.
std::string in_columns(std::vector<std::vector<std::string>> rows, std::size_t width = 0);

}  // namespace haagent
