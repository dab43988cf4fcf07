// Why something is as it is, in one word that does not change: what machines compare, and what
// 'haagent explain' explains. Texts beside it may say the same in better words at any time.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>
#include <string_view>

namespace haagent {

// CamelCase, as the reasons of Kubernetes' conditions are. One table, reasons.inc, has them all.
enum class Reason : std::uint16_t {
#define HAAGENT_REASON(name, means, haagent_does, operator_does) name,
#include "agent/base/reasons.inc"
#undef HAAGENT_REASON
};

// Sentences with a full stop.
struct Explanation {
  Reason reason;
  std::string_view means;          // what is so
  std::string_view haagent_does;   // about it, by itself
  std::string_view operator_does;  // "Nothing." where there is nothing to be done
};

std::string_view to_string(Reason reason);                   // "VolumeMissing"
std::ostream& operator<<(std::ostream& out, Reason reason);  // the same
std::optional<Reason> parse_reason(std::string_view name);
Explanation const& explanation_of(Reason reason);
// In the table's order, which is that of a boot.
std::span<Explanation const> explanations();

}  // namespace haagent
