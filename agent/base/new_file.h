// A file in the making: written piece by piece under a name that nobody reads, whole and on the
// disk before it gets its own.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>

#include "agent/base/file_descriptor.h"
#include "agent/base/result.h"

namespace haagent {

class NewFile {
 public:
  // Beside the target, as ".haagent-XXXXXX" and locked (flock), so that what a crash has left can
  // be told from what is being written.
  static Result<NewFile> beside(std::filesystem::path const& target, mode_t mode);
  static constexpr std::string_view kPrefix = ".haagent-";

  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();  // gone, unless it has become the target

  Result<void> append(std::string_view bytes);
  Result<void> flush();                          // fsync
  Result<timespec> set_modified(timespec time);  // as the file system keeps it

  // Both flush the file before and the folder after.
  Result<void> replace_target();
  Result<bool> become_target_if_absent();  // false where it exists

 private:
  NewFile(std::filesystem::path target, std::string name, FileDescriptor fd)
      : target_(std::move(target)), name_(std::move(name)), fd_(std::move(fd)) {}
  std::string doing() const;

  std::filesystem::path target_;
  std::string name_;
  FileDescriptor fd_;
};

// A name is on the disk once its folder is.
Result<void> flush_folder(std::filesystem::path const& folder);

// Removes what crashed writers have left in the folder.
void remove_abandoned_files(std::filesystem::path const& folder);

}  // namespace haagent
