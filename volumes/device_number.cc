#include "volumes/device_number.h"

#include <sys/sysmacros.h>

#include <charconv>

namespace haagent::volumes {

std::optional<dev_t> parse_device_number(std::string_view text) {
  unsigned major = 0, minor = 0;
  auto const* end = text.data() + text.size();
  // The size is told in `end`. NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage)
  auto [colon, bad_major] = std::from_chars(text.data(), end, major);
  if (bad_major != std::errc() || colon == end || *colon != ':') return std::nullopt;
  auto [rest, bad_minor] = std::from_chars(colon + 1, end, minor);
  if (bad_minor != std::errc() || rest != end) return std::nullopt;
  return makedev(major, minor);
}

}  // namespace haagent::volumes
