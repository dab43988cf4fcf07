#include "agent/base/volume_marker.h"

#include "agent/base/files.h"
#include "agent/base/json.h"

namespace haagent {
namespace {

constexpr std::size_t kCap = 64u << 10u;

std::unexpected<Error> not_a_marker(std::filesystem::path const& path, std::string_view why) {
  return fail(
      Kind::refused,
      "{} is no volume marker ({}): the volume is left alone; look at what it holds, and put "
      "the marker right or use another volume",
      path.string(), why);
}

Result<std::optional<Tree>> read_tree(std::filesystem::path const& path) {
  auto bytes = read_file(path, kCap);
  if (!bytes) {
    if (bytes.error().kind == Kind::invalid)
      return not_a_marker(path, bytes.error().message.sentence());
    return std::unexpected(bytes.error());
  }
  if (!*bytes) return std::nullopt;
  auto tree = json::parse(**bytes);
  if (!tree) return not_a_marker(path, tree.error().message.sentence());
  if (!tree->is_map()) return not_a_marker(path, "it is no JSON object");
  return *std::move(tree);
}

Tree lay_over(Tree tree, VolumeMarker const& marker) {
  tree.set("cluster", marker.cluster);
  tree.set("etcd", marker.etcd);
  tree.set("member", marker.member);
  tree.set("members", Tree::list({marker.members.begin(), marker.members.end()}));
  tree.set("volumeId", marker.volume_id);
  tree.set("formattedAt", marker.formatted_at);
  tree.set("etcdClusterId", marker.etcd_cluster_id);
  // What is not known is not written; what is no longer known is written over.
  for (auto const& [key, value] : {std::pair{"etcdVersion", &marker.etcd_version},
                                   {"etcdDataVersion", &marker.etcd_data_version},
                                   {"etcdOrder", &marker.request_id},
                                   {"snapshotId", &marker.snapshot_id}}) {
    if (!value->empty() || tree.find(key)) tree.set(key, *value);
  }
  return tree;
}

}  // namespace

std::filesystem::path volume_marker_path(std::filesystem::path const& mount_point) {
  return mount_point / "haagent.json";
}

Result<std::optional<VolumeMarker>> read_volume_marker(std::filesystem::path const& mount_point) {
  auto path = volume_marker_path(mount_point);
  auto tree = TRY(read_tree(path));
  if (!tree) return std::nullopt;

  VolumeMarker marker;
  for (auto [key, member] : {std::pair{"cluster", &VolumeMarker::cluster},
                             {"etcd", &VolumeMarker::etcd},
                             {"member", &VolumeMarker::member},
                             {"volumeId", &VolumeMarker::volume_id}}) {
    auto const* value = tree->find(key);
    if (!value || !value->is_string() || value->text().empty())
      return not_a_marker(path, fmt::format("'{}' is missing", key));
    marker.*member = value->text();
  }
  auto const* members = tree->find("members");
  if (!members || !members->is_list() || members->items().empty())
    return not_a_marker(path, "'members' is missing");
  for (auto const& each : members->items()) marker.members.push_back(each.text());
  marker.formatted_at = tree->text_at("formattedAt");
  marker.etcd_cluster_id = tree->text_at("etcdClusterId");
  marker.etcd_version = tree->text_at("etcdVersion");
  marker.etcd_data_version = tree->text_at("etcdDataVersion");
  marker.request_id = tree->text_at("etcdOrder");
  marker.snapshot_id = tree->text_at("snapshotId");
  return marker;
}

std::string volume_marker_json(VolumeMarker const& marker) {
  return json::print(lay_over(Tree::map(), marker));
}

Result<void> write_volume_marker(std::filesystem::path const& mount_point,
                                 VolumeMarker const& marker) {
  auto path = volume_marker_path(mount_point);
  auto before = TRY(read_tree(path));
  auto tree = lay_over(before.value_or(Tree::map()), marker);
  return replace_file(path, json::print(tree, 2), {.mode = 0600});
}

}  // namespace haagent
