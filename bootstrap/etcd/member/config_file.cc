#include "bootstrap/etcd/member/config_file.h"

#include <algorithm>

#include "agent/base/yaml.h"
#include "bootstrap/layout/trust.h"

namespace haagent::bootstrap {
namespace {

constexpr std::string_view kOwnKeys[] = {
    "name",
    "data-dir",
    "wal-dir",
    "initial-cluster",
    "initial-cluster-state",
    "initial-cluster-token",
    "initial-advertise-peer-urls",
    "discovery",
    "discovery-srv",
    "force-new-cluster",
    "strict-reconfig-check",
    "enable-grpc-gateway",
    "unsafe-no-fsync",
};

constexpr std::int64_t kProgressNanoseconds = 5'000'000'000;  // as kubeadm has it

// etcd reads certificate and key again for each handshake, and what it trusts when it starts.
Tree security(std::string_view leaf, std::filesystem::path const& trusted) {
  return Tree::map({{"cert-file", fmt::format("/etc/kubernetes/pki/etcd/{}.crt", leaf)},
                    {"key-file", fmt::format("/etc/kubernetes/pki/etcd/{}.key", leaf)},
                    {"client-cert-auth", true},
                    {"trusted-ca-file", trusted.string()}});
}

Result<void> check_extra_config(EtcdClusterConfig const& settings, EtcdCluster cluster) {
  if (!settings.extra_config.is_null() && !settings.extra_config.is_map())
    return fail(Kind::invalid, "etcd.{}.extraConfig is no map of etcd's configuration keys",
                to_string(cluster));
  for (auto key : kOwnKeys) {
    if (settings.extra_config.find(key))
      return fail(Kind::invalid,
                  "etcd.{}.extraConfig.{} is haagent's own to set: it decides which data or which "
                  "cluster this is; take it out",
                  to_string(cluster), key);
  }
  return {};
}

// Keys that have another name, or are not there, in another version.
void set_by_version(Tree& file, EtcdVersion version) {
  if (version < EtcdVersion{3, 6, 0}) {
    file.set("experimental-initial-corrupt-check", true);
    if (version >= EtcdVersion{3, 5, 0}) {
      file.set("experimental-compact-hash-check-enabled", true);
      file.set("experimental-watch-progress-notify-interval", kProgressNanoseconds);
    }
  } else {
    file.set("feature-gates", "CompactHashCheck=true,InitialCorruptCheck=true");
    file.set("watch-progress-notify-interval", kProgressNanoseconds);
  }
}

void set_alone(Tree& file, EtcdPorts const& ports, EtcdVersion version) {
  file.set("force-new-cluster", true);
  file.set("listen-peer-urls", fmt::format("https://127.0.0.1:{}", ports.peer));
  file.set("listen-client-urls", fmt::format("https://127.0.0.1:{}", ports.client));
  // There is nobody left whose data could be compared with.
  if (version < EtcdVersion{3, 6, 0}) {
    file.set("experimental-initial-corrupt-check", false);
  } else {
    file.set("feature-gates", "CompactHashCheck=true");
  }
}

}  // namespace

std::span<std::string_view const> own_etcd_keys() {
  return kOwnKeys;
}

Result<std::string> render_etcd_config(NodeConfig const& config, EtcdCluster cluster,
                                       std::string const& member,
                                       std::filesystem::path const& data_dir, EtcdVersion version,
                                       EtcdInitial const& initial, Duration derived_heartbeat) {
  if (!is_supported(version))
    return fail(Kind::invalid, "{} is etcd {}; haagent supports 3.4 to 3.7", config.etcd.binary,
                to_string(version));
  auto const& settings = config.etcd.of(cluster == EtcdCluster::main);
  if (auto checked = check_extra_config(settings, cluster); !checked)
    return std::unexpected(checked.error());

  auto const timing = timing_for(settings, derived_heartbeat);
  auto const& ports = etcd_ports(cluster);
  // Go listens on IPv4 and IPv6 for 0.0.0.0; a second URL for [::] would find the port taken.
  auto everywhere = [&](int port) { return fmt::format("https://0.0.0.0:{}", port); };

  Tree file = Tree::map({
      {"name", etcd_member_name(cluster, member)},
      {"data-dir", data_dir.string()},
      {"listen-peer-urls", everywhere(ports.peer)},
      {"listen-client-urls", everywhere(ports.client)},
      {"listen-metrics-urls", fmt::format("http://127.0.0.1:{}", ports.metrics)},
      {"initial-advertise-peer-urls", etcd_peer_url(config, cluster, member)},
      {"advertise-client-urls", etcd_client_url(config, cluster, member)},
      {"initial-cluster", initial_cluster_text(initial.members)},
      {"initial-cluster-state", initial.existing ? "existing" : "new"},
      {"initial-cluster-token", etcd_cluster_token(config, cluster)},
      {"strict-reconfig-check", true},
      // Milliseconds, as the flags have it. Other durations in this file are nanoseconds.
      {"heartbeat-interval", std::int64_t{timing.heartbeat.count()}},
      {"election-timeout", std::int64_t{timing.election.count()}},
      {"pre-vote", true},
      {"quota-backend-bytes", settings.quota_backend_bytes},
      // The apiserver compacts every five minutes; this is for the day when none does.
      {"auto-compaction-mode", "periodic"},
      {"auto-compaction-retention", "8h"},
      {"enable-grpc-gateway", true},
      {"logger", "zap"},
      {"log-outputs", Tree::list({"stderr"})},
  });
  set_by_version(file, version);
  file.set("client-transport-security", security("server", etcd_clients_trust_path(cluster)));
  file.set("peer-transport-security", security("peer", etcd_peers_trust_path(cluster)));
  if (!settings.extra_config.is_null()) file = merge(std::move(file), settings.extra_config);
  if (initial.alone) set_alone(file, ports, version);
  return yaml::print(file);
}

std::optional<EtcdInitial> initial_in_config(std::string_view bytes) {
  auto file = yaml::parse(bytes);
  if (!file || !file->is_map()) return std::nullopt;
  EtcdInitial initial{.members = {},
                      .existing = file->text_at("initial-cluster-state") == "existing"};
  auto const text = file->text_at("initial-cluster");
  for (std::string_view left = text; !left.empty();) {
    auto const one = left.substr(0, left.find(','));
    left.remove_prefix(std::min(one.size() + 1, left.size()));
    auto const equals = one.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    initial.members.push_back(
        {std::string(one.substr(0, equals)), std::string(one.substr(equals + 1))});
  }
  if (initial.members.empty()) return std::nullopt;
  return initial;
}

std::optional<Duration> heartbeat_in_config(std::string_view bytes) {
  auto file = yaml::parse(bytes);
  auto const* found = file && file->is_map() ? file->find("heartbeat-interval") : nullptr;
  auto const number = found ? found->as_integer() : std::nullopt;
  if (!number || *number <= 0) return std::nullopt;
  return Duration(*number);
}

}  // namespace haagent::bootstrap
