#include "bootstrap/etcd/store/manifest.h"

#include <algorithm>
#include <map>

#include "agent/base/json.h"
#include "bootstrap/etcd/store/stored_fields.h"

namespace haagent::bootstrap {
namespace {

constexpr int kSchema = 1;
constexpr std::size_t kTimeLength = sizeof("20260115T101500.123Z") - 1;
constexpr std::string_view kImported = "imported";  // no member has this name
constexpr std::size_t kLongestFileName = 60;
constexpr BackupReason kReasons[] = {BackupReason::scheduled, BackupReason::before_change,
                                     BackupReason::manual, BackupReason::pre_restore,
                                     BackupReason::imported};

}  // namespace

std::string_view to_string(BackupReason reason) {
  switch (reason) {
    case BackupReason::scheduled:
      return "scheduled";
    case BackupReason::before_change:
      return "before-change";
    case BackupReason::manual:
      return "manual";
    case BackupReason::pre_restore:
      return "pre-restore";
    case BackupReason::imported:
      return "imported";
  }
  return "scheduled";
}

std::string backup_folder(EtcdCluster cluster) {
  return fmt::format("backups/{}/", to_string(cluster));
}

std::string backup_data_key(EtcdCluster cluster, std::string_view name) {
  return fmt::format("{}{}.db", backup_folder(cluster), name);
}

std::string backup_manifest_key(EtcdCluster cluster, std::string_view name) {
  return fmt::format("{}{}.json", backup_folder(cluster), name);
}

std::string backup_name(UtcTime created, std::string_view member) {
  return fmt::format("{}-{}", time_in_name(created), member);
}

std::string import_name(UtcTime now, std::string_view file_name) {
  std::string word;
  for (char const c : file_name.substr(0, kLongestFileName)) {
    bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || c == '.' || c == '_')
      word += c;
    else if (!word.empty() && word.back() != '-')
      word += '-';
  }
  while (word.ends_with('-') || word.ends_with('.')) word.pop_back();
  return backup_name(now,
                     word.empty() ? std::string(kImported) : fmt::format("{}-{}", kImported, word));
}

bool is_import(std::string_view name) {
  if (name.size() < kTimeLength + 1) return false;
  auto const rest = name.substr(kTimeLength + 1);
  return rest == kImported || rest.starts_with(fmt::format("{}-", kImported));
}

std::optional<UtcTime> backup_time(std::string_view name) {
  if (name.size() < kTimeLength + 2 || name[kTimeLength] != '-' || !is_plain_text(name))
    return std::nullopt;
  auto const text = name.substr(0, kTimeLength);
  // 20260115T101500.123Z as 2026-01-15T10:15:00.123Z; what it parses to must print as it stands.
  auto const time =
      parse_rfc3339(fmt::format("{}-{}-{}:{}:{}", text.substr(0, 4), text.substr(4, 2),
                                text.substr(6, 5), text.substr(11, 2), text.substr(13)));
  if (!time || time_in_name(*time) != text) return std::nullopt;
  return time;
}

std::string manifest_json(BackupManifest const& manifest) {
  auto tree = Tree::map({{"schema", kSchema},
                         {"cluster", manifest.cluster},
                         {"etcd", to_string(manifest.etcd)},
                         {"clusterId", manifest.cluster_id},
                         {"member", manifest.member},
                         {"revision", manifest.revision},
                         {"size", manifest.size},
                         {"sha256", manifest.sha256},
                         {"etcdVersion", manifest.etcd_version},
                         {"haagentVersion", manifest.haagent_version},
                         {"createdAt", to_rfc3339(manifest.created_at, /*milliseconds=*/true)},
                         {"verifiedAt", to_rfc3339(manifest.verified_at, /*milliseconds=*/true)},
                         {"reason", to_string(manifest.reason)}});
  if (manifest.total_keys) tree["totalKeys"] = *manifest.total_keys;
  return json::print(tree, 2);
}

Result<BackupManifest> parse_manifest(std::string_view name, std::string_view bytes) {
  auto bad = [](std::string_view why) {
    return fail(Kind::invalid, "it is no manifest of a backup: {}", why);
  };
  if (!backup_time(name)) return bad("its key is no backup's name");
  auto tree = json::parse(bytes);
  if (!tree) return bad(tree.error().message.sentence());
  if (!tree->is_map()) return bad("it is no JSON object");
  StoredFields read(*tree);
  // A newer haagent may add fields; it raises the schema where an older one must not read on.
  if (read.number("schema") != kSchema) read.complain("schema", "is not 1: a newer haagent's");
  BackupManifest manifest;
  manifest.name = name;
  manifest.cluster = read.text("cluster");
  auto const etcd = read.text("etcd");
  if (etcd == to_string(EtcdCluster::events)) {
    manifest.etcd = EtcdCluster::events;
  } else if (etcd != to_string(EtcdCluster::main)) {
    read.complain("etcd", "is neither main nor events");
  }
  manifest.cluster_id = read.hex("clusterId", 16);
  manifest.member = read.text("member");
  manifest.revision = read.number("revision");
  if (tree->find("totalKeys")) manifest.total_keys = read.number("totalKeys");
  manifest.size = read.number("size");
  manifest.sha256 = read.hex("sha256", 64);
  if (manifest.sha256.size() != 64) read.complain("sha256", "is not of 64 digits");
  manifest.etcd_version = read.text("etcdVersion");
  manifest.haagent_version = read.text("haagentVersion");
  manifest.created_at = read.time("createdAt");
  manifest.verified_at = read.time("verifiedAt");
  auto const reason = read.text("reason");
  auto const known =
      std::ranges::find(kReasons, reason, [](BackupReason each) { return to_string(each); });
  if (known == std::end(kReasons)) {
    read.complain("reason", "is none that this haagent knows");
  } else {
    manifest.reason = *known;
  }
  if (!read.complaint().empty()) return bad(read.complaint());
  return manifest;
}

BackupEntry const* BackupInventory::newest() const {
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
    if (entry->complete() && !entry->imported()) return &*entry;
  return nullptr;
}

BackupEntry const* BackupInventory::newest_of_all() const {
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
    if (entry->complete()) return &*entry;
  return nullptr;
}

BackupEntry const* BackupInventory::find(std::string_view name) const {
  auto const found = std::ranges::find(entries, name, &BackupEntry::name);
  return found == entries.end() ? nullptr : &*found;
}

BackupInventory backup_inventory(EtcdCluster cluster, std::vector<StoredEntry> const& listed) {
  BackupInventory inventory;
  std::map<std::string, BackupEntry, std::less<>> entries;
  auto const folder = backup_folder(cluster);
  for (auto const& object : listed) {
    auto name = std::string_view(object.key);
    bool const ours = name.starts_with(folder);
    if (ours) name.remove_prefix(folder.size());
    bool const manifest = name.ends_with(".json");
    bool const data = name.ends_with(".db");
    if (manifest || data) name.remove_suffix(manifest ? 5 : 3);
    auto const time = ours && (manifest || data) ? backup_time(name) : std::nullopt;
    if (!time) {
      inventory.strangers.push_back(object.key);
      continue;
    }
    auto& entry = entries[std::string(name)];
    entry.name = name;
    entry.created = *time;
    entry.stored = std::max(entry.stored, object.modified);
    if (manifest) entry.has_manifest = true;
    if (data) {
      entry.has_data = true;
      entry.data_size = object.size;
    }
  }
  for (auto& [name, entry] : entries) inventory.entries.push_back(std::move(entry));
  std::ranges::stable_sort(inventory.entries, {}, &BackupEntry::stored);
  return inventory;
}

}  // namespace haagent::bootstrap
