// The one wait of the tests: until a fact is so.
#pragma once

#include <functional>

#include "agent/base/clock.h"

namespace haagent::test {

// A deadline is what a machine of this test's own needs, and then some. On one that it shares with
// others, and under sanitizers, everything is a few times slower; only a failure takes longer by
// it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
constexpr Duration patient(Duration deadline) {
  return (kSanitized ? 6 : 3) * deadline;
}

// Asks again and again; false where it is still not so at the patient deadline.
[[nodiscard]] bool eventually(std::function<bool()> const& fact,
                              Duration deadline = Duration(20'000));

}  // namespace haagent::test
