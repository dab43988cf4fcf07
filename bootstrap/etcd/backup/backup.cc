#include "bootstrap/etcd/backup/backup.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "agent/base/progress.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLogFiles = 160ull << 20u;  // etcd allocates 64 MiB at a time, two ahead

}  // namespace

std::uint64_t restore_space(std::uint64_t snapshot_size) {
  return 2 * snapshot_size + kLogFiles;
}

BackupManifest const* best_backup(BackupList const& list) {
  auto const counts = [](ListedBackup const& one) {
    return one.problem.empty() && one.manifest && !one.entry.imported();
  };
  std::map<std::string_view, UtcTime> lived;  // until then at least, by the cluster's id
  for (auto const& one : list.backups)
    if (counts(one)) {
      auto& until = lived[one.manifest->cluster_id];
      until = std::max(until, one.entry.taken());
    }
  ListedBackup const* best = nullptr;
  auto const rank = [&](ListedBackup const& one) {
    return std::tuple(lived[one.manifest->cluster_id], one.manifest->cluster_id,
                      one.manifest->revision, one.entry.stored);
  };
  for (auto const& one : list.backups)
    if (counts(one) && (!best || rank(*best) < rank(one))) best = &one;
  return best ? &*best->manifest : nullptr;
}

Backups::Backups(EtcdCluster cluster, BackupDeps const& deps) : cluster_(cluster), deps_(deps) {
  if (!deps_.time) deps_.time = std::make_shared<StoreClock>(deps_.store, deps_.clock);
}

SnapshotTools Backups::tools() const {
  auto const& config = deps_.config.etcd;
  auto directory = config.backups.tools.empty() ? fs::path(config.binary).parent_path()
                                                : fs::path(config.backups.tools);
  return {deps_.process, std::move(directory), etcd_client_tls(deps_.root)};
}

Result<ScratchFolder> Backups::scratch(std::string_view purpose, std::uint64_t bytes) const {
  return ScratchFolder::make(scratch_place(), purpose, cluster_, bytes);
}

fs::path Backups::scratch_place() const {
  return deps_.root(deps_.config.etcd.backups.scratch);
}

Result<BackupInventory> Backups::inventory(std::stop_token stop) {
  auto listed = TRY_DURING(deps_.store.list(backup_folder(cluster_), std::move(stop)),
                           "listing backups in {}", deps_.store.where());
  return backup_inventory(cluster_, listed);
}

Result<ListedBackup> Backups::read(BackupEntry const& entry, std::stop_token stop) {
  ListedBackup listed{.entry = entry, .manifest = {}, .problem = {}};
  if (!entry.has_manifest) {
    listed.problem = "it has no manifest: its upload was not finished, or it failed verification";
    return listed;
  }
  auto object =
      TRY_DURING(deps_.store.get(backup_manifest_key(cluster_, entry.name), std::move(stop)),
                 "reading the manifest of {}", entry.name);
  if (!object) {
    listed.problem = "its manifest is gone";
    return listed;
  }
  auto manifest = parse_manifest(entry.name, object->bytes);
  if (!manifest) {
    listed.problem = manifest.error().message.sentence();
    return listed;
  }
  if (manifest->etcd != cluster_) {
    listed.problem = fmt::format("it is of the cluster {}", to_string(manifest->etcd));
  } else if (manifest->cluster != deps_.config.cluster.name) {
    listed.problem =
        fmt::format("it is of {}: two clusters share one state store", manifest->cluster);
  } else if (!entry.has_data) {
    listed.problem = "its snapshot is gone";
  } else if (entry.data_size != manifest->size) {
    listed.problem = fmt::format("its snapshot has {} bytes and its manifest says {}",
                                 entry.data_size, manifest->size);
  }
  manifest->created_at = std::min(manifest->created_at, entry.stored);  // BackupEntry::taken()
  listed.manifest = *std::move(manifest);
  return listed;
}

Result<BackupList> Backups::list(std::stop_token stop) {
  auto seen = TRY(inventory(stop));
  BackupList list{.backups = {}, .strangers = seen.strangers};
  for (auto const& entry : seen.entries) {
    auto one = TRY(read(entry, stop));
    list.backups.push_back(std::move(one));
  }
  return list;
}

Result<std::optional<BackupManifest>> Backups::newest_good(BackupInventory const& seen,
                                                           std::stop_token stop) {
  for (auto entry = seen.entries.rbegin(); entry != seen.entries.rend(); ++entry) {
    if (!entry->complete() || entry->imported()) continue;
    auto one = TRY(read(*entry, stop));
    if (one.problem.empty()) return std::move(one.manifest);
  }
  return std::nullopt;
}

Result<std::optional<BackupManifest>> Backups::best(std::stop_token stop) {
  auto const all = TRY(list(std::move(stop)));
  auto const* found = best_backup(all);
  return found ? std::optional(*found) : std::nullopt;
}

Result<void> Backups::fetch(BackupManifest const& manifest, fs::path const& file,
                            std::stop_token stop) {
  auto const key = backup_data_key(cluster_, manifest.name);
  {
    Work const work("download of " + manifest.name, Progress::Unit::bytes, manifest.size);
    TRY_DURING(deps_.store.download(key, file, std::move(stop)), "downloading {}", manifest.name);
  }
  auto checked = check_snapshot_file(file);
  auto const wrong = !checked ? checked.error().message.sentence()
                     : checked->sha256 != manifest.sha256
                         ? fmt::format("its bytes have the hash {} and its manifest says {}",
                                       checked->sha256, manifest.sha256)
                         : "";
  if (wrong.empty()) return {};
  std::error_code ignored;
  fs::remove(file, ignored);
  return fail(Kind::invalid, Reason::BackupDamaged, "backup {} in {} is damaged: {}", manifest.name,
              deps_.store.where(), wrong);
}

Result<BackupManifest> Backups::take(std::string const& endpoint, BackupReason reason,
                                     std::stop_token stop) {
  auto const now = TRY_DURING(time().agreed(stop), "no backup is taken");
  auto const tls = etcd_client_tls(deps_.root);
  EtcdClient client(deps_.http, {endpoint}, tls);
  auto status = TRY_DURING(client.status(stop), "asking {} how large its database is", endpoint);
  auto members = client.members(Consistency::local, stop);
  auto name = etcd_id_text(status.header.member_id);
  if (members)
    for (auto const& member : members->members)
      if (member.id == status.header.member_id && !member.name.empty()) name = member.name;

  BackupManifest manifest{.cluster = deps_.config.cluster.name,
                          .etcd = cluster_,
                          .cluster_id = etcd_id_text(status.header.cluster_id),
                          .member = name,
                          .etcd_version = status.version,
                          .haagent_version = deps_.haagent_version,
                          .created_at = std::chrono::floor<Duration>(now),
                          .reason = reason};
  manifest.name = backup_name(manifest.created_at, name);
  // What stays of them is in the way of the next one at most.
  for (auto const cluster : kEtcdClusters) (void)drop_abandoned_scratch(scratch_place(), cluster);
  auto folder = TRY(scratch(to_string(reason), restore_space(status.db_size)));

  auto tool = tools();
  auto const saved = folder.path() / "saved.db";
  TRY(tool.save(endpoint, saved, status.db_size, stop));
  auto file = TRY(check_snapshot_file(saved));
  auto content = TRY(tool.status(saved, stop));
  manifest.size = file.size;
  manifest.sha256 = file.sha256;
  manifest.revision = content.revision;
  manifest.total_keys = content.total_keys;

  return keep(std::move(manifest), saved, folder, std::move(stop));
}

Result<BackupManifest> Backups::keep(BackupManifest manifest, fs::path const& saved,
                                     ScratchFolder const& folder, std::stop_token stop) {
  auto tool = tools();
  auto const key = backup_data_key(cluster_, manifest.name);
  {
    Work const work("upload of " + manifest.name, Progress::Unit::bytes, manifest.size);
    TRY_DURING(deps_.store.upload(key, saved, stop), "uploading {} to {}", manifest.name,
               deps_.store.where());
  }
  std::error_code ignored;
  fs::remove(saved, ignored);

  auto const back = folder.path() / "back.db";
  TRY(fetch(manifest, back, stop));
  auto const own = InitialMember{.name = "verify", .peer_url = "http://127.0.0.1:2380"};
  RestoreSpec const spec{.name = own.name,
                         .members = {own},
                         .token = "verify",
                         .data_dir = folder.path() / "data",
                         .bump = false};
  TRY_DURING(tool.restore(back, spec, stop), "verifying {}", manifest.name);
  auto again = TRY_DURING(tool.status(spec.data_dir / "member" / "snap" / "db", stop),
                          "verifying {}", manifest.name);
  if (again.revision != manifest.revision)
    return fail(Kind::invalid, Reason::RestoreDiffers,
                "verifying {}: the restored database stands at revision {}, and the "
                "snapshot at {}",
                manifest.name, again.revision, manifest.revision);

  manifest.verified_at = std::chrono::floor<Duration>(time().utc());
  auto const key_of_manifest = backup_manifest_key(cluster_, manifest.name);
  auto const bytes = manifest_json(manifest);
  auto committed = TRY_DURING(deps_.store.create(key_of_manifest, bytes, stop),
                              "writing the manifest of {}", manifest.name);
  if (!committed) {
    // An answer that was lost, or somebody else in the same millisecond.
    auto there = TRY_DURING(deps_.store.get(key_of_manifest, std::move(stop)),
                            "reading the manifest of {}", manifest.name);
    if (!there || there->bytes != bytes)
      return fail(Kind::transient, "another backup has the name {}", manifest.name);
  }
  return manifest;
}

Result<BackupSweep> Backups::sweep(std::stop_token stop) {
  auto seen = TRY(inventory(stop));
  auto good = TRY(newest_good(seen, stop));
  auto const now = TRY_DURING(time().agreed(stop), "no old backups are removed");
  auto sweep = backups_to_remove(seen, good ? std::optional(good->name) : std::nullopt,
                                 deps_.config.etcd.backups, now);
  if (!sweep.why_none.empty())
    return fail(Kind::transient, Reason::SweepFailing, "{}", sweep.why_none);
  for (auto const& removal : sweep.removals) {
    // The commit mark first: anyone who is stopped in between leaves an unfinished upload.
    for (auto const& key :
         {backup_manifest_key(cluster_, removal.name), backup_data_key(cluster_, removal.name)})
      TRY_DURING(deps_.store.remove(key, stop), "removing the old backup {}", removal.name);
  }
  return sweep;
}

}  // namespace haagent::bootstrap
