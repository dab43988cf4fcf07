#include "agent/base/reason.h"

#include <algorithm>
#include <array>
#include <ostream>

namespace haagent {
namespace {

constexpr std::string_view kNames[] = {
#define HAAGENT_REASON(name, means, haagent_does, operator_does) #name,
#include "agent/base/reasons.inc"
#undef HAAGENT_REASON
};

constexpr Explanation kExplanations[] = {
#define HAAGENT_REASON(name, means, haagent_does, operator_does) \
  {Reason::name, means, haagent_does, operator_does},
#include "agent/base/reasons.inc"
#undef HAAGENT_REASON
};

}  // namespace

std::string_view to_string(Reason reason) {
  return kNames[static_cast<std::size_t>(reason)];
}

std::ostream& operator<<(std::ostream& out, Reason reason) {
  return out << to_string(reason);
}

std::optional<Reason> parse_reason(std::string_view name) {
  auto const* found = std::ranges::find(kNames, name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<Reason>(found - std::begin(kNames));
}

Explanation const& explanation_of(Reason reason) {
  return kExplanations[static_cast<std::size_t>(reason)];
}

std::span<Explanation const> explanations() {
  return kExplanations;
}

}  // namespace haagent
