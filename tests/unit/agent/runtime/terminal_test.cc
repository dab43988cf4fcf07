#include "agent/runtime/terminal.h"

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
  EXPECT_EQ(printable("\n one \n"), "one");
  EXPECT_EQ(printable("  a\tb"), "  a\tb");
  EXPECT_EQ(printable("\033[2J\a\rx"), "?[2J??x");
  EXPECT_EQ(printable("\xc2\x9b"), "?");
  EXPECT_EQ(printable(""), "");
}

TEST(DrawnInPlace, ClearsEachLineAndWhatIsBelow) {
  EXPECT_EQ(drawn_in_place("one\ntwo\n", 24), "\033[H\033[Kone\n\033[Ktwo\n\033[J");
  EXPECT_EQ(drawn_in_place("no end", 24), "\033[H\033[Kno end\033[J");
  EXPECT_EQ(drawn_in_place("", 24), "\033[H\033[J");
}

TEST(Wrapped, BreaksNoCommand) {
  std::string const create =
      "aws ec2 create-volume --tag-specifications 'ResourceType=volume,Tags=[{Key=k,Value=\"a/a, "
      "b\"}]'";
  struct Row {
    std::string text;
    std::string command;
  };
  for (auto const& row : std::vector<Row>{
           {"it is full: grow it with 'aws ec2 modify-volume --region eu-west-1 --size 30': it "
            "grows",
            "'aws ec2 modify-volume --region eu-west-1 --size 30':"},
           {"no volume: create it; run: " + create, create},
           {"one nearly fits; run: aws ec2 create-tags --tags 'Key=a,Value=b'; another one does "
            "too",
            "aws ec2 create-tags --tags 'Key=a,Value=b';"},
           {"it is lost (see 'haagent status --cluster') and so on and on",
            "'haagent status --cluster')"},
       }) {
    auto const page = wrapped(row.text, 4, 40);
    EXPECT_TRUE(page.contains(row.command)) << page;
    EXPECT_TRUE(page.contains('\n')) << page;
    std::string flat = page;
    for (std::size_t at = 0; (at = flat.find("\n    ")) != flat.npos;) flat.replace(at, 5, " ");
    EXPECT_EQ(flat, row.text) << "nothing is lost";
  }
  // Quotes around anything else are no command.
  for (auto const& line :
       {wrapped("the tag 'a b c d e f g h i j k l m n o p q r s t u v w' is wrong", 0, 30)})
    EXPECT_TRUE(line.contains('\n')) << line;
}

}  // namespace
}  // namespace haagent
