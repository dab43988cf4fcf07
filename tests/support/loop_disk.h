// A disk of a test's own: memory on a loop device, both of which the kernel takes away by itself
// when the test's process ends, however it ends. Needs root.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/file_descriptor.h"

namespace haagent::test {

class LoopDisk {
 public:
  // Why there can be no loop devices or mounts here: not root, no /dev/loop-control, a kernel that
  // does not let us. Empty where there can. The first call moves the process into a mount namespace
  // of its own.
  static std::string why_not();

  explicit LoopDisk(std::uint64_t bytes, bool read_only = false);
  LoopDisk(LoopDisk const&) = delete;
  LoopDisk& operator=(LoopDisk const&) = delete;

  std::string const& path() const { return path_; }  // "/dev/loop3"
  dev_t number() const { return number_; }
  std::uint64_t bytes() const { return bytes_; }

  void write(std::uint64_t offset, std::string_view data);
  std::string read(std::uint64_t offset, std::size_t length);
  void grow(std::uint64_t bytes);
  void resize_file(std::uint64_t bytes);  // the device keeps its size: what is beyond fails to read
  void drop_caches();                     // what was written by others is read from the file again
  std::size_t contents_hash();            // of every byte, as the device shows it

 private:
  std::uint64_t bytes_;
  std::string path_;
  dev_t number_ = 0;
  FileDescriptor backing_;
  FileDescriptor device_;
};

}  // namespace haagent::test
