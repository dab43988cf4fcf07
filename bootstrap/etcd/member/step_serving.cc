// What a member that serves may need: a restart, a note on its volume, something taken away.
#include "bootstrap/etcd/member/step.h"

#include <algorithm>

#include "bootstrap/etcd/backup/restore.h"
#include "bootstrap/etcd/disk/ownership.h"
#include "bootstrap/etcd/member/handover.h"
#include "bootstrap/etcd/member/restart.h"
#include "bootstrap/layout/trust.h"

namespace haagent::bootstrap {
namespace {

constexpr int kLeadPasses = 2;

constexpr char const* kLeasesBegin = "/registry/masterleases/";
constexpr char const* kLeasesEnd = "/registry/masterleases0";

}  // namespace

// Whether pki grants a restart (it has this master's turn of a rotation), and the member was
// started with another trust than the granted one.
Result<bool> EtcdStep::may_load_trust(Facts& facts) const {
  auto const granted = facts.pki.get().value_or(PkiFacts{}).restart_for;
  if (granted.empty()) return false;
  auto wanted = wanted_trust(parts_.root);
  if (!wanted) return std::unexpected(wanted.error());
  auto loaded = loaded_trust(parts_.root, cluster_);
  if (!loaded) return std::unexpected(loaded.error());
  return *loaded != *wanted && digest_of(*wanted) == granted;
}

// One that systemd starts again and again is up to systemd, and nobody would start it through here.
Result<std::optional<Finding>> EtcdStep::let_etcd_in() {
  if (!is_up(inputs_.etcd.unit)) return std::nullopt;  // its start gives it everything
  auto const user = parts_.units.user(etcd_unit(cluster_));
  if (!user) return std::unexpected(user.error());
  if (*user == own_user()) return std::nullopt;
  auto const closed = shut_out_of(parts_.root, cluster_, sight_, *user, between_starts_);
  if (!closed) return std::unexpected(closed.error());
  if (!*closed) return std::nullopt;
  move_ = LetEtcdIn{*user, between_starts_};
  return Needed{fmt::format("let {} at {}, which it is shut out of",
                            etcd_member_name(cluster_, inputs_.me.member), (*closed)->string())};
}

// The lead goes first, so that the restart costs no election. Nothing where this member does not
// lead, or where nobody takes it over.
std::optional<Finding> EtcdStep::pass_lead() {
  auto const& own = inputs_.etcd.own;
  if (own.leader_id != own.member_id) {
    lead_passed_ = 0;
    return std::nullopt;
  }
  auto const to = successor_of(own.member_id, *own.quorum_list, inputs_.others.peers);
  if (!to || lead_passed_ >= kLeadPasses) return std::nullopt;
  auto const name = std::ranges::find(*own.quorum_list, *to, &EtcdMember::id)->name;
  move_ = PassLead{*to};
  return Needed{fmt::format("move the leader to {} before {} restarts{}", name,
                            etcd_member_name(cluster_, inputs_.me.member),
                            lead_passed_ == 0 ? "" : ", once more")};
}

// A changed configuration is brought in by a restart, once it is this master's turn. So are
// authorities that it does not trust yet, or no longer should.
Result<Finding> EtcdStep::when_serving(Facts& facts, std::string sentence, std::stop_token stop) {
  started_ = false;
  failed_starts_ = 0;
  last_end_.clear();
  if (auto versions = own_versions(stop)) serves_ = *std::move(versions);
  if (knows_new_version()) {
    move_ = WriteVersion{};
    return Needed{fmt::format("write to the volume of {} that etcd {} serves on it, at {}",
                              etcd_member_name(cluster_, inputs_.me.member), serves_.server,
                              data_version_of(serves_.cluster, serves_.storage))};
  }
  auto stale = stale_leases(stop);
  if (!stale) return std::unexpected(stale.error());
  if (!stale->empty()) {
    move_ = EraseLeases{*std::move(stale)};
    return Needed{"take the leases of apiservers from before the restore away"};
  }
  if (parts_.backups && has_begun_restore(Backups(cluster_, *parts_.backups), sight_.path())) {
    move_ = DropRestored{};
    return Needed{fmt::format("take away what a restore or a backup of {} has left",
                              etcd_member_name(cluster_, inputs_.me.member))};
  }
  auto initial = initial_on_disk();
  if (!initial) return std::unexpected(initial.error());
  // A heartbeat that was derived anew is no reason for a restart: the next start takes it.
  auto derived = derived_heartbeat_on_disk();
  if (!derived) return std::unexpected(derived.error());
  auto wanted = config_bytes(*initial, *derived);
  if (!wanted) return std::unexpected(wanted.error());
  auto const on_disk = read_file(parts_.root(etcd_config_path(cluster_)));
  if (!on_disk) return std::unexpected(on_disk.error());
  if (auto version = parse_etcd_version(version_))
    if (auto warnings = version_warnings(*version); !warnings.empty())
      sentence += fmt::format("; etcd {}: {}", version_, fmt::join(warnings, ", "));
  auto const installed = parse_etcd_version(version_);
  bool const another =
      !restarted_for_version_ && parse_etcd_version(inputs_.etcd.own.server.version) != installed;
  auto const new_trust = may_load_trust(facts);
  if (!new_trust) return std::unexpected(new_trust.error());
  RestartInputs in{.configuration = *on_disk != *wanted,
                   .version = another ? version_ : "",
                   .refusal = {},
                   .trust = *new_trust,
                   .turn = {}};
  // What must not be started must not be stopped for.
  inputs_.others.cluster_version = serves_.cluster;
  if (another) {
    auto old = old_requests(sight_.path());
    if (!old) return std::unexpected(old.error());
    inputs_.volume.old_requests = *old;
    if (auto refusal = version_refusal(version_facts(inputs_)))
      in.refusal = fmt::format("{}; {}", refusal->why, refusal->instead);
  }
  auto const& list = inputs_.etcd.own.quorum_list;
  in.alone = list && list->size() == 1;
  in.all_serve = list && std::ranges::all_of(*list, [&](EtcdMember const& member) {
                   return member.id == inputs_.etcd.own.member_id ||
                          std::ranges::any_of(inputs_.others.peers, [&](MemberAnswer const& peer) {
                            return peer.member_id == member.id && peer.quorum_list;
                          });
                 });
  facts.etcd(cluster_).restart_held.set(in.refusal);
  auto& wants = facts.etcd(cluster_).wants_restart;
  auto const pki = facts.pki.get().value_or(PkiFacts{});
  in.my_turn = wants.get().value_or(false) && !pki.restart_for.empty();
  in.turn = pki.turn;
  auto const decided = decide_restart(in);
  if (auto const* stays = std::get_if<StaysUp>(&decided)) {
    wants.set(stays->asks_for_turn);
    return Done{sentence + (stays->why.empty() ? "" : "; " + stays->why)};
  }
  if (auto first = pass_lead()) return *std::move(first);
  move_ = Restart{};
  return Needed{fmt::format("restart {} with {}", etcd_member_name(cluster_, inputs_.me.member),
                            std::get<RestartsNow>(decided).with)};
}

Result<std::string> EtcdStep::config_bytes(EtcdInitial const& initial,
                                           Duration derived_heartbeat) const {
  auto version = parse_etcd_version(version_);
  return render_etcd_config(parts_.config, cluster_, inputs_.me.member,
                            etcd_data_dir(sight_.mount_point()), version.value_or(EtcdVersion{}),
                            initial, derived_heartbeat);
}

// What the running etcd was started with, where that was derived.
Result<Duration> EtcdStep::derived_heartbeat_on_disk() const {
  auto bytes = read_file(parts_.root(etcd_config_path(cluster_)));
  if (!bytes) return std::unexpected(bytes.error());
  auto const heartbeat = *bytes ? heartbeat_in_config(**bytes) : std::nullopt;
  auto const& settings = parts_.config.etcd.of(cluster_ == EtcdCluster::main);
  return heartbeat && may_stay(settings, *heartbeat) ? *heartbeat
                                                     : recorded_heartbeat(parts_.root, cluster_);
}

// etcd reads over these once there is data, so the file keeps what its first start was told.
Result<EtcdInitial> EtcdStep::initial_on_disk() const {
  auto bytes = read_file(parts_.root(etcd_config_path(cluster_)));
  if (!bytes) return std::unexpected(bytes.error());
  EtcdInitial const joined{.members = inputs_.me.expected, .existing = true};
  return *bytes ? initial_in_config(**bytes).value_or(joined) : joined;
}

bool EtcdStep::knows_new_version() const {
  auto const data = data_version_of(serves_.cluster, serves_.storage);
  return !data.empty() &&
         (serves_.server != inputs_.volume.served_by || data != inputs_.volume.data_version);
}

// Of apiservers that served the cluster before the restore: each stays an endpoint of the service
// "kubernetes" for as long as its lease stands. Live ones write theirs every few seconds.
Result<std::vector<std::string>> EtcdStep::stale_leases(std::stop_token stop) {
  std::vector<std::string> keys;
  auto const& order = inputs_.store.order;
  if (cluster_ != EtcdCluster::main || !order || order->kind != EtcdOrder::Kind::restore ||
      inputs_.store.order_done != order->id || leases_erased_ == order->id ||
      inputs_.etcd.own.cluster_id != order->cluster_id)
    return keys;
  auto found = own().range(kLeasesBegin, kLeasesEnd, Consistency::linearizable, std::move(stop));
  if (!found) return fail(found.error(), "looking for the leases of apiservers");
  for (auto const& each : *found)
    if (each.mod_revision <= order->revision) keys.push_back(each.key);
  if (keys.empty()) leases_erased_ = order->id;
  return keys;
}

}  // namespace haagent::bootstrap
