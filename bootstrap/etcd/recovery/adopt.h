// Volumes that were replaced by copies of themselves, all at once, as AWS Backup restores them:
// which one of them goes on as the cluster. Pure.
//
// Snapshots are of different moments, so that copies are no members that were merely away: an entry
// that two of them confirmed may be missing from a majority now, and votes are forgotten. Started
// as they are they could lose what the furthest one has, or disagree for ever. So one goes on
// alone, with all that it knows to be committed, and the others join it as new learners.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/etcd/recovery/recovery.h"

namespace haagent::bootstrap {

struct Adoption {
  std::string member;  // "b": whose data go on
  std::string volume_id;
  std::uint64_t cluster_id = 0;
  std::uint64_t dropped = 0;  // entries that it does not know to be committed
};

// Whether an attached volume's master may say soon what is on it: its agent looks twice first.
bool may_be_heard_of(SeenCluster const& seen);

// One line for each volume of the cluster: what it holds, and since when.
std::vector<std::string> what_volumes_hold(SeenCluster const& seen);

// What may be lost, and nobody can say; empty: nothing more than what the copy that goes on lacks.
std::string adoption_note(SeenCluster const& seen, Adoption const& adoption);

// The one that keeps most. Errors: refused where a cluster serves, where no volume is a copy, where
// masters that are not heard of could be a quorum without it, and without `newer_writes` where
// another volume or a backup keeps what this one does not, or may.
Result<Adoption> may_adopt(SeenCluster const& seen, std::optional<BackupManifest> const& newest,
                           LossFlags flags);

}  // namespace haagent::bootstrap
