// A backup's manifest, and the name that its key has: any role that may write to the bucket can
// have written them. The first line is the name, the rest the manifest.
#include "bootstrap/etcd/store/manifest.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void backup_manifest(std::string_view bytes) {
  using namespace bootstrap;
  auto const end = std::min(bytes.find('\n'), bytes.size());
  auto const name = bytes.substr(0, end);
  auto const text = bytes.substr(std::min(end + 1, bytes.size()));

  std::vector<StoredEntry> listed;
  for (auto const* ending : {".db", ".json"})
    listed.push_back({backup_folder(EtcdCluster::main) + std::string(name) + ending, 1, {}});
  auto const inventory = backup_inventory(EtcdCluster::main, listed);
  hold(inventory.entries.size() + inventory.strangers.size() / 2 == 1,
       "a name is a backup's or a stranger's");
  if (auto time = backup_time(name)) {
    hold(name.starts_with(backup_name(*time, "")), "a name's time prints as it stands there");
    hold(inventory.entries.size() == 1 && inventory.entries[0].complete(), "both are one backup");
    hold(check_key(backup_data_key(EtcdCluster::main, name)).has_value() || name.size() > 200,
         "a backup's name makes a key");
  }

  auto manifest = parse_manifest(name, text);
  if (!manifest) {
    hold_error(manifest.error(), {Kind::invalid});
    return;
  }
  hold_printable(manifest->cluster + manifest->member + manifest->sha256 + manifest->name);
  auto again = parse_manifest(name, manifest_json(*manifest));
  hold(again && *again == *manifest, "a manifest that is written reads as the same");
}

}  // namespace haagent::fuzz
