// /proc/self/mountinfo, as proc_pid_mountinfo(5) has it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace haagent::volumes {

struct Mount {
  dev_t device = 0;
  std::string root;         // the part of the filesystem that is mounted: "/" for all of it
  std::string mount_point;  // absolute, without symlinks
  std::string filesystem;   // "ext4"
  std::string source;       // "/dev/nvme1n1"
  bool read_only = false;   // the mount or the filesystem
  // Of ext4, "remount-ro", "continue" or "panic". Empty: as its superblock says, which the kernel
  // does not repeat here.
  std::string on_error = {};
  bool operator==(Mount const&) const = default;
};

// In the order of the kernel: a later mount on the same point covers an earlier one. A line that
// does not parse is an error (internal): a mount that is overlooked could be formatted.
Result<std::vector<Mount>> parse_mountinfo(std::string_view text);

// The one that a path reaches: the last at that mount point. Null where nothing is mounted there.
Mount const* mount_at(std::vector<Mount> const& mounts, std::string_view mount_point);
// Any mount further down in that folder; null: there is none.
Mount const* mount_below(std::vector<Mount> const& mounts, std::string_view mount_point);

}  // namespace haagent::volumes
