#include "bootstrap/etcd/member/started_with.h"

#include "agent/base/json.h"
#include "agent/base/sha256.h"

namespace haagent::bootstrap {
namespace {

// Five members, each with a name and a URL.
constexpr std::uint64_t kMostBytes = 64 * 1024;

std::filesystem::path started_with_path(Root const& root, EtcdCluster cluster) {
  return root(fmt::format("/var/lib/haagent/etcd-started-{}.json", to_string(cluster)));
}

std::optional<StartedWith> started_in_config(std::string const& bytes) {
  auto initial = initial_in_config(bytes);
  auto const heartbeat = heartbeat_in_config(bytes);
  if (!initial && !heartbeat) return std::nullopt;
  return StartedWith{.initial = std::move(initial).value_or(EtcdInitial{}),
                     .heartbeat = heartbeat.value_or(Duration(0)),
                     .configuration = sha256_hex(bytes)};
}

}  // namespace

Result<std::optional<StartedWith>> started_with(Root const& root, EtcdCluster cluster) {
  auto const file = read_file(root(etcd_config_path(cluster)));
  if (!file) return std::unexpected(file.error());
  auto const record = read_file(started_with_path(root, cluster), kMostBytes);
  auto recorded = record && *record ? started_in_record(**record) : std::nullopt;
  if (!*file) return recorded;
  if (recorded && recorded->configuration == sha256_hex(**file)) return recorded;
  return started_in_config(**file);
}

Result<void> record_start(Root const& root, EtcdCluster cluster, StartedWith const& started) {
  auto const path = started_with_path(root, cluster);
  if (auto made = make_directories(path.parent_path()); !made) return made;
  auto written = replace_file_if_changed(path, record_bytes(started));
  if (!written) return std::unexpected(written.error());
  return {};
}

std::string record_bytes(StartedWith const& started) {
  Tree members = Tree::list();
  for (auto const& member : started.initial.members)
    members.push_back(Tree::map({{"name", member.name}, {"peerUrl", member.peer_url}}));
  return json::print(
      Tree::map({{"initialCluster", std::move(members)},
                 {"initialClusterState", started.initial.existing ? "existing" : "new"},
                 {"heartbeatMilliseconds", std::int64_t{started.heartbeat.count()}},
                 {"configurationSha256", started.configuration}}));
}

std::optional<StartedWith> started_in_record(std::string_view bytes) {
  auto const tree = json::parse(bytes);
  if (!tree || !tree->is_map()) return std::nullopt;
  auto const* members = tree->find("initialCluster");
  auto const* heartbeat = tree->find("heartbeatMilliseconds");
  auto const milliseconds = heartbeat ? heartbeat->as_integer() : std::nullopt;
  auto const state = tree->text_at("initialClusterState");
  if (!members || !members->is_list() || members->items().empty() || !milliseconds ||
      *milliseconds < 0 || (state != "existing" && state != "new"))
    return std::nullopt;
  StartedWith started{.initial = {.members = {}, .existing = state == "existing"},
                      .heartbeat = Duration(*milliseconds),
                      .configuration = tree->text_at("configurationSha256")};
  for (auto const& each : members->items()) {
    InitialMember member{each.text_at("name"), each.text_at("peerUrl")};
    if (member.name.empty() || member.peer_url.empty()) return std::nullopt;
    started.initial.members.push_back(std::move(member));
  }
  return started;
}

}  // namespace haagent::bootstrap
