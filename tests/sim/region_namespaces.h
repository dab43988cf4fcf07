// Namespaces of the region's own: network, mounts and processes. All that a region makes (bridges,
// mounts, loop devices, instances, haproxy) lives in them and goes with them, also when it is
// killed.
#pragma once

#include <filesystem>
#include <string>

#include "agent/base/result.h"

namespace haagent::sim {

struct RegionNamespaces {
  std::string marker;          // the pid outside, as text. HAAGENT_SIM=<marker> in the environment
  std::filesystem::path work;  // an empty tmpfs that nobody outside sees
};

// To be called once, at the start of main, as root, before any thread. It forks twice and returns
// in the grandchild, inside the new namespaces. The caller's own process stays outside: it passes
// SIGTERM, SIGINT and SIGHUP on, and exits with the grandchild's code. Whichever of the three is
// killed, the kernel ends everything inside.
// Inside there is no way out to the machine's network; pids are the region's own. Unix sockets on
// the file system still reach both ways, but for those below /run/haagent-sim, which from outside
// is /proc/<pid>/root/run/haagent-sim.
Result<RegionNamespaces> enter_region_namespaces();

}  // namespace haagent::sim
