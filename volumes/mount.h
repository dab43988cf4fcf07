#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/remembered.h"
#include "volumes/mountinfo.h"

namespace haagent::volumes {

// Whatever is mounted below etcd's data is never executed, never a device, and its times of access
// are nobody's concern.
inline constexpr char kMountOptions[] = "noatime,nodev,nosuid,noexec";
// Beside them. An ext4 with an error is written no further, whatever its superblock says: etcd must
// not go on with half of what it wrote. XFS needs no option: it shuts down.
inline constexpr char kExt4Options[] = "errors=remount-ro";

// A directory that is open, and the device of the filesystem that it is in.
struct OpenDirectory {
  FileDescriptor fd;
  dev_t device = 0;
  bool read_only = false;  // the mount or the filesystem
};

// Whether a call's error says that the filesystem went read-only or was shut down, or that its disk
// is gone or broken.
bool has_failed(Error const& error);

class Mounts {
 public:
  virtual ~Mounts() = default;
  virtual Result<std::vector<Mount>> list() = 0;
  // Mounts with kMountOptions and, where it is ext4, kExt4Options; the folder must exist. Says what
  // the kernel says where it fails.
  virtual Result<void> mount(BlockDevice const& device, std::filesystem::path const& mount_point,
                             std::string const& filesystem) = 0;
  // Gives what is mounted there the same options.
  virtual Result<void> remount(BlockDevice const& device, std::filesystem::path const& mount_point,
                               std::string const& filesystem) = 0;
  // The uppermost mount there, after its filesystem has been written back, unless it has failed and
  // takes nothing any more; never lazily. Transient while something still uses it, and says what;
  // no error where nothing is mounted.
  virtual Result<void> unmount(std::filesystem::path const& mount_point) = 0;
  // What the path reaches now. Errors keep their errno: ENOENT where there is nothing, EIO and its
  // like where the filesystem has failed.
  virtual Result<OpenDirectory> open(std::filesystem::path const& directory) = 0;
};

// mount and umount through libmount in this process's own mount namespace: no helper programs, no
// /run/mount/utab.
class SystemMounts final : public Mounts {
 public:
  Result<std::vector<Mount>> list() override;
  Result<void> mount(BlockDevice const& device, std::filesystem::path const& mount_point,
                     std::string const& filesystem) override;
  Result<void> remount(BlockDevice const& device, std::filesystem::path const& mount_point,
                       std::string const& filesystem) override;
  Result<void> unmount(std::filesystem::path const& mount_point) override;
  Result<OpenDirectory> open(std::filesystem::path const& directory) override;

 private:
  // A node has a hundred mounts, and several rows look at them each few seconds.
  RememberedByHash<std::vector<Mount>> parsed_{1};
};

}  // namespace haagent::volumes
