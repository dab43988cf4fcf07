// The rows that decided how long a boot took. Of what a Row has, `name`, `after` (the names of
// those that it comes after) and `finished` (an optional time) count.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace haagent {

// Of those that the row comes after, the one that was done last; null where none is done.
template <class Row>
Row const* last_before(std::vector<Row> const& rows, Row const& row) {
  Row const* last = nullptr;
  for (auto const& name : row.after) {
    auto const found = std::ranges::find(rows, name, &Row::name);
    if (found != rows.end() && found->finished && (!last || *last->finished < *found->finished))
      last = &*found;
  }
  return last;
}

// First to last: from the row that was done last, again and again the last of those that it came
// after. Rows come from other agents' pages and from files, too: a circle ends the path.
template <class Row>
std::vector<std::string> critical_path(std::vector<Row> const& rows) {
  Row const* row = nullptr;
  for (auto const& each : rows)
    if (each.finished && (!row || *row->finished < *each.finished)) row = &each;
  std::vector<std::string> path;
  while (row && std::ranges::find(path, row->name) == path.end()) {
    path.insert(path.begin(), row->name);
    row = last_before(rows, *row);
  }
  return path;
}

}  // namespace haagent
