#include "tests/torture/history.h"

#include <gtest/gtest.h>

namespace haagent::torture {
namespace {

TEST(History, ComesBackAsItWasWritten) {
  std::vector<Operation> const all = {
      {"main", Action::put, "torture/a", "17", "", 1, 2, true},
      {"events", Action::get, "torture/a", "", "", 3, 4, true},
      {"main", Action::swap, "torture/a", "18", "17", 5, 6, false},
  };
  std::string text;
  for (auto const& each : all) text += to_line(each) + '\n';
  EXPECT_EQ(text,
            "main put torture/a 17 - 1 2 done\n"
            "events get torture/a - - 3 4 done\n"
            "main swap torture/a 18 17 5 6 unknown\n");
  auto const back = parse_history(text);
  ASSERT_TRUE(back) << back.error().message.text;
  EXPECT_EQ(*back, all);
}

TEST(History, WhatIsNoneIsAnErrorThatNamesTheLine) {
  for (auto const* bad :
       {"main put a 1 - 1 2", "main push a 1 - 1 2 done", "main put a 1 - x 2 done",
        "main put a 1 - 2 1 done", "main put a 1 - 1 2 perhaps", "main put a 1 - 1 2 done more"}) {
    auto const parsed = parse_history("main put a 0 - 1 2 done\n" + std::string(bad) + '\n');
    ASSERT_FALSE(parsed) << bad;
    EXPECT_TRUE(parsed.error().message.text.contains("line 2")) << parsed.error().message.text;
  }
  EXPECT_FALSE(parse_history("main put a 0 - 1 2 do"));
}

}  // namespace
}  // namespace haagent::torture
