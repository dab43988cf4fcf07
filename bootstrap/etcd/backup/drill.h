// A restore beside the running cluster, to know that it would work and how long it takes: the
// backup is downloaded, held against its manifest, restored as a cluster of one into a scratch
// directory, and an etcd is started on it, on loopback, until it serves. Touches nothing but the
// scratch directory.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "bootstrap/etcd/backup/backup.h"

namespace haagent::bootstrap {

struct DrillStage {
  std::string what;  // "download and compare"
  Duration took{};
};
struct DrillReport {
  std::string name;                // of the backup
  std::vector<DrillStage> stages;  // those that succeeded
  std::string failure;             // of the stage after them; empty: a restore would work
  std::uint64_t revision = 0;      // that the restored etcd serves
  std::uint64_t db_size = 0;       // bytes
  Duration took() const;
};

// Errors: only where it could not be tried at all, as for want of space.
Result<DrillReport> restore_drill(EtcdCluster cluster, BackupDeps const& deps,
                                  BackupManifest const& manifest, std::stop_token stop);

}  // namespace haagent::bootstrap
