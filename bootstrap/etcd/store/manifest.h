// What stands in the state store for each backup of an etcd cluster:
//
//   backups/<main|events>/<name>.db     the snapshot, as etcdctl saved it
//   backups/<main|events>/<name>.json   its manifest, written last: the commit mark
//
// A name begins with a time: "20260115T101500.123Z-etcd-a". It is the store's since haagent refuses
// to back up where this machine's clock does not agree with it; older ones took their own
// machine's, so that a name proves nothing. What is newest, and how old a backup is, goes by when
// the store says that it was stored. A snapshot without a manifest is no backup: an upload that was
// cut off, or one that was not verified.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/result.h"
#include "agent/base/state_store.h"

namespace haagent::bootstrap {

enum class BackupReason { scheduled, before_change, manual, pre_restore, imported };
std::string_view to_string(BackupReason reason);  // "scheduled", "before-change", ...

struct BackupManifest {
  std::string name;
  std::string cluster;                      // "prod.example.com"
  EtcdCluster etcd = EtcdCluster::main;     // which of its two
  std::string cluster_id;                   // hexadecimal
  std::string member;                       // that it was taken from: "etcd-a"
  std::uint64_t revision = 0;               // of the snapshot itself
  std::optional<std::uint64_t> total_keys;  // as etcd's own tool counts them
  std::uint64_t size = 0;                   // bytes of the .db file
  std::string sha256;                       // of the .db file, hexadecimal
  std::string etcd_version;                 // "3.5.30"
  std::string haagent_version;
  UtcTime created_at{};
  UtcTime verified_at{};  // read back from the store and restored into a scratch directory
  BackupReason reason = BackupReason::scheduled;
  bool operator==(BackupManifest const&) const = default;
};

std::string backup_folder(EtcdCluster cluster);  // "backups/main/"
std::string backup_data_key(EtcdCluster cluster, std::string_view name);
std::string backup_manifest_key(EtcdCluster cluster, std::string_view name);

std::string backup_name(UtcTime created, std::string_view member);
// Of a snapshot of another cluster (import.h): "20260115T101500.123Z-imported-etcd-snapshot", where
// the file's name allows. Such a one is never swept and never taken without being named.
std::string import_name(UtcTime now, std::string_view file_name);
bool is_import(std::string_view name);
// The time that a name begins with; nothing for what is no backup's name.
std::optional<UtcTime> backup_time(std::string_view name);

std::string manifest_json(BackupManifest const& manifest);
// Errors: invalid, naming what is missing or wrong. `name` is the one that its key has.
Result<BackupManifest> parse_manifest(std::string_view name, std::string_view bytes);

// What a listing of backup_folder() shows, oldest first by the store's clock.
struct BackupEntry {
  std::string name;
  UtcTime created{};  // as the name says, whatever clock that was
  bool has_manifest = false;
  bool has_data = false;
  std::uint64_t data_size = 0;  // bytes, as the store says
  UtcTime stored{};             // the later of the two objects, by the store's clock
  bool complete() const { return has_manifest && has_data; }
  bool imported() const { return is_import(name); }
  // When it was taken, as far as both clocks agree: nobody stores what was not taken yet, and a
  // bucket that was copied has stored everything today.
  UtcTime taken() const { return std::min(created, stored); }
};
struct BackupInventory {
  std::vector<BackupEntry> entries;
  std::vector<std::string> strangers;  // keys that are not of this scheme; never touched

  // The complete one that was stored last, of this cluster's own; null where there is none.
  BackupEntry const* newest() const;
  // The same, whosever it was.
  BackupEntry const* newest_of_all() const;
  BackupEntry const* find(std::string_view name) const;
};
BackupInventory backup_inventory(EtcdCluster cluster, std::vector<StoredEntry> const& listed);

}  // namespace haagent::bootstrap
