#include "bootstrap/etcd/member/launch.h"

#include "agent/base/sha256.h"
#include "bootstrap/etcd/disk/ownership.h"
#include "bootstrap/etcd/member/started_with.h"
#include "bootstrap/layout/trust.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// Of Debian's package etcd-server.
constexpr char kDebiansUnit[] = "etcd.service";

constexpr Duration kStopDeadline = 30s;

Result<std::string> config_bytes(EtcdDeps const& deps, MemberIdentity const& me,
                                 VolumeSight const& sight, EtcdInitial const& initial,
                                 Duration derived_heartbeat) {
  auto const version = parse_etcd_version(me.version);
  return render_etcd_config(deps.config, me.cluster, me.member, etcd_data_dir(sight.mount_point()),
                            version.value_or(EtcdVersion{}), initial, derived_heartbeat);
}

// That of the running etcd, where it was derived.
Duration heartbeat_of(std::optional<StartedWith> const& started, EtcdDeps const& deps,
                      EtcdCluster cluster) {
  auto const& settings = deps.config.etcd.of(cluster == EtcdCluster::main);
  return started && may_stay(settings, started->heartbeat) ? started->heartbeat
                                                           : recorded_heartbeat(deps.root, cluster);
}

EtcdInitial initial_of(std::optional<StartedWith> const& started, MemberIdentity const& me) {
  if (started && !started->initial.members.empty()) return started->initial;
  return EtcdInitial{.members = me.expected, .existing = true};
}

}  // namespace

Result<EtcdInitial> started_initial(Root const& root, MemberIdentity const& me) {
  auto const started = started_with(root, me.cluster);
  if (!started) return std::unexpected(started.error());
  return initial_of(*started, me);
}

Result<bool> runs_with_another_configuration(EtcdDeps const& deps, MemberIdentity const& me,
                                             VolumeSight const& sight) {
  auto const started = started_with(deps.root, me.cluster);
  if (!started) return std::unexpected(started.error());
  auto const wanted = config_bytes(deps, me, sight, initial_of(*started, me),
                                   heartbeat_of(*started, deps, me.cluster));
  if (!wanted) return std::unexpected(wanted.error());
  auto const on_disk = read_file(deps.root(etcd_config_path(me.cluster)));
  if (!on_disk) return std::unexpected(on_disk.error());
  return *on_disk != *wanted;
}

Result<bool> runs_with_another_trust(Root const& root, EtcdCluster cluster,
                                     std::string const& granted) {
  auto const wanted = wanted_trust(root);
  if (!wanted) return std::unexpected(wanted.error());
  auto const loaded = loaded_trust(root, cluster);
  if (!loaded) return std::unexpected(loaded.error());
  return *loaded != *wanted && digest_of(*wanted) == granted;
}

Result<void> write_etcd_config(EtcdDeps const& deps, MemberIdentity const& me,
                               VolumeSight const& sight, EtcdInitial const& initial) {
  auto const derived = recorded_heartbeat(deps.root, me.cluster);
  auto bytes = config_bytes(deps, me, sight, initial, derived);
  if (!bytes) return std::unexpected(bytes.error());
  auto const path = deps.root(etcd_config_path(me.cluster));
  if (auto made = make_directories(path.parent_path()); !made) return made;
  auto const user = deps.units.user(etcd_unit(me.cluster));
  if (!user) return std::unexpected(user.error());
  auto written = replace_file_if_changed(path, *bytes, shown_to(*user));
  if (!written) return std::unexpected(written.error());
  auto const& settings = deps.config.etcd.of(me.cluster == EtcdCluster::main);
  return record_start(deps.root, me.cluster,
                      {.initial = {.members = initial.members, .existing = initial.existing},
                       .heartbeat = timing_for(settings, derived).heartbeat,
                       .configuration = sha256_hex(*bytes)});
}

Result<void> start_etcd(EtcdDeps const& deps, MemberIdentity const& me, EtcdVolume const& volume,
                        VolumeSight const& sight, EtcdInitial const& initial) {
  if (auto written = write_etcd_config(deps, me, sight, initial); !written) return written;
  if (auto loaded = load_trust(deps.root, me.cluster); !loaded) return loaded;
  if (auto made = make_directories(etcd_data_dir(sight.path()), 0700); !made) return made;
  auto const user = deps.units.user(etcd_unit(me.cluster));
  if (!user) return std::unexpected(user.error());
  if (auto given = give_to_etcd(deps.root, me.cluster, sight, *user); !given) return given;
  // It was started when its package was installed, and has the ports.
  if (auto gone = deps.units.stop(kDebiansUnit, kStopDeadline, {}); !gone)
    return fail(gone.error(), "stopping {}, which has etcd's ports", kDebiansUnit);
  // etcd itself opens its data by their path, some moments from now.
  if (auto const now = deps.volumes.see(me.cluster, volume); !now.same_as(sight))
    return fail(Kind::transient, "{} is not there any more: etcd is not started without it",
                volume.volume_id);
  auto const path = deps.root(etcd_config_path(me.cluster));
  return deps.units.start({.name = etcd_unit(me.cluster),
                           .argv = {deps.config.etcd.binary, "--config-file=" + path.string()},
                           .environment = {}});
}

Result<void> stop_etcd(EtcdDeps const& deps, EtcdCluster cluster, std::stop_token stop) {
  return deps.units.stop(etcd_unit(cluster), kStopDeadline, std::move(stop));
}

}  // namespace haagent::bootstrap
