// One backup, from a running member to a manifest in the store; and what is read of the store's.
//
// A backup is verified by what came back: the object is downloaded again, its bytes are compared
// with those that were sent, and a member is restored from the downloaded file into a scratch
// directory. So a manifest, which is written last, says of the bytes in the store, and not of a
// local file, that a restore takes them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/process.h"
#include "agent/base/state_store.h"
#include "agent/base/store_clock.h"
#include "bootstrap/etcd/backup/backup_retention.h"
#include "bootstrap/etcd/backup/scratch.h"
#include "bootstrap/etcd/backup/snapshot.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/store/manifest.h"

namespace haagent::bootstrap {

// What backups work with. All of it outlives them.
struct BackupDeps {
  NodeConfig const& config;
  Root root;
  Http& http;
  Clock& clock;
  Process& process;
  StateStore& store;
  std::string haagent_version;
  // Shared by all of a boot. Unset: each makes its own.
  std::shared_ptr<StoreClock> time = {};
};

struct ListedBackup {
  BackupEntry entry;
  std::optional<BackupManifest> manifest;
  std::string problem;  // why there is no manifest, or why it cannot be used; empty: good
};
struct BackupList {
  std::vector<ListedBackup> backups;  // oldest first
  std::vector<std::string> strangers;
};

class Backups {
 public:
  Backups(EtcdCluster cluster, BackupDeps const& deps);

  // Of one list call; reads no manifest.
  Result<BackupInventory> inventory(std::stop_token stop);
  // Reads every manifest; one that cannot be read is reported, and is no error.
  Result<BackupList> list(std::stop_token stop);
  // The one stored last whose manifest reads and whose snapshot is there with its size; nothing:
  // none.
  Result<std::optional<BackupManifest>> newest_good(BackupInventory const& inventory,
                                                    std::stop_token stop);
  // The one that a restore without a name takes: best_backup() of all.
  Result<std::optional<BackupManifest>> best(std::stop_token stop);
  // From the member at that endpoint.
  Result<BackupManifest> take(std::string const& endpoint, BackupReason reason,
                              std::stop_token stop);
  // The last part of that, with a snapshot that is in a file of the folder: uploads it, verifies
  // what comes back, writes the manifest, of which name, size, hash and revision are known. The
  // file is gone afterwards.
  Result<BackupManifest> keep(BackupManifest manifest, std::filesystem::path const& file,
                              ScratchFolder const& folder, std::stop_token stop);
  // Downloads it, and holds it against its manifest. The file is there only when all is well.
  Result<void> fetch(BackupManifest const& manifest, std::filesystem::path const& file,
                     std::stop_token stop);
  // What backups_to_remove() says, removed. Errors also: transient, with nothing removed, where
  // this machine's clock is wrong or the store's times contradict each other.
  Result<BackupSweep> sweep(std::stop_token stop);

  StoreClock& time() const { return *deps_.time; }
  SnapshotTools tools() const;
  Result<ScratchFolder> scratch(std::string_view purpose, std::uint64_t bytes) const;
  std::filesystem::path scratch_place() const;  // of all of them; made or not
  EtcdCluster cluster() const { return cluster_; }

 private:
  Result<ListedBackup> read(BackupEntry const& entry, std::stop_token stop);
  EtcdCluster const cluster_;
  BackupDeps deps_;
};

// Of the good ones that were taken of this cluster, that which holds most of the cluster that lived
// last. Backups of one cluster go by their revision, which no clock can falsify; of several
// clusters (a restore makes a new one), the one that was backed up last. Null: there is none.
BackupManifest const* best_backup(BackupList const& list);

// What a scratch restore of so large a snapshot takes: the snapshot, the database, etcd's first log
// files.
std::uint64_t restore_space(std::uint64_t snapshot_size);

}  // namespace haagent::bootstrap
