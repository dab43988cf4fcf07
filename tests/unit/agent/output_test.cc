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

TEST(Printable, LineBreaksAreBlanksAndWhatDrivesATerminalIsShown) {
  EXPECT_EQ(printable("one\ntwo"), "one two");
  EXPECT_EQ(printable("one:\r\n  two\n\n  three\n"), "one: two three");
  EXPECT_EQ(printable("\n one \n"), "one ");
  EXPECT_EQ(printable("  a\tb"), "  a\tb");
  EXPECT_EQ(printable("\033[2J\a\rx"), "?[2J??x");
  EXPECT_EQ(printable("\xc2\x9b"), "?");
  EXPECT_EQ(printable(""), "");
}

}  // namespace
}  // namespace haagent
