// What a decision leads to, each a move of its own.
#include "bootstrap/etcd/member/step.h"

#include <algorithm>

#include "agent/base/volume_marker.h"
#include "agent/base/volume_tags.h"
#include "bootstrap/etcd/backup/restore.h"
#include "bootstrap/etcd/client/errors.h"
#include "bootstrap/etcd/disk/ownership.h"
#include "bootstrap/etcd/member/request_decision.h"
#include "bootstrap/layout/trust.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// Of Debian's package etcd-server.
constexpr char kDebiansUnit[] = "etcd.service";

constexpr Duration kStopDeadline = 30s;
constexpr Duration kPromotionShows = 5s;

// A single member elects itself within a second; a large database takes its time to be read.
constexpr Duration kAloneDeadline = 120s;
constexpr Duration kAloneAgain = 200ms;

}  // namespace

Result<void> EtcdStep::write_config(EtcdInitial const& initial) {
  auto bytes = config_bytes(initial, recorded_heartbeat(parts_.root, cluster_));
  if (!bytes) return std::unexpected(bytes.error());
  auto const path = parts_.root(etcd_config_path(cluster_));
  if (auto made = make_directories(path.parent_path()); !made) return made;
  auto const user = parts_.units.user(etcd_unit(cluster_));
  if (!user) return std::unexpected(user.error());
  auto written = replace_file_if_changed(path, *bytes, shown_to(*user));
  if (!written) return std::unexpected(written.error());
  return {};
}

Result<void> EtcdStep::start(EtcdInitial const& initial) {
  if (auto written = write_config(initial); !written) return written;
  if (auto loaded = load_trust(parts_.root, cluster_); !loaded) return loaded;
  if (auto made = make_directories(etcd_data_dir(sight_.path()), 0700); !made) return made;
  auto const user = parts_.units.user(etcd_unit(cluster_));
  if (!user) return std::unexpected(user.error());
  if (auto given = give_to_etcd(parts_.root, cluster_, sight_, *user); !given) return given;
  // It was started when its package was installed, and has the ports.
  if (auto gone = parts_.units.stop(kDebiansUnit, kStopDeadline, {}); !gone)
    return fail(gone.error(), "stopping {}, which has etcd's ports", kDebiansUnit);
  // etcd itself opens its data by their path, some moments from now.
  if (auto const now = parts_.volumes.see(cluster_, volume_); !now.same_as(sight_))
    return fail(Kind::transient, "{} is not there any more: etcd is not started without it",
                volume_.volume_id);
  auto const path = parts_.root(etcd_config_path(cluster_));
  auto started =
      parts_.units.start({.name = etcd_unit(cluster_),
                          .argv = {parts_.config.etcd.binary, "--config-file=" + path.string()},
                          .environment = {}});
  if (started) started_ = true;
  return started;
}

EtcdClient EtcdStep::voters() const {
  return EtcdClient(parts_.http, voter_endpoints_, etcd_client_tls(parts_.root));
}

EtcdClient EtcdStep::own() const {
  return EtcdClient(parts_.http, {etcd_endpoint(cluster_, "127.0.0.1")},
                    etcd_client_tls(parts_.root));
}

Result<void> EtcdStep::promote(std::uint64_t id, std::stop_token stop) {
  if (auto promoted = voters().promote(id, stop); !promoted) {
    if (etcd_errc(promoted.error()) != EtcdErrc::not_in_sync) return promoted;
    promotion_refused_ = "it is not in sync with the leader";
    return {};
  }
  // The others know it at once; this member once it has applied the entry.
  auto client = own();
  auto const deadline = parts_.clock.steady() + kPromotionShows;
  for (;;) {
    auto status = client.status(stop);
    if (status && !status->learner) return {};
    if (parts_.clock.steady() >= deadline)
      return fail(Kind::transient, "{:x} was promoted, but does not know it yet", id);
    if (!parts_.clock.sleep(100ms, stop)) return fail(Kind::interrupted, "stopped");
  }
}

Result<void> EtcdStep::tag(std::uint64_t id, std::stop_token stop) {
  auto const text = etcd_id_text(id);
  auto tagged =
      parts_.ec2.create_tags(volume_.volume_id, {{std::string(kEtcdClusterIdTag), text}}, stop);
  if (!tagged) return fail(tagged.error(), "tagging {} with its cluster id", volume_.volume_id);
  tagged_ = text;
  return {};
}

Result<void> EtcdStep::write_version() {
  auto marker = sight_.marker();
  marker.etcd_version = serves_.server;
  marker.etcd_data_version = data_version_of(serves_.cluster, serves_.storage);
  return write_volume_marker(sight_.path(), marker);
}

Result<void> EtcdStep::mark(std::uint64_t id, std::stop_token stop) {
  auto marker = sight_.marker();
  marker.etcd_cluster_id = etcd_id_text(id);
  // It has caught up with a quorum that lists it: whatever it was made from, it is its own now.
  make_own(marker, inputs_.volume.volume_id, inputs_.volume.snapshot_id);
  if (auto versions = own_versions(std::move(stop))) serves_ = *std::move(versions);
  if (knows_new_version()) {
    marker.etcd_version = serves_.server;
    marker.etcd_data_version = data_version_of(serves_.cluster, serves_.storage);
  }
  return write_volume_marker(sight_.path(), marker);
}

// The data first: a copy whose haagent.json calls it its own would be started as it is.
Result<void> EtcdStep::set_aside() {
  auto name = set_data_dir_aside(sight_.path(), parts_.clock.utc());
  if (!name) return std::unexpected(name.error());
  started_ = false;
  failed_starts_ = 0;
  if (inputs_.volume.copy_of.empty()) return {};
  auto marker = sight_.marker();
  make_own(marker, inputs_.volume.volume_id, inputs_.volume.snapshot_id);
  return write_volume_marker(sight_.path(), marker);
}

Result<void> EtcdStep::carried_out(std::function<void(VolumeMarker&)> const& change) {
  auto marker = sight_.marker();
  // What names an order must not stand beside what another one has half built.
  if (auto dropped = drop_begun_restore(); !dropped) return dropped;
  marker.etcd_order = inputs_.store.order->id;
  make_own(marker, inputs_.volume.volume_id, inputs_.volume.snapshot_id);
  change(marker);
  started_ = false;
  failed_starts_ = 0;
  return write_volume_marker(sight_.path(), marker);
}

Result<void> EtcdStep::drop_begun_restore() const {
  if (!parts_.backups) return {};  // then nobody restores
  return drop_restored(Backups(cluster_, *parts_.backups), sight_.path());
}

Result<void> EtcdStep::restore(std::stop_token stop) {
  auto done =
      is_restored_but_for_its_place(inputs_)
          ? place_restored(sight_.path())
          : restore_volume(*parts_.backups, *inputs_.store.order, volume_, sight_, std::move(stop));
  if (!done)
    return fail(done.error(), "restoring {}", etcd_member_name(cluster_, inputs_.me.member));
  started_ = false;
  failed_starts_ = 0;
  return {};
}

Result<void> EtcdStep::adopt(std::uint64_t id, std::stop_token stop) {
  if (auto done = tag(id, std::move(stop)); !done) return done;
  return carried_out([&](VolumeMarker& marker) {
    marker.etcd_cluster_id = etcd_id_text(id);
    marker.etcd_version.clear();
    marker.etcd_data_version.clear();
  });
}

// Whoever is stopped in the middle does all of it again: nobody joins an etcd that listens to this
// machine alone, so that its second start takes nobody out who was not out already.
Result<void> EtcdStep::force_alone(std::stop_token stop) {
  auto initial = initial_on_disk();
  if (!initial) return std::unexpected(initial.error());
  initial->alone = true;
  if (auto began = start(*initial); !began) return began;
  initial->alone = false;
  auto const unit = etcd_unit(cluster_);
  auto const deadline = parts_.clock.steady() + kAloneDeadline;
  Result<void> alone = fail(Kind::transient, "it was not asked");
  for (;;) {
    auto members = own().members(Consistency::linearizable, stop);
    if (members && members->members.size() == 1) {
      alone = {};
      break;
    }
    alone = members ? fail(Kind::transient, "it still lists {} members", members->members.size())
                    : std::unexpected(members.error());
    auto state = parts_.units.state(unit);
    if (state && !is_up(state->phase))
      alone = fail(Kind::transient, "etcd has ended ({})", state->detail);
    if ((state && !is_up(state->phase)) || parts_.clock.steady() >= deadline ||
        !parts_.clock.sleep(kAloneAgain, stop))
      break;
  }
  started_ = false;
  auto stopped = stop_etcd(stop);
  if (auto written = write_config(*initial); !written) return written;
  if (!alone) return fail(alone.error(), "making {} a cluster of its own", inputs_.me.self.name);
  if (!stopped) return stopped;
  return carried_out([](VolumeMarker&) {});
}

// For good: not one that comes back under another id.
bool EtcdStep::takes_a_voter(Decision const& decision) const {
  auto const* leaving = std::get_if<RemoveMember>(&decision);
  if (!leaving || !inputs_.etcd.own.quorum_list) return false;
  auto const& list = *inputs_.etcd.own.quorum_list;
  auto const member = std::ranges::find(list, leaving->id, &EtcdMember::id);
  return member != list.end() && !member->learner;
}

// What the row that asks the store found is as old as its last answer, and that row may hang, or be
// one that asks once: a backup may be there by now, and an order may have been taken back.
Result<void> EtcdStep::ask_store_again(Decision const& decision, Facts& facts,
                                       std::stop_token stop) {
  if (!parts_.backups) return {};
  bool const forms = parts_.asks_for_backups && std::holds_alternative<FormNew>(decision);
  bool const ordered = inputs_.store.order && !is_restored_but_for_its_place(inputs_) &&
                       on_order(inputs_) && !std::holds_alternative<AdoptCluster>(decision);
  if (!forms && !ordered) return {};
  auto& store = parts_.backups->store;
  auto const order = read_order(store, cluster_, stop);
  if (!order) return fail(order.error(), "asking {} once more for an order", store.where());
  if (ordered) {
    if (*order && (*order)->order.id == inputs_.store.order->id &&
        (*order)->order.closed == inputs_.store.order->closed)
      return {};
    if (parts_.orders) parts_.orders->of(cluster_).clear();  // until it is read again
    return fail(Kind::transient, "the order {} does not stand in {} any more",
                inputs_.store.order->id, store.where());
  }
  if (*order && !(*order)->order.closed)
    return fail(Kind::transient, "an order stands in {}: no cluster is formed beside it",
                store.where());
  auto const backups = Backups(cluster_, *parts_.backups).inventory(std::move(stop));
  if (!backups) return fail(backups.error(), "asking {} once more for backups", store.where());
  auto const* newest = backups->newest();
  if (!newest) return {};
  facts.etcd(cluster_).backups.set(
      {.state = EtcdBackups::State::present, .detail = to_rfc3339(newest->created)});
  return fail(Kind::transient, "{} has a backup by now, of {}: no cluster is formed beside it",
              store.where(), to_rfc3339(newest->created));
}

Result<void> EtcdStep::carry_out(Decision const& decision, std::stop_token stop) {
  if (std::get_if<StartAsIs>(&decision)) {
    auto initial = initial_on_disk();
    if (!initial) return std::unexpected(initial.error());
    return start(*initial);
  }
  if (auto const* form = std::get_if<FormNew>(&decision))
    return start({.members = form->initial, .existing = false});
  if (auto const* joined = std::get_if<StartJoined>(&decision))
    return start({.members = joined->initial, .existing = true});
  if (std::get_if<SetAside>(&decision)) return set_aside();
  if (std::get_if<StopUnit>(&decision)) return stop_etcd(stop);
  if (changes_members(decision) && parts_.before_change && !voter_endpoints_.empty()) {
    auto const change = takes_a_voter(decision) ? MemberChange::shrinks : MemberChange::restores;
    auto ready = parts_.before_change(cluster_, change, voter_endpoints_.front(), stop);
    if (!ready) return fail(ready.error(), "backing up before the members change");
    if (auto seen = see_again(); !seen) return seen;
  }
  if (auto const* remove = std::get_if<RemoveStale>(&decision))
    return voters().remove(remove->id, stop);
  if (auto const* leaving = std::get_if<RemoveMember>(&decision))
    return voters().remove(leaving->id, stop);
  if (auto const* lead = std::get_if<MoveLeader>(&decision))
    return own().move_leader(lead->to, stop);
  if (std::get_if<AddLearner>(&decision)) {
    failed_starts_ = 0;
    auto added =
        voters().add_learner(etcd_peer_url(parts_.config, cluster_, inputs_.me.member), stop);
    if (!added) return std::unexpected(added.error());
    return {};
  }
  if (auto const* learner = std::get_if<Promote>(&decision)) return promote(learner->id, stop);
  if (auto const* update = std::get_if<UpdatePeerUrl>(&decision))
    return voters().update_peer_url(
        update->id, etcd_peer_url(parts_.config, cluster_, inputs_.me.member), stop);
  if (std::get_if<RestoreData>(&decision)) return restore(stop);
  if (std::get_if<ForceAlone>(&decision)) return force_alone(stop);
  if (auto const* adopted = std::get_if<AdoptCluster>(&decision)) return adopt(adopted->id, stop);
  if (auto const* tagged = std::get_if<TagVolume>(&decision)) return tag(tagged->id, stop);
  if (auto const* marked = std::get_if<MarkVolume>(&decision)) return mark(marked->id, stop);
  return fail(Kind::internal, "{} has nothing to do", name_);
}

Result<void> EtcdStep::stop_etcd(std::stop_token stop) {
  return parts_.units.stop(etcd_unit(cluster_), kStopDeadline, std::move(stop));
}

}  // namespace haagent::bootstrap
