#include "agent/base/file_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "agent/base/files.h"
#include "agent/base/progress.h"
#include "agent/base/read_only.h"

namespace haagent {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kLockPatience = 30s;
constexpr Duration kLockPause{20};
constexpr std::size_t kPiece = 128u << 10u;
constexpr std::int64_t kSecond = 1'000'000'000;

struct OpenFile {
  FileDescriptor fd;
  struct stat status{};
};

// Nothing where there is no such file. A link is none of ours, and a folder is no key.
Result<std::optional<OpenFile>> open_file(fs::path const& path) {
  OpenFile file;
  file.fd = FileDescriptor(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!file.fd || ::fstat(file.fd.get(), &file.status) != 0)
    return fail_errno(errno, fmt::format("reading {}", path.string()));
  if (S_ISDIR(file.status.st_mode)) return std::nullopt;
  if (!S_ISREG(file.status.st_mode))
    return fail(Kind::invalid, "{} in the state store is no plain file", path.string());
  return file;
}

std::string version_of(struct stat const& status) {
  return fmt::format("{}.{:09}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

Result<void> copy(int from, std::string const& name, std::stop_token const& stop,
                  std::function<Result<void>(std::string_view)> const& write) {
  std::string buffer(kPiece, '\0');
  while (true) {
    if (stop.stop_requested()) return fail(Kind::interrupted, "copying {}: stopped", name);
    auto got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "reading " + name);
    if (got == 0) return {};
    TRY(write(std::string_view(buffer).substr(0, static_cast<std::size_t>(got))));
    Work::advance(static_cast<std::uint64_t>(got));
  }
}

std::int64_t nanoseconds(timespec const& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

// The time, in nanoseconds, that was given last; 0 in a store that nobody has written to.
Result<std::int64_t> latest_of(int lock) {
  char text[32] = "";
  auto const got = ::pread(lock, text, sizeof text - 1, 0);
  if (got < 0) return fail_errno(errno, "reading the lock of the state store");
  std::int64_t latest = 0;
  std::from_chars(text, text + got, latest);
  return latest;
}

}  // namespace

Result<void> FileStore::check_folder() const {
  struct stat status{};
  if (::stat(folder_.c_str(), &status) != 0) {
    if (errno != ENOENT && errno != ENOTDIR)
      return fail_errno(errno, fmt::format("looking at the state store {}", folder_.string()));
    return fail(Kind::invalid,
                "the state store's folder {} is not there: mount it, or make it with "
                "`install -d -m 0700 {}`; it is not made by itself, so that masters whose shared "
                "folder is not mounted yet do not make one each",
                folder_.string(), folder_.string());
  }
  if (!S_ISDIR(status.st_mode))
    return fail(Kind::invalid, "the state store {} is no folder", folder_.string());
  return {};
}

Result<FileDescriptor> FileStore::lock(std::stop_token const& stop) {
  TRY(check_folder());
  auto const path = folder_ / ".lock";
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail_to_write(errno, "opening " + path.string(), path);
  auto const end = clock_.steady() + kLockPatience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail_errno(errno, "locking " + path.string());
    if (clock_.steady() >= end)
      return fail(Kind::transient, "{} is locked by another process for more than {}",
                  path.string(), to_words(kLockPatience));
    if (!clock_.sleep(kLockPause, stop))
      return fail(Kind::interrupted, "locking {}: stopped", path.string());
  }
  return fd;
}

Result<NewFile> FileStore::begin(std::string const& key) {
  auto const path = folder_ / key;
  TRY(make_directories(path.parent_path(), 0700));
  remove_abandoned_files(path.parent_path());
  return NewFile::beside(path, 0600);
}

// Gives the file a time that no file of this store has had.
Result<void> FileStore::stamp(NewFile& file, int lock) {
  auto const latest = TRY(latest_of(lock));
  auto const now = std::chrono::nanoseconds(clock_.utc().time_since_epoch()).count();
  // Not every file system keeps nanoseconds.
  for (std::int64_t step :
       {std::int64_t{1}, std::int64_t{1'000}, std::int64_t{1'000'000}, 2 * kSecond}) {
    auto const wanted = std::max(now, latest + step);
    auto kept = TRY(file.set_modified({wanted / kSecond, wanted % kSecond}));
    if (nanoseconds(kept) <= latest) continue;
    auto const text = fmt::format("{:020}\n", nanoseconds(kept));
    if (::pwrite(lock, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
        ::fdatasync(lock) != 0)
      return fail_errno(errno, fmt::format("writing {}/.lock", folder_.string()));
    return {};
  }
  return fail(Kind::internal, "{}: the file system keeps no times", where());
}

Result<bool> FileStore::write(std::string const& key, std::string const& bytes,
                              std::string const* version, std::stop_token const& stop) {
  TRY(check_key(key));
  if (bytes.size() > kMostOfGet)
    return fail(Kind::invalid, "{} is larger than 8 MiB: it must be uploaded", key);
  auto locked = TRY(lock(stop));
  auto there = TRY(open_file(folder_ / key));
  if (version ? !there || version_of(there->status) != *version : there.has_value()) return false;
  auto file = TRY(begin(key));
  TRY(file.append(bytes));
  TRY(stamp(file, locked.get()));
  // A link is never made over what is there: so it holds also where locks do not.
  if (!version) return file.become_target_if_absent();
  TRY(file.replace_target());
  return true;
}

Result<std::optional<StoredObject>> FileStore::get(std::string const& key, std::stop_token stop) {
  TRY(check_key(key));
  TRY(check_folder());
  auto file = TRY(open_file(folder_ / key));
  if (!file) return std::nullopt;
  StoredObject object{"", version_of(file->status), utc_time(file->status.st_ctim)};
  TRY(copy(file->fd.get(), key, stop, [&](std::string_view piece) -> Result<void> {
    object.bytes += piece;
    if (object.bytes.size() <= kMostOfGet) return {};
    return fail(Kind::invalid, "{} in {} is larger than 8 MiB: it must be downloaded", key,
                where());
  }));
  return object;
}

Result<bool> FileStore::create(std::string const& key, std::string const& bytes,
                               std::stop_token stop) {
  return write(key, bytes, nullptr, stop);
}

Result<bool> FileStore::replace(std::string const& key, std::string const& bytes,
                                std::string const& version, std::stop_token stop) {
  return write(key, bytes, &version, stop);
}

Result<void> FileStore::upload(std::string const& key, std::filesystem::path const& file,
                               std::stop_token stop) {
  TRY(check_key(key));
  FileDescriptor from(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) return fail_errno(errno, "reading " + file.string());
  auto locked = lock(stop);
  if (!locked) return std::unexpected(locked.error());
  auto to = TRY(begin(key));
  locked->reset();  // the copy may take long
  TRY(copy(from.get(), file.string(), stop,
           [&](std::string_view piece) { return to.append(piece); }));
  TRY(to.flush());
  locked = lock(stop);
  if (!locked) return std::unexpected(locked.error());
  TRY(stamp(to, locked->get()));
  return to.replace_target();
}

Result<void> FileStore::download(std::string const& key, std::filesystem::path const& file,
                                 std::stop_token stop) {
  TRY(check_key(key));
  TRY(check_folder());
  auto from = TRY(open_file(folder_ / key));
  if (!from) return fail(Kind::invalid, "{} holds no {}", where(), key);
  auto to = TRY(NewFile::beside(file, 0600));
  TRY(copy(from->fd.get(), key, stop, [&](std::string_view piece) { return to.append(piece); }));
  return to.replace_target();
}

Result<std::vector<StoredEntry>> FileStore::list(std::string const& prefix, std::stop_token stop) {
  TRY(check_folder());
  std::vector<StoredEntry> entries;
  std::vector<std::string> folders = {""};  // ending in '/', but for the first
  while (!folders.empty()) {
    if (stop.stop_requested()) return fail(Kind::interrupted, "listing {}: stopped", where());
    auto const folder = std::move(folders.back());
    folders.pop_back();
    std::error_code error;
    fs::directory_iterator each(folder_ / folder, error);
    for (; !error && each != fs::directory_iterator(); each.increment(error)) {
      auto const name = each->path().filename().string();
      auto const key = folder + name;
      struct stat status{};
      // What is gone since, and what no key can name.
      if (name.starts_with('.') || ::lstat(each->path().c_str(), &status) != 0) continue;
      if (S_ISDIR(status.st_mode)) {
        auto const below = key + "/";
        if (below.starts_with(prefix) || prefix.starts_with(below)) folders.push_back(below);
      } else if (S_ISREG(status.st_mode) && key.starts_with(prefix) && check_key(key)) {
        entries.push_back(
            {key, static_cast<std::uint64_t>(status.st_size), utc_time(status.st_ctim)});
      }
    }
    if (error && error != std::errc::no_such_file_or_directory)
      return fail_errno(error.value(), fmt::format("listing {}", (folder_ / folder).string()));
  }
  std::ranges::sort(entries, {}, &StoredEntry::key);
  return entries;
}

Result<void> FileStore::remove(std::string const& key, std::stop_token stop) {
  TRY(check_key(key));
  auto locked = TRY(lock(stop));
  auto const path = folder_ / key;
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR) return {};
    return fail_errno(errno, "removing " + path.string());
  }
  return flush_folder(path.parent_path());
}

// A file that has no name leaves nothing behind; where there are none, as on NFS, one with a name
// is touched, and UTIME_NOW leaves the time to the file system: the server sets its own.
Result<UtcTime> FileStore::now(std::stop_token) {
  TRY(check_folder());
  struct stat status{};
  FileDescriptor const nameless(::open(folder_.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
  if (nameless && ::fstat(nameless.get(), &status) == 0) return utc_time(status.st_mtim);
  auto const path = folder_ / ".time";
  FileDescriptor const fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  timespec const times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_NOW},
                             {.tv_sec = 0, .tv_nsec = UTIME_NOW}};
  if (!fd || ::futimens(fd.get(), times) != 0 || ::fstat(fd.get(), &status) != 0)
    return fail_to_write(
        errno, fmt::format("asking {} for its time with {}", where(), path.string()), path);
  return utc_time(status.st_mtim);
}

}  // namespace haagent
