// A region in a process of its own, for one test: made, used, and gone without a trace.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "tests/sim/region_namespaces.h"
#include "tests/support/eventually.h"

namespace haagent::sim {

using test::eventually;

// Why no region can run here, or empty: GTEST_SKIP() << that.
std::string no_region_because();

// Forks; the body runs inside the region's namespaces, where its failed expectations are printed.
// Fails the test where one failed, where it did not end by the deadline, or where something is left
// on the machine afterwards.
void in_region(std::function<void(RegionNamespaces const&)> const& body,
               Duration deadline = Duration(120'000));

// The same, but for tests that end it themselves: the process outside of the region. It ends with 0
// once the body returned.
pid_t start_region(std::function<void(RegionNamespaces const&)> const& body);

// Empty within ten seconds, or what is still there then.
std::vector<std::string> leftovers_at_last(pid_t region);

}  // namespace haagent::sim
