// Carrying a restore out on one volume, so that anyone who is stopped at any point begins or goes
// on where the facts on the disk say:
//
//   data.restored          built by etcd's own tool, from a backup that was downloaded and compared
//   haagent.json           then says that the request was carried out here, and of no cluster
//   data                   is what data.restored is renamed to, last
//
// What stands in data.restored while haagent.json names no request, or another, is scratch.
#pragma once

#include <filesystem>
#include <stop_token>

#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/backup/backup.h"
#include "bootstrap/etcd/store/request.h"

namespace haagent::bootstrap {

// The member's data as the request wants them, in a folder that does not exist yet. The backup is
// downloaded into the scratch folder of that purpose. Returns the id of the cluster that they are
// of, which is the same wherever it is done. Errors: transient where there is no room.
Result<std::uint64_t> build_restored(BackupDeps const& deps, RecoveryRequest const& request,
                                     std::string const& member,
                                     std::filesystem::path const& data_dir,
                                     std::string_view purpose, std::stop_token stop);

// The last of it, a rename.
Result<void> place_restored(std::filesystem::path const& mount_point);

// All of the above, on the volume that is seen. The place of the data is empty. Errors: refused
// where the tool here makes another cluster of it than that of the request.
Result<void> restore_volume(BackupDeps const& deps, RecoveryRequest const& request,
                            EtcdVolume const& volume, VolumeSight const& sight,
                            std::stop_token stop);

// What a restore has begun on the volume and not finished, and what anybody has left in scratch
// folders of the cluster.
bool has_begun_restore(Backups const& backups, std::filesystem::path const& mount_point);
Result<void> drop_restored(Backups const& backups, std::filesystem::path const& mount_point);

}  // namespace haagent::bootstrap
