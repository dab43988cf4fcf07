// A snapshot of another cluster (etcdctl snapshot save, kubeadm's, RKE2's and k3s's), brought into
// the state store as a backup that `haagent etcd restore NAME` takes.
//
// It is verified as our own are, and by an etcd that is started on it: what other tools have made
// is known by nothing but what it does here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "bootstrap/etcd/backup/backup.h"

namespace haagent::bootstrap {

struct ImportFile {
  std::filesystem::path path;  // the snapshot itself, unpacked; it is not changed
  std::string name;            // as the operator knows it: "etcd-snapshot-master1-1760000000.zip"
  // Taken though it has no hash behind it (a copy of member/snap/db), or another one.
  bool skip_hash_check = false;
};

struct Imported {
  BackupManifest manifest;
  std::uint64_t registry_keys = 0;  // below /registry/
  bool hash_checked = true;
};

// What a snapshot file is, told by its bytes alone.
struct ForeignSnapshot {
  bool has_hash = false;       // and it is the right one
  std::uint64_t database = 0;  // bytes before the hash, or all
  std::string etcd_version;    // "3.5.0": of the cluster it was taken from; empty: it does not say
};
// Errors: invalid, saying what the file looks like and what to do, where it is none, cut off,
// damaged, or without its hash and skip_hash_check is not set.
Result<ForeignSnapshot> look_at_snapshot(ImportFile const& file);

// Errors also: refused where the etcd that is installed is older than the one it comes from, or
// where it holds nothing of Kubernetes; transient where this machine's clock is wrong.
Result<Imported> import_snapshot(EtcdCluster cluster, BackupDeps const& deps,
                                 ImportFile const& file, std::stop_token stop);

}  // namespace haagent::bootstrap
