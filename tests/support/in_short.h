// What a finding, an error or a message says, for tests: by its reason and subject, which do not
// change with better words.
#pragma once

#include <fmt/format.h>

#include <ostream>
#include <string>

#include "agent/base/step.h"

namespace haagent {

// For GoogleTest: EXPECT_EQ(message.reason, Reason::VolumeFree) says the names.
inline void PrintTo(Reason reason, std::ostream* out) {
  *out << to_string(reason);
}

namespace test {

// "VolumeHeldElsewhere vol-1", "ClockAgrees"
inline std::string in_short(Message const& message) {
  auto const reason = to_string(message.reason);
  return message.subject.empty() ? std::string(reason)
                                 : fmt::format("{} {}", reason, message.subject);
}

// "done: VolumeAttached vol-1", "needed: ...", "waiting: ..."
inline std::string in_short(Finding const& finding) {
  constexpr std::string_view kKinds[] = {"done", "needed", "waiting"};
  return fmt::format("{}: {}", kKinds[finding.index()], in_short(message_of(finding)));
}

// The same, or "refused: DiskNotBlank vol-1"
inline std::string in_short(Result<Finding> const& found) {
  if (found) return in_short(*found);
  return fmt::format("{}: {}", to_string(found.error().kind), in_short(found.error().message));
}

// The message of what was found, or of the error.
inline Message message_of(Result<Finding> const& found) {
  return found ? haagent::message_of(*found) : found.error().message;
}

}  // namespace test
}  // namespace haagent
