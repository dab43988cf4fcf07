#include "agent/base/bytes_text.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace haagent {

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::pair<std::uint64_t, std::string_view> kUnits[] = {
      {1ull << 30u, "GiB"}, {1ull << 20u, "MiB"}, {1ull << 10u, "KiB"}};
  for (auto const& [unit, name] : kUnits)
    if (bytes >= unit)
      return fmt::format("{:.1f} {}", static_cast<double>(bytes) / static_cast<double>(unit), name);
  return fmt::format("{} B", bytes);
}

}  // namespace haagent
