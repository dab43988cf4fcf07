#include "agent/check/range.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace haagent::check {
namespace {

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  auto const [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

}  // namespace

Result<Range> parse_range(std::string_view text) {
  auto const unfit = [&] {
    return fail(Kind::invalid, "'{}' is no range: 10, 10:, ~:10, 10:20 or @10:20", text);
  };
  Range range{.text = std::string(text)};
  auto rest = text;
  range.inside = rest.starts_with('@');
  if (range.inside) rest.remove_prefix(1);
  auto const colon = rest.find(':');
  if (colon != rest.npos) {
    auto const low = rest.substr(0, colon);
    auto const number = number_of(low);
    if (!number && low != "~") return unfit();
    range.low = number.value_or(-std::numeric_limits<double>::infinity());
    rest.remove_prefix(colon + 1);
    if (rest.empty()) return range;
  }
  auto const high = number_of(rest);
  if (!high || *high < range.low) return unfit();
  range.high = *high;
  return range;
}

Range above(double high) {
  return {.high = high, .text = fmt::format("{}", high)};
}

}  // namespace haagent::check
