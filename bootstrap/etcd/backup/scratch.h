// Folders for a while, below etcd.backups.scratch: <purpose>-<main|events>. One that is used is
// locked (flock), so that what somebody has left who was killed is told from what is in use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "agent/base/facts.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/result.h"

namespace haagent::bootstrap {

class ScratchFolder {
 public:
  // Empty. `purpose` is of those that drop_abandoned_scratch() knows. Errors: transient where
  // somebody else works in it, or the disk has not `bytes` to spare.
  static Result<ScratchFolder> make(std::filesystem::path const& scratch, std::string_view purpose,
                                    EtcdCluster cluster, std::uint64_t bytes);
  ScratchFolder(ScratchFolder&& other) noexcept = default;
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();  // gone, with all that is in it

  std::filesystem::path const& path() const { return path_; }

 private:
  ScratchFolder(std::filesystem::path path, FileDescriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  FileDescriptor lock_;
};

// Folders of any purpose of that cluster in which nobody works.
bool has_abandoned_scratch(std::filesystem::path const& scratch, EtcdCluster cluster);
Result<void> drop_abandoned_scratch(std::filesystem::path const& scratch, EtcdCluster cluster);

}  // namespace haagent::bootstrap
