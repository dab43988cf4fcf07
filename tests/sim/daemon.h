// A program of the machine's own (haproxy, qemu, dnsmasq) that runs beside the region and logs to a
// file.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent::sim {

struct DaemonSpec {
  std::vector<std::string> argv;         // argv[0] is looked for in PATH unless it has a slash
  std::vector<std::string> environment;  // "NAME=value", added to a small clean environment
  std::filesystem::path log;             // its stdout and stderr; appended to
};

// The pid: the caller waits for it. It ends with the region, whose pid namespace takes it along.
// Errors: internal, where it cannot be started.
Result<pid_t> start_daemon(DaemonSpec const& spec);

// SIGTERM, and SIGKILL after `patience`; returns once it is reaped.
void end_daemon(pid_t pid, Duration patience);

// The last lines of its log, for an error's sentence.
std::string end_of_log(std::filesystem::path const& log);

}  // namespace haagent::sim
