#include "agent/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace haagent {
namespace {

Result<std::unique_ptr<int>> seven(bool good) {
  if (!good) return fail(Kind::denied, "no");
  return std::make_unique<int>(7);
}

Result<void> check(bool good) {
  if (!good) return fail(Kind::invalid, "wrong");
  return {};
}

Result<int> twice(bool good, bool checks, int& reached) {
  auto value = TRY(seven(good));
  ++reached;
  TRY_DURING(check(checks), "checking {}", *value);
  ++reached;
  return *value + *TRY(seven(true));
}

TEST(Try, GivesTheValueOrReturnsTheError) {
  int reached = 0;
  EXPECT_EQ(twice(true, true, reached).value_or(0), 14);
  EXPECT_EQ(reached, 2);

  reached = 0;
  auto const denied = twice(false, true, reached);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().kind, Kind::denied);
  EXPECT_EQ(reached, 0);

  auto const invalid = twice(true, false, reached);
  ASSERT_FALSE(invalid);
  EXPECT_EQ(invalid.error().kind, Kind::invalid);
  EXPECT_TRUE(invalid.error().message.text.starts_with(worded("checking 7: ")));
  EXPECT_EQ(reached, 1);
}

// A result that has a name keeps its value.
TEST(Try, CopiesOutOfAResultThatIsStillHeld) {
  Result<std::string> kept = "here";
  auto copy = [&]() -> Result<std::string> { return TRY(kept); };
  EXPECT_EQ(copy().value_or(""), "here");
  EXPECT_EQ(*kept, "here");
}

}  // namespace
}  // namespace haagent
