// The records of the last ten boots on disk, and that of the boot that goes on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/timeline/boot_record.h"

namespace haagent::timeline {

inline constexpr char kRunning[] = "/run/haagent/timeline.json";
inline constexpr char kHistory[] = "/var/lib/haagent/boots";
inline constexpr std::size_t kBootsKept = 10;

// Replaces the record of the boot that goes on. On a filesystem in memory: nothing is made durable.
Result<void> write_running(Root const& root, BootRecord const& record);

// Nothing where there is none.
Result<std::optional<BootRecord>> read_running(Root const& root);

// Replaces the record of the same boot, and removes the oldest but ten.
Result<void> keep_boot(Root const& root, BootRecord const& record);

struct History {
  std::vector<BootRecord> boots;        // the newest first; the one that goes on among them
  std::vector<std::string> unreadable;  // a sentence a file
};
// Errors: a folder that cannot be read.
Result<History> read_history(Root const& root);

// "0" is the newest boot, "1" or "-1" the one before it; or how a boot's id begins. Errors
// (invalid): there is no such boot, or more than one.
Result<BootRecord> find_boot(std::vector<BootRecord> const& boots, std::string const& which);

}  // namespace haagent::timeline
