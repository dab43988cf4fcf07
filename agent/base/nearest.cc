#include "agent/base/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace haagent {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// Edits (insert, delete, replace, swap of neighbours) that make one text the other.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> before_last, last(other.size() + 1), row(other.size() + 1);
  for (std::size_t j = 0; j <= other.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= other.size(); ++j) {
      std::size_t changed = one[i - 1] == other[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + changed});
      if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = std::exchange(last, row);
  }
  return last[other.size()];
}

}  // namespace

std::string closest(std::string_view text, std::vector<std::string> const& candidates) {
  // A longer word would only cost time: no key is near it.
  if (text.size() > 100) return {};
  std::string best;
  auto nearest = std::max<std::size_t>(1, text.size() / 3) + 1;
  for (auto const& candidate : candidates) {
    auto edits = distance(lower(text), lower(candidate));
    // "heartbeat" for "heartbeatInterval", "warning" for "warn".
    auto shared = std::min(text.size(), candidate.size());
    if (shared > 3 && lower(text.substr(0, shared)) == lower(candidate.substr(0, shared))) {
      edits = std::min<std::size_t>(edits, 1);
    }
    if (edits >= nearest || edits >= candidate.size()) continue;
    nearest = edits;
    best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view candidate) {
  return candidate.empty() ? "" : fmt::format("did you mean '{}'?", candidate);
}

}  // namespace haagent
