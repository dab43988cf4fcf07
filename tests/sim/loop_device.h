// A file shown as a block device. The kernel takes it away with its last user.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/result.h"

namespace haagent::sim {

class LoopDevice {
 public:
  // `name` is what losetup and leftovers() tell it by; `nodes` is a folder for the device node.
  static Result<LoopDevice> attach(std::filesystem::path const& file, std::string const& name,
                                   std::filesystem::path const& nodes);
  LoopDevice(LoopDevice&&) = default;
  LoopDevice& operator=(LoopDevice&&) = default;
  ~LoopDevice() = default;

  dev_t number() const { return number_; }
  // A conflict Error where it is mounted or opened with O_EXCL up to the deadline.
  Result<void> wait_until_free(Duration deadline) const;
  // Waits up to the deadline until nobody mounts or holds it, and lets go of the file. A conflict
  // Error where somebody still does: then it stays as it is.
  Result<void> detach(Duration deadline);
  // The device takes over the file's size, as after truncating it.
  Result<void> follow_size();
  Result<void> drop_caches();

 private:
  LoopDevice() = default;
  bool held() const;
  bool ours(FileDescriptor const& fd) const;  // still shows our file

  FileDescriptor fd_;
  dev_t number_ = 0;
  std::filesystem::path node_;
  std::string name_;
};

}  // namespace haagent::sim
