#include "agent/output.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

TEST(TopOf, FitsTheScreenAndSaysWhatItLeavesOut) {
  std::string const page = "1\n2\n3\n4\n5\n6\n";
  EXPECT_EQ(top_of(page, 0), page) << "no screen";
  EXPECT_EQ(top_of(page, 7), page) << "it fits, with the cursor below it";
  EXPECT_EQ(top_of(page, 6), "1\n2\n3\n4\n... 2 more lines; all of them without --watch\n");
  EXPECT_EQ(top_of(page, 3), "1\n... 5 more lines; all of them without --watch\n");
}

}  // namespace
}  // namespace haagent
