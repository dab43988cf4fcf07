#include "tests/sim/durations.h"

#include <charconv>
#include <cmath>

namespace haagent::sim {

Result<Duration> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double milliseconds;
  };
  static constexpr Unit kUnits[] = {{"ms", 1},     {"s", 1000},      {"min", 60'000},
                                    {"m", 60'000}, {"h", 3'600'000}, {"", 1000}};
  double number = 0;
  auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(at, static_cast<std::size_t>(text.data() + text.size() - at));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (error == std::errc() && std::isfinite(number) && std::abs(number) < 1e9) {
    for (auto const& each : kUnits) {
      if (unit == each.name) {
        return Duration(static_cast<Duration::rep>(std::llround(number * each.milliseconds)));
      }
    }
  }
  return fail(Kind::invalid, "'{}' is no duration; write 500ms, 2s, 5min or 1h", text);
}

}  // namespace haagent::sim
