// Pieces of work that are done side by side, each in one of a few threads, while the caller waits.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <vector>

namespace haagent {

// Requests and writes wait more than they compute: so many of them at once.
inline constexpr std::size_t kSideBySide = 16;

// Calls piece(0) to piece(count - 1), at most `at_once` of them at the same time, and returns when
// all have returned. What the pieces spend outside haagent (wait_accounting.h) is outside time of
// the caller too; what the busiest thread spends inside is the caller's own.
void side_by_side(std::size_t count, std::function<void(std::size_t)> const& piece,
                  std::size_t at_once = kSideBySide);

// What `work` returns for each item, in the order of the items.
template <class Items, class Work>
auto each_side_by_side(Items const& items, Work const& work, std::size_t at_once = kSideBySide) {
  using Outcome = std::invoke_result_t<Work const&, decltype(*std::begin(items))>;
  std::vector<std::optional<Outcome>> outcomes(std::size(items));
  side_by_side(
      std::size(items), [&](std::size_t i) { outcomes[i].emplace(work(items[i])); }, at_once);
  std::vector<Outcome> all;
  all.reserve(outcomes.size());
  for (auto& outcome : outcomes) all.push_back(*std::move(outcome));
  return all;
}

}  // namespace haagent
