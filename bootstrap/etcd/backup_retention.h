// Which backups go: a pure function of the store's listing. It keeps
//   - all of the last day, one an hour of the last week, one a day until `keep_for` is over
//     (etcd-manager's habit, which the field's users know);
//   - the newest `keep_at_least`, however old;
//   - the newest good one and everything newer, whatever the settings say: where nobody could say
//     which is good, nothing goes at all.
// A snapshot without a manifest goes a day after it was written: an upload may be under way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/node_config.h"
#include "bootstrap/etcd/backup_manifest.h"

namespace haagent::bootstrap {

struct BackupRemoval {
  std::string name;
  std::string why;  // "older than 90 days"
};

// `newest_good`: the newest whose manifest was read and whose data is there with the manifest's
// size; nothing where there is none, or where it could not be told. Oldest first.
std::vector<BackupRemoval> backups_to_remove(BackupInventory const& inventory,
                                             std::optional<std::string> const& newest_good,
                                             EtcdBackupConfig const& config, UtcTime now);

}  // namespace haagent::bootstrap
