#include "agent/base/filesystem_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "agent/base/file_descriptor.h"
#include "agent/base/wait_accounting.h"

namespace haagent {

Result<FilesystemSpace> SystemFilesystems::space(std::filesystem::path const& path) {
  AccountedWait wait(
      WaitFor::program);  // a disk or a server that does not answer is no hang of ours
  auto place = path;
  // O_PATH: what cannot be read, or is broken, can still be asked for its room.
  FileDescriptor fd(::open(place.c_str(), O_PATH | O_CLOEXEC));
  while (!fd && (errno == ENOENT || errno == ENOTDIR) && place.has_relative_path()) {
    place = place.parent_path();
    fd = FileDescriptor(::open(place.c_str(), O_PATH | O_CLOEXEC));
  }
  struct stat status{};
  struct statvfs disk{};
  if (!fd || ::fstat(fd.get(), &status) != 0 || ::fstatvfs(fd.get(), &disk) != 0)
    return fail_errno(errno, fmt::format("asking for the free space at {}", path.string()));
  auto const block = static_cast<std::uint64_t>(disk.f_frsize);
  return FilesystemSpace{.device = status.st_dev,
                         .size = disk.f_blocks * block,
                         .avail = disk.f_bavail * block,
                         .reserved = (disk.f_bfree - std::min(disk.f_bfree, disk.f_bavail)) * block,
                         .inodes = disk.f_files,
                         .inodes_free = disk.f_ffree};
}

}  // namespace haagent
