#include "agent/base/columns.h"

#include <fmt/format.h>

#include <algorithm>

namespace haagent {
namespace {

using Cells = std::vector<std::vector<std::string>>;

void drop_empty_columns(Cells& rows) {
  if (rows.size() < 2) return;
  for (std::size_t i = rows[0].size(); i-- > 1;) {
    auto const is_empty = [i](auto const& row) { return i >= row.size() || row[i].empty(); };
    if (!std::all_of(rows.begin() + 1, rows.end(), is_empty)) continue;
    for (auto& row : rows)
      if (i < row.size()) row.erase(row.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

std::vector<std::size_t> widths_of(Cells const& rows) {
  std::vector<std::size_t> widths;
  for (auto const& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  return widths;
}

// How many columns fit; the first one does.
std::size_t that_fit(std::vector<std::size_t> const& widths, std::size_t width) {
  std::size_t taken = 0, count = 0;
  for (auto const each : widths) {
    taken += each + (count > 0 ? 2 : 0);
    if (width > 0 && taken > width && count > 0) break;
    ++count;
  }
  return count;
}

}  // namespace

std::string in_columns(std::vector<std::vector<std::string>> rows, std::size_t width) {
  drop_empty_columns(rows);
  auto const widths = widths_of(rows);
  auto const fit = that_fit(widths, width);
  std::string page;
  for (auto const& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < std::min(row.size(), fit); ++i)
      line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    page += line + '\n';
    if (&row == &rows[0]) continue;
    std::string below;
    for (std::size_t i = fit; i < row.size(); ++i) {
      if (row[i].empty() || row[i] == "-") continue;
      auto const pair = fmt::format("  {} {}", i < rows[0].size() ? rows[0][i] : "", row[i]);
      if (!below.empty() && below.size() + pair.size() > width) {
        page += below + '\n';
        below.clear();
      }
      below += pair;
    }
    if (!below.empty()) page += below + '\n';
  }
  return page;
}

}  // namespace haagent
