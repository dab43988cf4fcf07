#include "agent/base/files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <set>
#include <vector>

#include "agent/base/file_descriptor.h"
#include "agent/base/new_file.h"
#include "agent/base/read_only.h"
#include "agent/base/side_by_side.h"

namespace haagent {
namespace {

// Appends what the descriptor gives, up to cap + 1 bytes, so that "longer than cap" shows.
Result<std::string> read_up_to(int fd, std::size_t cap) {
  std::string bytes;
  std::array<char, 16'384> buffer;
  while (bytes.size() <= cap) {
    auto want = std::min(buffer.size(), cap + 1 - bytes.size());
    auto got = ::read(fd, buffer.data(), want);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(errno, "read"));
    if (got == 0) break;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return bytes;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::filesystem::path folder_of(std::filesystem::path const& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

constexpr std::string_view kRandom = "XXXXXX";

// A leading dot: the kubelet and cron.d readers skip such files in the folders they watch. And a
// name of our own: rsync calls a file on its way ".<name>.XXXXXX", and nobody else's may be taken
// away.
std::string temporary_stem(std::filesystem::path const& path) {
  return "." + path.filename().string() + ".haagent-";
}

// What a writer of this file left that was killed: anyone who still writes holds the lock.
void remove_abandoned(std::filesystem::path const& path) {
  auto const stem = temporary_stem(path);
  std::error_code ignored;
  for (auto const& entry : std::filesystem::directory_iterator(folder_of(path), ignored)) {
    auto const name = entry.path().filename().string();
    if (name.size() != stem.size() + kRandom.size() || !name.starts_with(stem)) continue;
    FileDescriptor fd(::open(entry.path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status{};
    if (fd && ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
      ::unlink(entry.path().c_str());
  }
}

// Removes the temporary file unless it has become the real one.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::filesystem::path const& path) {
    remove_abandoned(path);
    struct stat status{};
    do {
      name_ = (folder_of(path) / (temporary_stem(path) + std::string(kRandom))).string();
      fd_ = FileDescriptor(::mkostemp(name_.data(), O_CLOEXEC));
      // Somebody may have taken it for abandoned before it was locked; then there is another.
    } while (fd_ && ::flock(fd_.get(), LOCK_EX) == 0 && ::fstat(fd_.get(), &status) == 0 &&
             status.st_nlink == 0);
  }
  ~TemporaryFile() {
    if (fd_) ::unlink(name_.c_str());
  }
  TemporaryFile(TemporaryFile const&) = delete;
  TemporaryFile& operator=(TemporaryFile const&) = delete;

  int fd() const { return fd_.get(); }
  bool become(std::filesystem::path const& path) {
    if (::rename(name_.c_str(), path.c_str()) != 0) return false;
    fd_.reset();
    return true;
  }

 private:
  std::string name_;
  FileDescriptor fd_;
};

Result<void> fill(TemporaryFile const& into, PairedFile const& file) {
  auto doing = fmt::format("writing {}", file.path.string());
  auto const& mode = file.mode;
  if (into.fd() < 0) return fail_to_write(errno, doing, file.path);
  // The owner first: chown takes set-id bits away. mkostemp made it 0600, so nobody reads it early.
  if (mode.uid || mode.gid) {
    auto uid = mode.uid.value_or(static_cast<uid_t>(-1));
    auto gid = mode.gid.value_or(static_cast<gid_t>(-1));
    if (::fchown(into.fd(), uid, gid) != 0) return fail_errno(errno, doing + " (its owner)");
  }
  if (::fchmod(into.fd(), mode.mode) != 0) return fail_errno(errno, doing + " (its mode)");
  if (!write_all(into.fd(), file.bytes)) return fail_errno(errno, doing);
  // Begins the write: what is allocated before the first fsync is of the same transaction of the
  // journal. A file system that cannot is asked to by fsync.
  (void)::sync_file_range(into.fd(), 0, 0, SYNC_FILE_RANGE_WRITE);
  return {};
}

Result<void> flush(TemporaryFile const& file, std::filesystem::path const& path) {
  if (::fsync(file.fd()) == 0) return {};
  return fail_errno(errno, fmt::format("writing {} (flushing it)", path.string()));
}

// The first that failed.
Result<void> all_of(std::vector<Result<void>> const& outcomes) {
  for (auto const& outcome : outcomes)
    if (!outcome) return outcome;
  return {};
}

}  // namespace

Result<std::optional<std::string>> read_file(std::filesystem::path const& path, std::size_t cap) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd && errno == ENOENT) return std::nullopt;
  auto doing = fmt::format("reading {}", path.string());
  if (!fd) return fail_errno(errno, doing);
  auto bytes = read_up_to(fd.get(), cap);
  if (!bytes) return fail_errno(bytes.error().code.value(), doing);
  if (bytes->size() > cap) {
    return fail(Kind::invalid, "{}: longer than the {} bytes that are allowed", doing, cap);
  }
  return *std::move(bytes);
}

Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t length,
                            std::string_view doing) {
  std::string bytes(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    auto const got =
        ::pread(fd, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, doing);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

Result<void> replace_file(std::filesystem::path const& path, std::string_view bytes,
                          FileMode mode) {
  PairedFile const file{path, std::string(bytes), mode};
  return replace_files({&file, 1});
}

Result<void> replace_files(std::span<PairedFile const> files) {
  std::deque<TemporaryFile> ready;
  for (auto const& file : files) TRY(fill(ready.emplace_back(file.path), file));
  std::vector<Result<void>> flushed(files.size());
  side_by_side(files.size(), [&](std::size_t i) { flushed[i] = flush(ready[i], files[i].path); });
  TRY(all_of(flushed));
  for (std::size_t i = 0; i < files.size(); ++i)
    if (!ready[i].become(files[i].path))
      return fail_errno(errno,
                        fmt::format("writing {} (putting it in place)", files[i].path.string()));
  std::set<std::filesystem::path> folders;
  for (auto const& file : files) folders.insert(folder_of(file.path));
  return all_of(each_side_by_side(std::vector(folders.begin(), folders.end()), flush_folder));
}

Result<bool> replace_file_if_changed(std::filesystem::path const& path, std::string_view bytes,
                                     FileMode mode) {
  return replace_files_if_changed({{path, std::string(bytes), mode}});
}

Result<bool> replace_files_if_changed(std::vector<PairedFile> files) {
  std::vector<PairedFile> changed;
  for (auto& file : files)
    if (!TRY(file_matches(file.path, file.bytes, file.mode))) changed.push_back(std::move(file));
  TRY(replace_files(changed));
  return !changed.empty();
}

Result<bool> file_matches(std::filesystem::path const& path, std::string_view bytes,
                          FileMode mode) {
  // A symbolic link is not the file that we write, wherever it points. O_NONBLOCK: nor is a FIFO,
  // and opening one must not wait for its writer.
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ELOOP)) return false;
  auto doing = fmt::format("comparing {}", path.string());
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return fail_errno(errno, doing);
  if (!S_ISREG(status.st_mode) || (status.st_mode & 07777) != mode.mode) return false;
  if (mode.uid && *mode.uid != status.st_uid) return false;
  if (mode.gid && *mode.gid != status.st_gid) return false;
  if (static_cast<std::size_t>(status.st_size) != bytes.size()) return false;
  auto had = read_up_to(fd.get(), bytes.size());
  if (!had) return fail_errno(had.error().code.value(), doing);
  return *had == bytes;
}

Result<void> make_directories(std::filesystem::path const& path, mode_t mode) {
  auto doing = fmt::format("making folder {}", path.string());
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return fail(Kind::invalid, "{}: a file of that name is in the way", doing);
  }
  if (errno != ENOENT) return fail_errno(errno, doing);
  auto parent = folder_of(path);
  if (parent != path) {
    TRY(make_directories(parent, mode));
  }
  if (::mkdir(path.c_str(), mode) != 0) {
    int error = errno;
    // Made by somebody else since, or named with a slash at its end.
    if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return fail_to_write(error, doing, path);
  }
  // mkdir is narrowed by the umask.
  if (::chmod(path.c_str(), mode) != 0) return fail_errno(errno, doing + " (its mode)");
  return flush_folder(parent);
}

}  // namespace haagent
