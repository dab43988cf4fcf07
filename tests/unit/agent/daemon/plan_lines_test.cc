#include "agent/daemon/plan_lines.h"

#include <gtest/gtest.h>

#include <sstream>

namespace haagent {
namespace {

RowStatus row(std::string name, RowStatus::State state, std::string text = "") {
  RowStatus made;
  made.name = std::move(name);
  made.state = state;
  made.message = Message(Reason::VolumeHeldElsewhere, std::move(text));
  return made;
}

std::string printed(Terminal terminal) {
  std::ostringstream out;
  PlanLines lines(out, terminal);
  auto const rows = {row("identity", RowStatus::State::done, "i-1 in eu-west-1a"),
                     row("volume-main", RowStatus::State::waiting, "vol-1 is attached to i-2")};
  lines.expect(rows);
  for (auto each : rows) {
    auto looking = each;
    looking.state = RowStatus::State::looking;
    lines.tell(looking);
    lines.tell(each);
  }
  return out.str();
}

TEST(PlanLines, AFileHasALineForEachRow) {
  EXPECT_EQ(printed({}),
            "identity            done     i-1 in eu-west-1a\n"
            "volume-main         waits    VolumeHeldElsewhere: vol-1 is attached to i-2\n");
}

TEST(PlanLines, ATerminalShowsWhatIsAskedAbout) {
  auto const page = printed({.width = 80, .height = 24});
  EXPECT_TRUE(
      page.starts_with("identity            looks  \r\033[K"
                       "identity            done   "))
      << page;
  EXPECT_TRUE(page.ends_with("vol-1 is attached to i-2\n")) << page;
}

}  // namespace
}  // namespace haagent
