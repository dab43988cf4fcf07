// etcd's configuration file. With --config-file etcd ignores every other flag and the environment,
// so this is all that it is told; and its defaults there are not quite the flags' defaults (the
// JSON gateway of 3.4 is off), so what haagent counts on is always written.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/node_config.h"
#include "agent/base/result.h"
#include "bootstrap/etcd/client/version.h"
#include "bootstrap/etcd/member/timing.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {

// How a first start finds its cluster. etcd reads over it once there is data.
struct EtcdInitial {
  std::vector<InitialMember> members;
  bool existing = false;  // join; else form
  // Only to make the one surviving member a cluster of its own, and never for longer: it takes
  // every other member out of the list. Nobody but this machine reaches such an etcd.
  bool alone = false;
  bool operator==(EtcdInitial const&) const = default;
};

// etcd's configuration keys that extraConfig must not set: which data, which cluster, and whether a
// write is on disk when it is acknowledged. Those are haagent's own.
std::span<std::string_view const> own_etcd_keys();

// The file's bytes; `derived_heartbeat` is for what the config does not set (timing.h). Errors:
// invalid where the version is not supported, or where extraConfig sets one of own_etcd_keys().
Result<std::string> render_etcd_config(NodeConfig const& config, EtcdCluster cluster,
                                       std::string const& member,
                                       std::filesystem::path const& data_dir, EtcdVersion version,
                                       EtcdInitial const& initial,
                                       Duration derived_heartbeat = kDefaultHeartbeat);

// What an earlier file says, so that a later one says the same; nothing where it cannot be read.
std::optional<EtcdInitial> initial_in_config(std::string_view bytes);
// The heartbeat that it gives etcd; the same.
std::optional<Duration> heartbeat_in_config(std::string_view bytes);

}  // namespace haagent::bootstrap
