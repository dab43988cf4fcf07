#include "bootstrap/etcd/disk/ownership.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <set>

#include "agent/base/file_descriptor.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/layout/trust.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPass = 0111;  // the x of owner, group and others
constexpr mode_t kSetId = 06000;

// The bits of a mode that count for this user: of the owner, the group or the others.
mode_t class_of(FileOwner const& now, UnitUser const& user) {
  if (user.uid == now.uid) return 0700;
  return user.gid == now.gid ? 0070 : 0007;
}

FileOwner owner_of(struct stat const& status) {
  return {status.st_uid, status.st_gid, status.st_mode & 07777u};
}

// What is done with each file. By descriptor, so that no name is followed: anyone who could write
// in the data directory is not trusted with what a name leads to.
using Visit = std::function<Result<void>(int fd, EtcdFile what, fs::path const& path)>;

Result<std::optional<FileOwner>> wanted_of(int fd, EtcdFile what, UnitUser const& etcd,
                                           FileOwner& now) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail_errno(errno, "looking whose it is");
  now = owner_of(status);
  return change_for(what, now, etcd, own_user());
}

Result<void> change(int fd, EtcdFile what, UnitUser const& etcd, fs::path const& path) {
  auto const doing = fmt::format("giving {} to etcd", path.string());
  FileOwner now;
  auto const found = TRY_DURING(wanted_of(fd, what, etcd, now), "{}", doing);
  auto const& wanted = found;
  if (!wanted) return {};
  // The mode last: a chown takes bits of it away.
  if ((wanted->uid != now.uid || wanted->gid != now.gid) &&
      ::fchown(fd, wanted->uid, wanted->gid) != 0)
    return fail_errno(errno, doing);
  if (wanted->mode != now.mode && ::fchmod(fd, wanted->mode) != 0)
    return fail_errno(errno, doing + " (its mode)");
  return {};
}

FileDescriptor open_in(int folder, char const* name, int kind) {
  return FileDescriptor(
      ::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | kind));
}

// What is neither a file nor a folder is no etcd's, and left alone.
Result<void> visit_tree(int fd, fs::path const& path, Visit const& visit) {
  TRY(visit(fd, EtcdFile::data, path));
  auto const doing = fmt::format("listing {}", path.string());
  int const own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  std::unique_ptr<DIR, int (*)(DIR*)> folder(own >= 0 ? ::fdopendir(own) : nullptr, ::closedir);
  if (!folder) {
    int const error = errno;
    if (own >= 0) ::close(own);
    return fail_errno(error, doing);
  }
  for (;;) {
    errno = 0;
    // A folder that this thread alone has open.
    auto const* entry = ::readdir(folder.get());  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr && errno != 0) return fail_errno(errno, doing);
    if (entry == nullptr) return {};
    std::string const name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status{};
    if (::fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return fail_errno(errno, doing);
    }
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) continue;
    auto const inside = open_in(fd, name.c_str(), S_ISDIR(status.st_mode) ? O_DIRECTORY : 0);
    if (!inside && errno == ENOENT) continue;
    if (!inside) return fail_errno(errno, fmt::format("opening {}", (path / name).string()));
    TRY(S_ISDIR(status.st_mode) ? visit_tree(inside.get(), path / name, visit)
                                : visit(inside.get(), EtcdFile::data, path / name));
  }
}

Result<void> visit_at(fs::path const& path, EtcdFile what, Visit const& visit) {
  // Links are followed on the way, where people put them; they are not theirs to put whose files
  // these become.
  FileDescriptor const fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return {};
  if (!fd) return fail_errno(errno, fmt::format("opening {}", path.string()));
  return visit(fd.get(), what, path);
}

Result<void> visit_all(Root const& root, EtcdCluster cluster, VolumeSight const& volume, bool data,
                       Visit const& visit) {
  std::vector<fs::path> shown{root(etcd_config_path(cluster))};
  for (auto const& key : etcd_key_paths()) shown.push_back(root(key));
  std::set<fs::path> way;
  auto add_way = [&](fs::path const& path) {
    for (auto folder = path.parent_path();
         folder != root.directory() && folder != folder.parent_path();
         folder = folder.parent_path())
      way.insert(folder);
  };
  for (auto const& path : shown) add_way(path);
  add_way(etcd_data_dir(volume.mount_point()));
  for (auto const& folder : way) TRY(visit_at(folder, EtcdFile::way, visit));
  for (auto const& path : shown) TRY(visit_at(path, EtcdFile::shown, visit));
  if (!data) return {};
  // Through the volume: the mount point may have become a folder of the root disk.
  auto const folder_of_data = etcd_data_dir(volume.path());
  auto const fd = open_in(AT_FDCWD, folder_of_data.c_str(), O_DIRECTORY);
  if (!fd && errno == ENOENT) return {};
  if (!fd) return fail_errno(errno, fmt::format("opening {}", folder_of_data.string()));
  return visit_tree(fd.get(), folder_of_data, visit);
}

}  // namespace

std::optional<FileOwner> change_for(EtcdFile what, FileOwner const& now, UnitUser const& etcd,
                                    UnitUser const& agent) {
  auto wanted = now;
  switch (what) {
    case EtcdFile::way:
      // The agent passes as it always did, and etcd with it.
      if (etcd.uid != agent.uid) wanted.mode |= class_of(now, etcd) & kPass;
      break;
    case EtcdFile::shown: {
      if (etcd.uid == agent.uid || etcd.uid == now.uid) break;
      wanted.gid = etcd.gid;
      wanted.mode = 0640;
      break;
    }
    case EtcdFile::data:
      wanted.uid = etcd.uid;
      wanted.gid = etcd.gid;
      if (wanted != now) wanted.mode &= ~kSetId;
      break;
  }
  if (wanted == now) return std::nullopt;
  return wanted;
}

std::vector<fs::path> etcd_key_paths() {
  return {"/etc/kubernetes/pki/etcd/server.key", "/etc/kubernetes/pki/etcd/peer.key"};
}

Result<void> give_to_etcd(Root const& root, EtcdCluster cluster, VolumeSight const& volume,
                          UnitUser const& etcd, bool data) {
  return visit_all(root, cluster, volume, data, [&](int fd, EtcdFile what, fs::path const& path) {
    return change(fd, what, etcd, path);
  });
}

Result<std::optional<fs::path>> shut_out_of(Root const& root, EtcdCluster cluster,
                                            VolumeSight const& volume, UnitUser const& etcd,
                                            bool data) {
  std::optional<fs::path> first;
  TRY(visit_all(root, cluster, volume, data,
                [&](int fd, EtcdFile what, fs::path const& path) -> Result<void> {
                  FileOwner now;
                  auto const wanted =
                      TRY_DURING(wanted_of(fd, what, etcd, now), "{}", path.string());
                  if (wanted && !first) first = volume.in_words(path.string());
                  return {};
                }));
  return first;
}

}  // namespace haagent::bootstrap
