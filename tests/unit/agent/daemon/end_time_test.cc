#include "agent/daemon/end_time.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

using namespace std::chrono_literals;

SteadyTime const kSteady{std::chrono::hours(5)};
UtcTime const kNow = parse_rfc3339("2026-01-15T10:15:00Z").value();

TEST(TimeLeft, IsTheLeastOfWhatIsKnown) {
  struct Row {
    std::string_view name;
    EndTimes in;
    std::optional<Duration> left;
  };
  for (auto const& row : {
           Row{"nobody takes it", {}, std::nullopt},
           Row{"a notice just now", {.spot_noticed = kSteady, .spot = kNow + 120s}, 120s},
           Row{"a notice 50 s ago", {.spot_noticed = kSteady - 50s, .spot = kNow + 70s}, 70s},
           Row{"an agent that starts finds one",
               {.spot_noticed = kSteady, .spot = kNow + 40s},
               40s},
           Row{"its time is over", {.spot_noticed = kSteady - 130s, .spot = kNow - 10s}, 0s},
           Row{"the clock is a year behind",
               {.spot_noticed = kSteady - 5s, .spot = kNow + 24h * 365},
               115s},
           Row{"the clock is a year ahead",
               {.spot_noticed = kSteady - 5s, .spot = kNow - 24h * 365},
               115s},
           Row{"a notice without a time that can be read", {.spot_noticed = kSteady - 20s}, 100s},
           Row{"its unit is stopped", {.signalled = kSteady - 30s}, 120s},
           Row{"its unit's time is over", {.signalled = kSteady - 300s}, 0s},
           Row{"a hook that cannot be put off", {.hook = kSteady + 25s}, 25s},
           Row{"all at once",
               {.spot_noticed = kSteady - 90s,
                .spot = kNow + 30s,
                .signalled = kSteady,
                .hook = kSteady + 45s},
               30s},
       })
    EXPECT_EQ(time_left(row.in, kNow, kSteady), row.left) << row.name;
}

}  // namespace
}  // namespace haagent
