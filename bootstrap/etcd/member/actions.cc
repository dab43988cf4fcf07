#include "bootstrap/etcd/member/actions.h"

#include <algorithm>
#include <utility>

#include "agent/base/volume_tags.h"
#include "bootstrap/etcd/backup/restore.h"
#include "bootstrap/etcd/client/errors.h"
#include "bootstrap/etcd/disk/ownership.h"
#include "bootstrap/etcd/member/launch.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPromotionShows = 5s;

// A single member elects itself within a second; a large database takes its time to be read.
constexpr Duration kAloneDeadline = 120s;
constexpr Duration kAloneAgain = 200ms;

}  // namespace

Result<void> MemberActions::carry_out(Decision const& decision, std::stop_token stop) {
  // Without the volume nothing is decided but that etcd stops, and /etc/hosts is not on it.
  bool const on_the_volume = !in().volume.unseen && !std::holds_alternative<WriteHosts>(decision);
  auto done = on_the_volume ? see_again() : Result<void>{};
  if (done)
    done = std::visit(
        [&]<class Move>(Move const& move) -> Result<void> {
          if constexpr (Standing<Move>)
            return fail(Kind::internal, "{} has nothing to do", in().me.self.name);
          else
            return take(move, stop);
        },
        decision);
  if (done) return done;
  auto error = std::move(done.error());
  if (etcd_errc(error) == EtcdErrc::unhealthy) {
    memory_.change.early = true;
    return {};
  }
  // Somebody else was faster: the next look sees what is left to do.
  if (error.kind == Kind::conflict) error.kind = Kind::transient;
  error.message.text = seen_.sight.in_words(std::move(error.message.text));
  return std::unexpected(std::move(error));
}

// Before whatever is done: the volume is still there, and as it was when it was decided. Between
// the two there may be a backup of minutes.
Result<void> MemberActions::see_again() {
  auto now = deps_.volumes.see(cluster(), seen_.volume);
  if (!now.seen())
    return fail(Kind::transient, "{}: {}; nothing is done without it", now.unseen().message.text,
                now.unseen().message.advice);
  auto const data = inspect_data_dir(now.path());
  if (!data) return fail(Kind::refused, "{}", now.in_words(data.error().message.sentence()));
  if (!now.same_as(seen_.sight) || *data != in().volume.data)
    return fail(Kind::transient, "{} is not as it was a moment ago: it is looked at again",
                seen_.volume.volume_id);
  seen_.sight = std::move(now);
  return {};
}

// What the row that asks the store found is as old as its last answer, and that row may hang, or be
// one that asks once: a request may have been taken back.
Result<void> MemberActions::ask_for_request_again(std::stop_token stop) {
  auto const& mine = in().store.request;
  if (!deps_.store || !mine) return {};
  auto& store = deps_.store->backups.store;
  auto const request = read_request(store, cluster(), std::move(stop));
  if (!request) return fail(request.error(), "asking {} once more for a request", store.where());
  if (*request && (*request)->request.id == mine->id && (*request)->request.closed == mine->closed)
    return {};
  deps_.store->requests.of(cluster()).clear();  // until it is read again
  return fail(Kind::transient, "the request {} does not stand in {} any more", mine->id,
              store.where());
}

// Before a cluster is formed: for the same reason there may be a backup by now, or a request.
Result<void> MemberActions::ask_for_backups_again(std::stop_token stop) {
  if (!deps_.store) return {};
  auto& store = deps_.store->backups.store;
  auto const request = read_request(store, cluster(), stop);
  if (!request) return fail(request.error(), "asking {} once more for a request", store.where());
  if (*request && !(*request)->request.closed)
    return fail(Kind::transient, "a request stands in {}: no cluster is formed beside it",
                store.where());
  auto const backups = Backups(cluster(), deps_.store->backups).inventory(std::move(stop));
  if (!backups) return fail(backups.error(), "asking {} once more for backups", store.where());
  auto const* newest = backups->newest();
  if (!newest) return {};
  facts_.etcd(cluster()).backups.set(
      {.state = EtcdBackups::State::present, .detail = to_rfc3339(newest->created)});
  return fail(Kind::transient, "{} has a backup by now, of {}: no cluster is formed beside it",
              store.where(), to_rfc3339(newest->created));
}

Result<void> MemberActions::back_up_before(MemberChange change, std::stop_token stop) {
  if (!deps_.store || seen_.voter_endpoints.empty()) return {};
  auto ready =
      deps_.store->guard.ready(cluster(), change, seen_.voter_endpoints.front(), std::move(stop));
  if (!ready) return fail(ready.error(), "backing up before the members change");
  return see_again();
}

Result<void> MemberActions::take(WriteHosts const& move, std::stop_token) {
  return peers_.write(move.change.entries);
}

Result<void> MemberActions::take(LetEtcdIn const& move, std::stop_token) {
  return give_to_etcd(deps_.root, cluster(), seen_.sight, move.shut_out.etcd, move.shut_out.data);
}

Result<void> MemberActions::start(EtcdInitial const& initial) {
  auto started = start_etcd(deps_, in().me, seen_.volume, seen_.sight, initial);
  if (started) memory_.starts.began();
  return started;
}

Result<void> MemberActions::take(StartAsIs const&, std::stop_token) {
  auto initial = started_initial(deps_.root, in().me);
  if (!initial) return std::unexpected(initial.error());
  return start(*initial);
}

Result<void> MemberActions::take(FormNew const& move, std::stop_token stop) {
  if (auto none = ask_for_backups_again(std::move(stop)); !none) return none;
  return start({.members = move.initial, .existing = false});
}

Result<void> MemberActions::take(StartJoined const& move, std::stop_token) {
  return start({.members = move.initial, .existing = true});
}

// The data first: a copy whose haagent.json calls it its own would be started as it is.
Result<void> MemberActions::take(SetAside const& move, std::stop_token stop) {
  if (move.requested)
    if (auto stands = ask_for_request_again(std::move(stop)); !stands) return stands;
  auto name = set_data_dir_aside(seen_.sight.path(), deps_.clock.utc());
  if (!name) return std::unexpected(name.error());
  memory_.starts.begin_again();
  if (in().volume.copy_of.empty()) return {};
  auto marker = seen_.sight.marker();
  make_own(marker);
  return write_volume_marker(seen_.sight.path(), marker);
}

Result<void> MemberActions::take(StopUnit const& move, std::stop_token stop) {
  if (move.requested)
    if (auto stands = ask_for_request_again(stop); !stands) return stands;
  return stop_etcd(deps_, cluster(), std::move(stop));
}

Result<void> MemberActions::take(RemoveStale const& move, std::stop_token stop) {
  if (auto backed_up = back_up_before(MemberChange::restores, stop); !backed_up) return backed_up;
  return voters().remove(move.id, std::move(stop));
}

Result<void> MemberActions::take(RemoveMember const& move, std::stop_token stop) {
  auto const change = move.votes ? MemberChange::shrinks : MemberChange::restores;
  if (auto backed_up = back_up_before(change, stop); !backed_up) return backed_up;
  return voters().remove(move.id, std::move(stop));
}

Result<void> MemberActions::take(AddLearner const&, std::stop_token stop) {
  if (auto backed_up = back_up_before(MemberChange::restores, stop); !backed_up) return backed_up;
  memory_.starts.forget_failures();
  auto added = voters().add_learner(in().me.self.peer_url, std::move(stop));
  if (!added) return std::unexpected(added.error());
  return {};
}

Result<void> MemberActions::take(Promote const& move, std::stop_token stop) {
  if (auto promoted = voters().promote(move.id, stop); !promoted) {
    if (etcd_errc(promoted.error()) != EtcdErrc::not_in_sync) return promoted;
    memory_.change.promotion_refused = "it is not in sync with the leader";
    return {};
  }
  // The others know it at once; this member once it has applied the entry.
  auto client = own();
  auto const deadline = deps_.clock.steady() + kPromotionShows;
  for (;;) {
    auto status = client.status(stop);
    if (status && !status->learner) return {};
    if (deps_.clock.steady() >= deadline)
      return fail(Kind::transient, "{:x} was promoted, but does not know it yet", move.id);
    if (!deps_.clock.sleep(100ms, stop)) return fail(Kind::interrupted, "stopped");
  }
}

Result<void> MemberActions::take(UpdatePeerUrl const& move, std::stop_token stop) {
  return voters().update_peer_url(move.id, in().me.self.peer_url, std::move(stop));
}

Result<void> MemberActions::take(TagVolume const& move, std::stop_token stop) {
  return tag(move.id, std::move(stop));
}

Result<void> MemberActions::take(MarkVolume const& move, std::stop_token) {
  auto marker = seen_.sight.marker();
  marker.etcd_cluster_id = etcd_id_text(move.id);
  // It has caught up with a quorum that lists it: whatever it was made from, it is its own now.
  make_own(marker);
  if (move.served) {
    marker.etcd_version = move.served->server;
    marker.etcd_data_version = move.served->data;
  }
  return write_volume_marker(seen_.sight.path(), marker);
}

Result<void> MemberActions::take(MoveLeader const& move, std::stop_token stop) {
  return own().move_leader(move.to, std::move(stop));
}

Result<void> MemberActions::take(RestoreData const& move, std::stop_token stop) {
  if (!move.but_for_its_place)
    if (auto stands = ask_for_request_again(stop); !stands) return stands;
  auto done = move.but_for_its_place ? place_restored(seen_.sight.path())
                                     : restore_volume(deps_.store->backups, *in().store.request,
                                                      seen_.volume, seen_.sight, std::move(stop));
  if (!done) return fail(done.error(), "restoring {}", etcd_member_name(cluster(), in().me.member));
  memory_.starts.begin_again();
  return {};
}

// Anyone who is stopped in the middle does all of it again: nobody joins an etcd that listens to
// this machine alone, so that its second start takes nobody out who was not out already.
Result<void> MemberActions::take(ForceAlone const&, std::stop_token stop) {
  if (auto stands = ask_for_request_again(stop); !stands) return stands;
  auto initial = started_initial(deps_.root, in().me);
  if (!initial) return std::unexpected(initial.error());
  initial->alone = true;
  if (auto began = start(*initial); !began) return began;
  initial->alone = false;
  auto const alone = wait_until_alone(stop);
  memory_.starts.settled();
  auto stopped = stop_etcd(deps_, cluster(), stop);
  if (auto written = write_etcd_config(deps_, in().me, seen_.sight, *initial); !written)
    return written;
  if (!alone) return fail(alone.error(), "making {} a cluster of its own", in().me.self.name);
  if (!stopped) return stopped;
  return write_request_done([](VolumeMarker&) {});
}

Result<void> MemberActions::wait_until_alone(std::stop_token stop) {
  auto const deadline = deps_.clock.steady() + kAloneDeadline;
  for (;;) {
    auto members = own().members(Consistency::linearizable, stop);
    if (members && members->members.size() == 1) return {};
    Error alone = members ? Error{Kind::transient,
                                  fmt::format("it still lists {} members", members->members.size())}
                          : members.error();
    auto const state = deps_.units.state(etcd_unit(cluster()));
    bool const ended = state && !is_up(state->phase);
    if (ended) alone = Error{Kind::transient, fmt::format("etcd has ended ({})", state->detail)};
    if (ended || deps_.clock.steady() >= deadline || !deps_.clock.sleep(kAloneAgain, stop))
      return std::unexpected(std::move(alone));
  }
}

Result<void> MemberActions::take(AdoptCluster const& move, std::stop_token stop) {
  if (auto done = tag(move.id, std::move(stop)); !done) return done;
  return write_request_done([&](VolumeMarker& marker) {
    marker.etcd_cluster_id = etcd_id_text(move.id);
    marker.etcd_version.clear();
    marker.etcd_data_version.clear();
  });
}

Result<void> MemberActions::take(WriteVersion const& move, std::stop_token) {
  auto marker = seen_.sight.marker();
  marker.etcd_version = move.served.server;
  marker.etcd_data_version = move.served.data;
  return write_volume_marker(seen_.sight.path(), marker);
}

Result<void> MemberActions::take(EraseLeases const& move, std::stop_token stop) {
  for (auto const& key : move.keys)
    if (auto erased = own().erase(key, stop); !erased)
      return fail(erased.error(), "taking {} away", key);
  return {};
}

Result<void> MemberActions::take(DropLeftovers const&, std::stop_token) {
  return drop_begun_restore();
}

// Whether it has moved is for the next look to say.
Result<void> MemberActions::take(PassLead const& move, std::stop_token stop) {
  ++memory_.lead_passes;
  auto moved = own().move_leader(move.to, std::move(stop));
  if (!moved && moved.error().kind == Kind::interrupted) return moved;
  return {};
}

// Its start writes the configuration: one that is on the disk passes for what runs.
Result<void> MemberActions::take(RestartEtcd const&, std::stop_token stop) {
  memory_.restarted_for_version = true;
  return stop_etcd(deps_, cluster(), std::move(stop));
}

Result<void> MemberActions::tag(std::uint64_t id, std::stop_token stop) {
  auto const text = etcd_id_text(id);
  auto tagged = deps_.ec2.create_tags(seen_.volume.volume_id,
                                      {{std::string(kEtcdClusterIdTag), text}}, std::move(stop));
  if (!tagged)
    return fail(tagged.error(), "tagging {} with its cluster id", seen_.volume.volume_id);
  memory_.tagged = text;
  return {};
}

Result<void> MemberActions::write_request_done(std::function<void(VolumeMarker&)> const& change) {
  auto marker = seen_.sight.marker();
  // What names a request must not stand beside what another one has half built.
  if (auto dropped = drop_begun_restore(); !dropped) return dropped;
  marker.request_id = in().store.request->id;
  make_own(marker);
  change(marker);
  memory_.starts.begin_again();
  return write_volume_marker(seen_.sight.path(), marker);
}

Result<void> MemberActions::drop_begun_restore() const {
  if (!deps_.store) return {};  // then nobody restores
  return drop_restored(Backups(cluster(), deps_.store->backups), seen_.sight.path());
}

void MemberActions::make_own(VolumeMarker& marker) const {
  haagent::make_own(marker, in().volume.volume_id, in().volume.snapshot_id);
}

EtcdClient MemberActions::voters() const {
  return EtcdClient(deps_.http, seen_.voter_endpoints, etcd_client_tls(deps_.root));
}

EtcdClient MemberActions::own() const {
  return EtcdClient(deps_.http, {etcd_endpoint(cluster(), "127.0.0.1")},
                    etcd_client_tls(deps_.root));
}

}  // namespace haagent::bootstrap
