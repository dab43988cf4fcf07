// How much room a mounted filesystem has: statvfs as a seam.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

#include "agent/base/result.h"

namespace haagent {

struct FilesystemSpace {
  dev_t device = 0;            // of the filesystem that was looked at
  std::uint64_t size = 0;      // bytes
  std::uint64_t avail = 0;     // bytes that anybody may still take
  std::uint64_t reserved = 0;  // bytes beyond those that root alone may take
  std::uint64_t inodes = 0;    // 0: the filesystem has no fixed number of them
  std::uint64_t inodes_free = 0;
  bool operator==(FilesystemSpace const&) const = default;
};

class Filesystems {
 public:
  virtual ~Filesystems() = default;
  // Of the filesystem that the path lies on, or the nearest folder above it that is there. Device
  // and figures are read through one open file, so that they are of the same filesystem.
  virtual Result<FilesystemSpace> space(std::filesystem::path const& path) = 0;
};

class SystemFilesystems final : public Filesystems {
 public:
  Result<FilesystemSpace> space(std::filesystem::path const& path) override;
};

}  // namespace haagent
