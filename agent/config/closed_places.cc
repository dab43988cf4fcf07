#include "agent/config/closed_places.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "agent/base/read_only.h"
#include "agent/config/values.h"

namespace haagent {

std::string closed_places(Root const& root, NodeConfig const& config) {
  std::vector<std::pair<std::string, std::string>> places;
  if (config.role == Role::master) {
    places.emplace_back("volumes.mountRoot", config.volumes.mount_root);
    if (config.etcd.backups.enabled)
      places.emplace_back("etcd.backups.scratch", config.etcd.backups.scratch);
  }
  if (auto const store = parse_state(config.cluster.state); store && !store->folder.empty())
    places.emplace_back("cluster.state", store->folder);
  std::string told;
  for (auto const& [key, folder] : places) {
    auto const place = read_only_place(root(folder));
    if (!place) continue;
    // The folder itself, which may not be there yet, wherever its links lead.
    std::error_code error;
    auto const real = std::filesystem::weakly_canonical(root(folder), error);
    auto const todo = how_to_open(error ? *place : real);
    told += fmt::format("{}{}: {} is read-only for this process", told.empty() ? "" : ". ", key,
                        place->string());
    if (todo.empty()) continue;
    told += fmt::format("; make {} where it is not there yet. {}", folder, todo);
    if (key == "volumes.mountRoot")
      told +=
          "; haagent-volumes@.service and haagent-etcd@.service need it as well, see "
          "haagent.service(8)";
  }
  return told;
}

}  // namespace haagent
