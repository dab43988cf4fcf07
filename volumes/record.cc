#include "volumes/record.h"

#include "agent/base/json.h"

namespace haagent::volumes {
namespace {

Tree to_tree(EtcdVolume const& volume) {
  std::vector<Tree> members(volume.members.begin(), volume.members.end());
  return Tree::map({{"volumeId", volume.volume_id},
                    {"zone", volume.zone},
                    {"member", volume.member},
                    {"members", Tree::list(std::move(members))},
                    {"etcdClusterId", volume.etcd_cluster_id},
                    {"formattedAt", volume.formatted_at},
                    {"formatting", volume.formatting},
                    {"snapshotId", volume.snapshot_id},
                    {"device", volume.device_name},
                    {"sizeGib", volume.size_gib}});
}

std::optional<EtcdVolume> from_tree(Tree const& tree, std::string const& instance_id) {
  auto const* members = tree.find("members");
  auto const* size = tree.find("sizeGib");
  EtcdVolume volume{.volume_id = tree.text_at("volumeId"),
                    .zone = tree.text_at("zone"),
                    .member = tree.text_at("member"),
                    .etcd_cluster_id = tree.text_at("etcdClusterId"),
                    .formatted_at = tree.text_at("formattedAt"),
                    .formatting = tree.text_at("formatting"),
                    .snapshot_id = tree.text_at("snapshotId"),
                    .instance_id = instance_id,
                    .device_name = tree.text_at("device"),
                    .size_gib = size ? size->as_unsigned().value_or(0) : 0};
  if (members)
    for (auto const& each : members->items()) volume.members.push_back(each.text());
  if (volume.volume_id.empty() || volume.member.empty() || volume.members.empty())
    return std::nullopt;
  return volume;
}

// The record of this instance; null where there is none.
Tree read(std::filesystem::path const& path, std::string const& instance_id) {
  auto bytes = read_file(path);
  if (!bytes || !*bytes) return {};
  auto tree = json::parse(**bytes);
  if (!tree || tree->text_at("instanceId") != instance_id) return {};
  return *std::move(tree);
}

}  // namespace

std::optional<EtcdVolume> Record::find(std::string const& instance_id, EtcdCluster cluster) const {
  std::lock_guard lock(mutex_);
  auto tree = read(path_, instance_id);
  auto const* volumes = tree.find("volumes");
  auto const* volume = volumes ? volumes->find(to_string(cluster)) : nullptr;
  return volume ? from_tree(*volume, instance_id) : std::nullopt;
}

Result<void> Record::keep(std::string const& instance_id, EtcdCluster cluster,
                          EtcdVolume const& volume) {
  return change(instance_id, cluster, volume);
}

Result<void> Record::forget(std::string const& instance_id, EtcdCluster cluster) {
  return change(instance_id, cluster, std::nullopt);
}

Result<void> Record::change(std::string const& instance_id, EtcdCluster cluster,
                            std::optional<EtcdVolume> const& volume) {
  std::lock_guard lock(mutex_);
  auto tree = read(path_, instance_id);
  if (!tree.is_map()) tree = Tree::map({{"instanceId", instance_id}});
  auto& volumes = tree["volumes"];
  if (!volumes.is_map()) volumes = Tree::map();
  if (volume)
    volumes.set(to_string(cluster), to_tree(*volume));
  else
    volumes.erase(to_string(cluster));
  TRY(make_directories(path_.parent_path(), 0700));
  return replace_file(path_, json::print(tree, 2), {.mode = 0600});
}

}  // namespace haagent::volumes
