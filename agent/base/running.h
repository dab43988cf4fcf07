// What runs on this machine, as the kernel tells it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/result.h"

namespace haagent {

// Of proc(5)'s /proc/<pid>/stat; nothing where the text is not one.
struct ProcessStat {
  pid_t group = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot: with the pid, one process and no other
  bool zombie = false;
  bool held = false;  // by the kernel, in a call that no signal ends
};
std::optional<ProcessStat> parse_process_stat(std::string_view text);

struct RunningProgram {
  pid_t pid = 0;
  UtcTime started{};  // by the clock as it is now; a tick (10 ms) too early at the most
  std::vector<std::string> arguments;  // its own name first
  Duration started_after_boot{0};      // the same start, whatever the clock does; a tick too early
};

// How long it is since boot, by the measure of started_after_boot; nothing where the root has no
// /proc/uptime.
std::optional<Duration> time_since_boot(Root const& root);

// The kernel's word for this boot, /proc/sys/kernel/random/boot_id; empty where the root has none.
std::string read_boot_id(Root const& root);

// The processes whose first argument or whose file has this name, those in containers too. None
// where the root has no /proc. `now` is what the start is counted back from.
Result<std::vector<RunningProgram>> running_programs(Root const& root, std::string_view name,
                                                     UtcTime now);

}  // namespace haagent
