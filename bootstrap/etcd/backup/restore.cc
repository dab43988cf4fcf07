#include "bootstrap/etcd/backup/restore.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <utility>

#include "agent/base/file_descriptor.h"
#include "agent/base/new_file.h"
#include "bootstrap/etcd/disk/data_dir.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

constexpr char kPurpose[] = "restore";  // of the scratch folder that a volume is restored by

namespace fs = std::filesystem;

Result<void> remove_tree(fs::path const& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return fail_errno(error.value(), fmt::format("removing {}", path.string()));
  return {};
}

// The file system that the folder is on, whole: the tool has flushed its log, and not each file.
Result<void> flush_filesystem(fs::path const& folder) {
  FileDescriptor const fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::syncfs(fd.get()) != 0)
    return fail_errno(errno, fmt::format("writing {} to disk", folder.string()));
  return {};
}

Result<void> has_room(fs::path const& folder, std::uint64_t bytes) {
  struct statvfs disk{};
  if (statvfs(folder.c_str(), &disk) != 0)
    return fail_errno(errno, fmt::format("asking {} for its free space", folder.string()));
  auto const free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (free >= bytes) return {};
  return fail(Kind::transient,
              "{} has {} MiB free, and {} MiB are needed for the restored data; move an earlier "
              "data directory (data.*) away, or grow the volume",
              folder.string(), free >> 20u, bytes >> 20u);
}

}  // namespace

Result<std::uint64_t> build_restored(BackupDeps const& deps, RecoveryRequest const& request,
                                     std::string const& member, fs::path const& data_dir,
                                     std::string_view purpose, std::stop_token stop) {
  Backups backups(request.etcd, deps);
  auto const key = backup_manifest_key(request.etcd, request.backup);
  auto object = TRY_DURING(deps.store.get(key, stop), "reading the manifest of {}", request.backup);
  if (!object)
    return fail(Kind::transient, "{} has no backup {} any more", deps.store.where(),
                request.backup);
  auto manifest = TRY_DURING(parse_manifest(request.backup, object->bytes),
                             "reading the manifest of {}", request.backup);
  TRY(has_room(data_dir.parent_path(), restore_space(manifest.size) - manifest.size));
  auto folder = TRY(backups.scratch(purpose, manifest.size));
  auto const file = folder.path() / "snapshot.db";
  RestoreSpec spec{.name = etcd_member_name(request.etcd, member),
                   .members = {},
                   .token = request.token,
                   .data_dir = data_dir,
                   .bump = request.bump};
  for (auto const& each : request.members)
    spec.members.push_back(
        {etcd_member_name(request.etcd, each), etcd_peer_url(deps.config, request.etcd, each)});
  auto done = backups.fetch(manifest, file, stop);
  if (done) done = backups.tools().restore(file, spec, stop);
  if (!done) return std::unexpected(done.error());
  auto identity = TRY_DURING(data_identity(data_dir), "reading what was restored");
  return identity.cluster_id;
}

bool has_begun_restore(Backups const& backups, fs::path const& mount_point) {
  std::error_code ignored;
  return fs::exists(etcd_restored_dir(mount_point), ignored) ||
         has_abandoned_scratch(backups.scratch_place(), backups.cluster());
}

Result<void> drop_restored(Backups const& backups, fs::path const& mount_point) {
  TRY(drop_abandoned_scratch(backups.scratch_place(), backups.cluster()));
  return remove_tree(etcd_restored_dir(mount_point));
}

Result<void> restore_volume(BackupDeps const& deps, RecoveryRequest const& request,
                            EtcdVolume const& volume, VolumeSight const& sight,
                            std::stop_token stop) {
  auto marker = sight.marker();
  // From here on the volume names no request until what is built is whole.
  if (!std::exchange(marker.request_id, {}).empty()) TRY(write_volume_marker(sight.path(), marker));
  auto const built = etcd_restored_dir(sight.path());
  TRY(remove_tree(built));
  // etcd's tool goes by the path, and what it has built is read through the volume.
  auto cluster = TRY(build_restored(deps, request, volume.member,
                                    etcd_restored_dir(sight.mount_point()), kPurpose, stop));
  if (cluster != request.cluster_id)
    return std::unexpected(Error(
        Kind::refused,
        Message(Reason::RestoreDiffers,
                fmt::format("the restore here makes cluster {:x} of {}, and the request says {:x}: "
                            "cluster.name or the members differ between the masters",
                            cluster, request.backup, request.cluster_id),
                fmt::format("put them right, and run '{}' again",
                            etcd_command(request.etcd, "restore")))));
  if (auto const there = data_identity(built); !there || there->cluster_id != request.cluster_id)
    return fail(Kind::transient, "what was restored is not on {}: {} is not mounted any more",
                volume.volume_id, sight.mount_point().string());
  TRY(flush_filesystem(built));
  marker.request_id = request.id;
  marker.etcd_cluster_id.clear();  // it has joined nothing yet
  marker.etcd_version = request.etcd_version;
  marker.etcd_data_version.clear();
  make_own(marker, volume.volume_id, volume.snapshot_id);
  TRY(write_volume_marker(sight.path(), marker));
  return place_restored(sight.path());
}

Result<void> place_restored(fs::path const& mount_point) {
  auto const built = etcd_restored_dir(mount_point);
  std::error_code error;
  fs::rename(built, etcd_data_dir(mount_point), error);
  if (error) return fail_errno(error.value(), fmt::format("putting {} in place", built.string()));
  return flush_folder(mount_point);
}

}  // namespace haagent::bootstrap
