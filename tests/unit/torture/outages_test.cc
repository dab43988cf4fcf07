#include "tests/torture/outages.h"

#include <gtest/gtest.h>

namespace haagent::torture {
namespace {

TEST(Outages, AreTheLongestTimesWithoutAnAcknowledgedWrite) {
  struct Row {
    char const* name;
    std::vector<std::int64_t> acknowledged;
    std::int64_t from, to, gap;
  };
  for (auto const& row : std::vector<Row>{
           {"even", {0, 10, 20, 30, 40}, 10, 40, 10},
           {"the longest within", {0, 10, 40, 50, 60}, 5, 60, 30},
           {"the one before does not count", {0, 90, 100, 110}, 95, 120, 10},
           {"what began before counts from there on", {0, 90, 100}, 70, 100, 20},
           {"followed beyond the window", {0, 10, 20, 95}, 10, 30, 75},
           {"the next window's does not count", {0, 10, 20, 30, 95}, 10, 30, 10},
           {"none at all", {}, 10, 30, 0},
       })
    EXPECT_EQ(longest_gap(row.acknowledged, row.from, row.to), row.gap) << row.name;
}

TEST(Outages, CountAnsweredWritesOfEachClusterAlone) {
  auto const all = acknowledged_writes({
      {"main", Action::put, "a", "1", "", 1, 9, true},
      {"main", Action::put, "a", "2", "", 1, 5, true},
      {"main", Action::put, "a", "3", "", 1, 7, false},
      {"main", Action::get, "a", "1", "", 1, 6, true},
      {"events", Action::swap, "a", "2", "1", 1, 8, true},
  });
  EXPECT_EQ(all, (Acknowledged{{"main", {5, 9}}, {"events", {8}}}));
}

}  // namespace
}  // namespace haagent::torture
