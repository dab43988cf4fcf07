#include "agent/config/diagnostics.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

TEST(Diagnostics, TheNearestCandidateIsTheOneThatWasMeant) {
  std::vector<std::string> const names = {"name", "endpoint", "state", "serviceCIDR", "podCIDR"};
  EXPECT_EQ(closest("nam", names), "name");
  EXPECT_EQ(closest("NAME", names), "name");
  EXPECT_EQ(closest("nmae", names), "name");
  EXPECT_EQ(closest("sate", names), "state");
  EXPECT_EQ(closest("endpiont", names), "endpoint");
  EXPECT_EQ(closest("serviceCidr", names), "serviceCIDR");
  EXPECT_EQ(closest("podNetwork", names), "");
  EXPECT_EQ(closest("x", names), "");
  EXPECT_EQ(closest("", names), "");
  EXPECT_EQ(closest(std::string(100'000, 'n'), names), "");
  EXPECT_EQ(closest("a", {"b"}), "");
}

TEST(Diagnostics, ThePageFollowsTheSourcesAndCounts) {
  SourceMap sources;
  int one = sources.add("one.yaml", "a: 1\nb: 2");
  int two = sources.add("two.yaml", "\n  c: 3\n");
  Diagnostics diagnostics = {
      {.path = "z", .message = "is nowhere", .hint = "first\nsecond"},
      {.mark = {2 + two, 6}, .path = "c", .message = "late"},
      {.severity = Severity::warning, .mark = {2 + one, 4}, .path = "b", .message = "odd"},
      {.mark = {1 + one, 1}, .length = 4, .path = "a", .message = "bad", .hint = "do good"}};
  EXPECT_EQ(print_page(sources, diagnostics),
            "one.yaml:1:1: error: a: bad (do good)\n"
            "  a: 1\n"
            "  ^~~~\n"
            "one.yaml:2:4: warning: b: odd\n"
            "  b: 2\n"
            "     ^\n"
            "two.yaml:2:6: error: c: late\n"
            "    c: 3\n"
            "       ^\n"
            "config: error: z: is nowhere\n"
            "  first\n"
            "  second\n"
            "3 errors, 1 warning\n");
  EXPECT_EQ(print_page(sources, {}), "");
}

TEST(Diagnostics, APageTellsAHundredProblemsAndCountsTheRest) {
  SourceMap sources;
  sources.add("many.yaml", std::string(1000, '\n'));
  Diagnostics diagnostics;
  for (int line = 1; line <= 100; ++line) {
    diagnostics.push_back({.mark = {line, 1}, .message = "bad"});
  }
  EXPECT_TRUE(
      print_page(sources, diagnostics).ends_with("many.yaml:100:1: error: bad\n100 errors\n"));
  for (int line = 101; line <= 1000; ++line) {
    diagnostics.push_back({.mark = {line, 1}, .message = "bad"});
  }
  EXPECT_TRUE(print_page(sources, diagnostics)
                  .ends_with("many.yaml:100:1: error: bad\n... and 900 more\n1000 errors\n"));
}

TEST(Diagnostics, ColourOnlyIfAsked) {
  SourceMap sources;
  sources.add("a", "x");
  Diagnostics diagnostics = {{.mark = {1, 1}, .path = "x", .message = "bad"}};
  EXPECT_EQ(print_page(sources, diagnostics, /*colour=*/true),
            "\033[1ma:1:1\033[0m: \033[1;31merror\033[0m: x: bad\n"
            "  x\n\033[1;32m  ^\033[0m\n1 error\n");
  EXPECT_EQ(print_page(sources, diagnostics).find('\033'), std::string::npos);
}

TEST(Diagnostics, NoSourceDrivesTheTerminal) {
  SourceMap sources;
  sources.add("a", "\033[2J\tx\x7f");
  Diagnostics diagnostics = {
      {.mark = {1, 6}, .path = "\033]0;x", .message = "bad\r", .hint = "\b"}};
  EXPECT_EQ(print_page(sources, diagnostics),
            "a:1:6: error: ?]0;x: bad? (?)\n"
            "  ?[2J\tx?\n"
            "      \t^\n"
            "1 error\n");
}

TEST(Diagnostics, AMarkOutsideItsTextIsNoTrouble) {
  SourceMap sources;
  sources.add("a", "x\n");
  sources.add("b", "");
  for (Mark mark : {Mark{2, 1}, Mark{3, 1}, Mark{1, 900}, Mark{4, 1}, Mark{900, 900}, Mark{1, 0}}) {
    EXPECT_NE(print_page(sources, {{.mark = mark, .length = 70, .message = "m"}}), "");
  }
}

}  // namespace
}  // namespace haagent
