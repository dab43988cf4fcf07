#include "bootstrap/pki/restart_turn.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace haagent::bootstrap::pki {
namespace {

TEST(RestartTurn, ReadsWhatItWrites) {
  for (RestartTurn const& turn : {RestartTurn{}, RestartTurn{"b", {}},
                                  RestartTurn{"b-2", parse_rfc3339("2026-01-15T10:15:00Z")}}) {
    auto const read = parse_restart_turn(to_text(turn));
    ASSERT_TRUE(read) << read.error().message.text;
    EXPECT_EQ(*read, turn);
  }
}

TEST(RestartTurn, RefusesWhatIsNoSuchDocument) {
  for (auto const* bytes :
       {"", "[]", "{}", R"({"schema": 2, "holder": "b"})", R"({"schema": 1, "holder": "b\n"})",
        R"({"schema": 1, "holder": "../b"})",
        R"({"schema": 1, "holder": "b", "takenAt": "yesterday"})"}) {
    auto const read = parse_restart_turn(bytes);
    ASSERT_FALSE(read) << bytes;
    EXPECT_EQ(read.error().kind, Kind::invalid) << bytes;
  }
}

TEST(RestartTurn, IsNobodysBeforeAnybodyTookIt) {
  test::FakeClock clock;
  test::MemoryStore store(clock);
  auto const before = read_turn(store, {});
  ASSERT_TRUE(before);
  EXPECT_EQ(*before, (StoredTurn{{}, ""}));
  ASSERT_TRUE(*store.create(kRestartTurnKey, to_text(RestartTurn{"a", {}}), {}));
  auto const after = read_turn(store, {});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->turn.holder, "a");
  EXPECT_NE(after->version, "");
  store.put(kRestartTurnKey, "{");
  EXPECT_FALSE(read_turn(store, {})) << "it is nobody's only where the store says so";
}

}  // namespace
}  // namespace haagent::bootstrap::pki
