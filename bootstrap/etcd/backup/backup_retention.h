// Which backups go: a pure function of the store's listing. It keeps
//   - all of the last day, one an hour of the last week, one a day until `keep_for` is over
//     (etcd-manager's habit, which the field's users know);
//   - the newest `keep_at_least`, however old;
//   - the newest good one and everything stored after it, whatever the settings say: where nobody
//     could say which is good, nothing goes at all.
// What was imported stays until somebody takes it away. A snapshot without a manifest goes a day
// after it was written: an upload may be under way.
//
// Ages are the store's. Of two times that a backup has (BackupEntry::stored and taken) both must
// say that it goes: a store that was copied to another place has stored all of them on one day, and
// a master whose clock was behind has named its backups after years that were long over.
//
// One sweep takes a small share at the most, the oldest first: however wrong the ages are, somebody
// has the time to see it. Where the store contradicts itself, and has objects from its own future,
// nothing goes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/node_config.h"
#include "bootstrap/etcd/store/manifest.h"

namespace haagent::bootstrap {

struct BackupRemoval {
  std::string name;
  std::string why;  // "older than 90 days"
};

struct BackupSweep {
  std::vector<BackupRemoval> removals;  // oldest first
  std::size_t held_back = 0;            // more that would go, and wait for the next sweeps
  std::string why_none;  // why nothing goes though there may be something; empty: all is well
};

// Of so many complete backups one sweep takes at the most: a twentieth, and two where that is less,
// since one comes in with each sweep.
std::size_t most_of_a_sweep(std::size_t complete);

// The age of the newest complete backup, by the store's clock. What was stored by another clock, in
// the store's future, counts for nothing. Nothing: there is no other one.
std::optional<Duration> age_of_newest(BackupInventory const& inventory, UtcTime now);

// `newest_good`: the newest whose manifest was read and whose data is there with the manifest's
// size; nothing where there is none, or where it could not be told. `now`: the store's time.
BackupSweep backups_to_remove(BackupInventory const& inventory,
                              std::optional<std::string> const& newest_good,
                              EtcdBackupConfig const& config, UtcTime now);

}  // namespace haagent::bootstrap
