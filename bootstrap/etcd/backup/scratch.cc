#include "bootstrap/etcd/backup/scratch.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <functional>
#include <string>

#include "agent/base/files.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;

// Of backups by their reason, of a restore, of its trial before the request, of a drill, of an
// import.
constexpr std::string_view kPurposes[] = {
    "scheduled", "before-change",  "manual", "pre-restore", "restore",
    "trial",     "trial-download", "drill",  "import",      "unpack"};

// Who sets etcd.backups.scratch may lead it to another disk; what is below it is ours.
FileDescriptor open_folder(fs::path const& folder, int follow) {
  return FileDescriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow));
}

// Anyone who makes, takes or removes a folder holds the one above it for that moment: between a
// folder's making and its lock it would pass for an abandoned one.
FileDescriptor lock_all(fs::path const& scratch) {
  auto fd = open_folder(scratch, 0);
  while (fd && ::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) fd.reset();
  return fd;
}

FileDescriptor lock_one(fs::path const& folder) {
  auto fd = open_folder(folder, O_NOFOLLOW);
  if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
}

fs::path place(fs::path const& scratch, std::string_view purpose, EtcdCluster cluster) {
  return scratch / fmt::format("{}-{}", purpose, to_string(cluster));
}

std::string in_mib(std::uint64_t bytes) {
  return fmt::format("{} MiB", (bytes + (1u << 20u) - 1) >> 20u);
}

// False as soon as `each` says so; it is called with the folder locked.
bool for_abandoned(fs::path const& scratch, EtcdCluster cluster,
                   std::function<bool(fs::path const&)> const& each) {
  auto const all = lock_all(scratch);
  if (!all) return true;  // there is none
  for (auto const purpose : kPurposes) {
    auto const folder = place(scratch, purpose, cluster);
    if (auto const unused = lock_one(folder); unused && !each(folder)) return false;
  }
  return true;
}

}  // namespace

Result<ScratchFolder> ScratchFolder::make(fs::path const& scratch, std::string_view purpose,
                                          EtcdCluster cluster, std::uint64_t bytes) {
  auto const folder = place(scratch, purpose, cluster);
  TRY(make_directories(scratch, 0700));
  auto const all = lock_all(scratch);
  if (!all) return fail_errno(errno, fmt::format("locking {}", scratch.string()));
  std::error_code error;
  if (fs::exists(folder, error) && !lock_one(folder))
    return fail(Kind::transient, "another haagent works in {} just now", folder.string());
  fs::remove_all(folder, error);  // of one that was killed
  if (error) return fail_errno(error.value(), fmt::format("emptying {}", folder.string()));
  TRY(make_directories(folder, 0700));
  auto lock = lock_one(folder);
  if (!lock) return fail_errno(errno, fmt::format("locking {}", folder.string()));
  ScratchFolder mine(folder, std::move(lock));
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) != 0)
    return fail_errno(errno, fmt::format("asking {} for its free space", folder.string()));
  auto const free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (free < bytes)
    return fail(Kind::transient,
                "{} has {} free, and {} are needed; make room, or set "
                "etcd.backups.scratch",
                folder.string(), in_mib(free), in_mib(bytes));
  return mine;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (lock_) fs::remove_all(path_, ignored);
}

bool has_abandoned_scratch(fs::path const& scratch, EtcdCluster cluster) {
  return !for_abandoned(scratch, cluster, [](auto const&) { return false; });
}

Result<void> drop_abandoned_scratch(fs::path const& scratch, EtcdCluster cluster) {
  Result<void> done;
  for_abandoned(scratch, cluster, [&](fs::path const& folder) {
    std::error_code error;
    fs::remove_all(folder, error);
    if (error && done)
      done = fail_errno(error.value(), fmt::format("removing {}", folder.string()));
    return true;
  });
  return done;
}

}  // namespace haagent::bootstrap
