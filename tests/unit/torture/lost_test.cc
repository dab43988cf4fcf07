#include "tests/torture/lost.h"

#include <gtest/gtest.h>

namespace haagent::torture {
namespace {

TEST(LostWrites, AreThoseThatWereAcknowledgedAndAreNotThere) {
  std::vector<Operation> const history = {
      {"main", Action::put, "torture/a/1", "1", "", 1, 2, true},
      {"main", Action::put, "torture/a/2", "2", "", 3, 4, false},
      {"main", Action::put, "torture/a/3", "3", "", 5, 6, true},
      {"events", Action::put, "torture/a/1", "1", "", 1, 2, true},
      {"main", Action::get, "torture/a/4", "", "", 1, 2, true},
      {"main", Action::put, "torture/r0", "1.1", "", 1, 2, true},
      {"main", Action::swap, "torture/r0", "1.2", "1.1", 3, 4, true},
  };
  using Data = std::map<std::string, std::string>;
  using Lines = std::vector<std::string>;
  Data const whole = {{"torture/a/1", "1"}, {"torture/a/3", "3"}, {"torture/r0", "1.2"}};
  EXPECT_EQ(lost_writes(history, "main", whole), Lines());
  EXPECT_EQ(lost_writes(history, "events", whole), Lines());
  EXPECT_EQ(lost_writes(history, "main", {{"torture/a/1", "1"}, {"torture/r0", "1.2"}}),
            Lines({"main put torture/a/3 3 - 5 6 done"}));
  EXPECT_EQ(lost_writes(history, "main",
                        {{"torture/a/1", "9"}, {"torture/a/3", "3"}, {"torture/r0", "1.1"}}),
            Lines({"main put torture/a/1 1 - 1 2 done"}))
      << "of a register only the search knows what may be there";
  EXPECT_EQ(lost_writes(history, "main", {{"torture/a/1", "1"}, {"torture/a/3", "3"}}).size(), 2u);
}

}  // namespace
}  // namespace haagent::torture
