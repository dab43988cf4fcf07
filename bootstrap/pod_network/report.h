// What the program that makes the pod network tells the agent, in a file below /run.
#pragma once

#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/message.h"

namespace haagent::bootstrap::pod_network {

struct Report {
  Message message;
  UtcTime at;  // when it last looked
  bool operator==(Report const&) const = default;
};

// It looks at least so often, whatever happens; who is silent for longer has ended, or hangs.
inline constexpr Duration kLooks{60'000};
inline constexpr Duration kSilent{3 * 60'000};

Result<void> write_report(Root const& root, Report const& report);
// Nothing where there is none, or one that cannot be read.
std::optional<Report> read_report(Root const& root);

}  // namespace haagent::bootstrap::pod_network
