#include "agent/base/new_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/base/read_only.h"

namespace haagent {
namespace {

std::filesystem::path folder_of(std::filesystem::path const& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

}  // namespace

Result<NewFile> NewFile::beside(std::filesystem::path const& target, mode_t mode) {
  auto name = (folder_of(target) / (std::string(kPrefix) + "XXXXXX")).string();
  FileDescriptor fd(::mkostemp(name.data(), O_CLOEXEC));
  auto doing = fmt::format("writing {}", target.string());
  if (!fd) return fail_to_write(errno, doing, target);
  NewFile file(target, std::move(name), std::move(fd));
  if (::flock(file.fd_.get(), LOCK_EX | LOCK_NB) != 0) return fail_errno(errno, doing);
  if (::fchmod(file.fd_.get(), mode) != 0) return fail_errno(errno, doing + " (its mode)");
  return file;
}

NewFile::NewFile(NewFile&& other) noexcept
    : target_(std::move(other.target_)),
      name_(std::exchange(other.name_, "")),
      fd_(std::move(other.fd_)) {}

NewFile::~NewFile() {
  if (!name_.empty()) ::unlink(name_.c_str());
}

std::string NewFile::doing() const {
  return fmt::format("writing {}", target_.string());
}

Result<void> NewFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    auto written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, doing());
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> NewFile::flush() {
  if (::fsync(fd_.get()) != 0) return fail_errno(errno, doing() + " (flushing it)");
  return {};
}

Result<timespec> NewFile::set_modified(timespec time) {
  timespec const times[] = {time, time};
  struct stat status{};
  if (::futimens(fd_.get(), times) != 0 || ::fstat(fd_.get(), &status) != 0)
    return fail_errno(errno, doing() + " (its time)");
  return status.st_mtim;
}

Result<void> NewFile::replace_target() {
  TRY(flush());
  if (::rename(name_.c_str(), target_.c_str()) != 0)
    return fail_errno(errno, doing() + " (putting it in place)");
  name_.clear();
  return flush_folder(folder_of(target_));
}

Result<bool> NewFile::become_target_if_absent() {
  TRY(flush());
  if (::link(name_.c_str(), target_.c_str()) != 0) {
    if (errno == EEXIST) return false;
    return fail_errno(errno, doing() + " (putting it in place)");
  }
  ::unlink(name_.c_str());
  name_.clear();
  TRY(flush_folder(folder_of(target_)));
  return true;
}

Result<void> flush_folder(std::filesystem::path const& folder) {
  FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0)
    return fail_errno(errno, fmt::format("flushing folder {}", folder.string()));
  return {};
}

void remove_abandoned_files(std::filesystem::path const& folder) {
  std::error_code ignored;
  for (auto const& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (!entry.path().filename().string().starts_with(NewFile::kPrefix)) continue;
    FileDescriptor fd(::open(entry.path().c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
  }
}

}  // namespace haagent
