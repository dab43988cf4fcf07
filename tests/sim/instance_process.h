// The processes of an instance, seen from the region: pid 1 and everybody in its pid namespace.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "agent/base/result.h"
#include "tests/sim/cgroups.h"
#include "tests/sim/instance_boot.h"

namespace haagent::sim {

// Power on: starts pid 1 (`program` is haagent-sim) in namespaces of its own, lets `connect` give
// it its network, and returns once its root is in place and init runs. The caller waits for the
// pid.
Result<pid_t> boot_instance(std::filesystem::path const& program, Boot const& boot,
                            std::function<Result<void>(pid_t)> const& connect);

// SIGSTOP or SIGCONT to all in the pid namespace of that pid 1 and in its control groups, should it
// have some. Returns when all have stopped.
Result<void> freeze_processes(pid_t init, bool frozen,
                              std::optional<InstanceCgroups> const& cgroups);

// What a power cut does to the file systems on that device: what was not flushed is lost, and
// nothing is written any more. Nothing to do where it is not mounted.
Result<void> cut_file_systems(pid_t init, dev_t device);

}  // namespace haagent::sim
