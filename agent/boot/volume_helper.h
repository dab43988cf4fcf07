// Who mounts, formats, checks and grows: this process where it may, else the helper; and the helper
// itself (units/haagent-volumes@.service).
#pragma once

#include <filesystem>
#include <memory>

#include "agent/base/files.h"
#include "volumes/disks.h"
#include "volumes/mount.h"

namespace haagent {

struct VolumeHands {
  std::unique_ptr<volumes::Disks> disks;
  std::unique_ptr<volumes::Mounts> mounts;
};
// `process` and `clock` must outlive them.
VolumeHands volume_hands(Root const& root, Process& process, Clock& clock);

// Answers the one request of the connection that is its standard input. An exit code.
int run_volume_helper(Root const& root, std::filesystem::path const& mount_root);

}  // namespace haagent
