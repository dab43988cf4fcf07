#include "agent/base/file_age.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace haagent {

Result<FileStamp> file_stamp(std::filesystem::path const& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return fail_errno(errno, fmt::format("looking at {}", path.string()));
  return FileStamp{
      fmt::format("{} {}.{}", status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec),
      utc_time(status.st_mtim)};
}

bool FileAge::see(std::string const& which, UtcTime written, Clock const& clock) {
  if (which == which_) return false;
  which_ = which;
  written_ = written;
  // A file of the future is as old as one of now.
  age_ = std::max(Duration(0), std::chrono::duration_cast<Duration>(clock.utc() - written));
  seen_ = clock.steady();
  return true;
}

Duration FileAge::seen_for(Clock const& clock) const {
  return std::chrono::floor<Duration>(clock.steady() - seen_);
}

}  // namespace haagent
