#include "bootstrap/etcd/member/observe.h"

#include <algorithm>
#include <utility>

#include "agent/base/kube_versions.h"
#include "agent/base/volume_tags.h"
#include "bootstrap/etcd/backup/restore.h"
#include "bootstrap/etcd/disk/ownership.h"
#include "bootstrap/etcd/member/ask.h"
#include "bootstrap/etcd/member/launch.h"
#include "bootstrap/etcd/member/standing.h"
#include "bootstrap/layout/trust.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// Nothing hangs on the answer but how early a wrong version is reported: etcd itself refuses the
// rest.
constexpr EtcdTimeouts kVersionTimeouts{.connect = 600ms, .request = 1'500ms};

constexpr char const* kLeasesBegin = "/registry/masterleases/";
constexpr char const* kLeasesEnd = "/registry/masterleases0";

// Where it is not known, it may be one.
bool is_step_up(std::string const& mine, std::string const& before) {
  auto const from = parse_etcd_version(before);
  auto const to = parse_etcd_version(mine);
  return !from || !to || to->minor > from->minor;
}

std::string warnings_of(EtcdVersion version, std::string const& kubernetes) {
  std::optional<int> minor;
  if (auto const parsed = parse_kube_version(kubernetes)) minor = parsed->minor;
  return fmt::format("{}", fmt::join(version_warnings(version, minor), ", "));
}

// The parts of one look, in the order in which they need each other.
class Look {
 public:
  Look(EtcdCluster cluster, EtcdDeps const& deps, Peers& peers, Facts& facts, Observed& out)
      : cluster_(cluster), deps_(deps), peers_(peers), facts_(facts), out_(out) {}

  Result<void> at_all(std::stop_token stop) {
    if (auto done = at_identity(stop); !done) return done;
    at_store();
    if (auto done = at_volume(); !done) return done;
    if (auto done = at_unit(); !done) return done;
    if (auto done = at_members(stop); !done) return done;
    at_machine();
    at_what_serving_needs(stop);
    return {};
  }

 private:
  Result<void> at_identity(std::stop_token stop);
  void at_store();
  Result<void> at_volume();
  Result<void> at_unit();
  Result<void> at_members(std::stop_token stop);
  void at_list(std::vector<AskedMember> const& asked, std::vector<MemberAnswer> const& answers);
  void at_machine();
  Result<std::optional<ShutOut>> shut_out();
  void at_what_serving_needs(std::stop_token stop);
  Result<std::vector<std::string>> stale_leases(std::stop_token stop);
  Result<RestartReasons> restart_reasons();

  Result<std::string> installed_version(std::stop_token stop);
  std::vector<AskedMember> whom_to_ask();
  Result<EtcdVersions> versions_of(std::string const& endpoint, std::stop_token stop) const {
    return EtcdClient(deps_.http, {endpoint}, etcd_client_tls(deps_.root), kVersionTimeouts)
        .versions(std::move(stop));
  }
  InitialMember known_as(std::string const& member) const {
    return {etcd_member_name(cluster_, member), etcd_peer_url(deps_.config, cluster_, member)};
  }
  std::string own_endpoint() const { return etcd_endpoint(cluster_, "127.0.0.1"); }

  EtcdCluster const cluster_;
  EtcdDeps const& deps_;
  Peers& peers_;
  Facts& facts_;
  Observed& out_;
};

Result<std::string> Look::installed_version(std::stop_token stop) {
  auto ran = deps_.process.run({.argv = {deps_.config.etcd.binary, "--version"},
                                .environment = {},
                                .input = {},
                                .deadline = 10s},
                               std::move(stop));
  if (!ran) return fail(ran.error(), "asking etcd for its version");
  auto version = parse_etcd_version(ran->out);
  if (!version)
    return fail(Kind::invalid, "'{} --version' does not say which etcd it is",
                deps_.config.etcd.binary);
  return to_string(*version);
}

Result<void> Look::at_identity(std::stop_token stop) {
  auto volume = facts_.etcd(cluster_).volume.get();
  if (!volume)
    return fail(Kind::transient,
                "this master holds no volume of {} any more: see what volume-{} says",
                to_string(cluster_), to_string(cluster_));
  if (out_.memory.installed.empty()) {
    auto version = installed_version(std::move(stop));
    if (!version) return std::unexpected(version.error());
    out_.memory.installed = *std::move(version);
  }
  auto& in = out_.inputs;
  out_.volume = *std::move(volume);
  in.me = {.cluster = cluster_,
           .member = out_.volume.member,
           .self = known_as(out_.volume.member),
           .expected = {},
           .expected_members = out_.volume.members,
           .version = out_.memory.installed};
  in.ec2.tags_settle = deps_.pace.tags_settle;
  in.others.learner_patience = deps_.pace.learner_patience;
  // My own tag may have changed since this boot read it.
  if (auto const evidence = peers_.evidence(cluster_))
    for (auto const& each : evidence->volumes)
      if (each.volume_id == out_.volume.volume_id && !each.members.empty())
        in.me.expected_members = each.members;
  for (auto const& member : in.me.expected_members) in.me.expected.push_back(known_as(member));
  return {};
}

void Look::at_store() {
  if (!deps_.store) return;
  auto& store = out_.inputs.store;
  using State = EtcdBackups::State;
  auto const backups = facts_.etcd(cluster_).backups.get().value_or(EtcdBackups{});
  store.backups = backups.state == State::present ? StoreFacts::Backups::present
                  : backups.state == State::none  ? StoreFacts::Backups::none
                                                  : StoreFacts::Backups::unknown;
  store.backups_detail = backups.detail;
  store.restored_token = backups.restored_token;
  store.request = deps_.store->requests.of(cluster_).get();
  if (store.request) store.request_age = store.request->age_at(deps_.clock.steady());
}

// What is on the volume, at this moment. Where it is not seen, nothing is known of it.
Result<void> Look::at_volume() {
  auto& in = out_.inputs;
  auto const& volume = out_.volume;
  in.volume.volume_id = volume.volume_id;
  in.volume.snapshot_id = volume.snapshot_id;
  in.volume.tag_cluster_id =
      out_.memory.tagged.empty() ? volume.etcd_cluster_id : out_.memory.tagged;
  out_.sight = deps_.volumes.see(cluster_, volume);
  if (!out_.sight.seen()) {
    in.volume.unseen = out_.sight.unseen();
    return {};
  }
  auto data = inspect_data_dir(out_.sight.path());
  if (!data) return std::unexpected(data.error());
  in.volume.data = *std::move(data);
  auto const& marker = out_.sight.marker();
  in.volume.marker_cluster_id = marker.etcd_cluster_id;
  in.volume.served_by = marker.etcd_version;
  in.volume.data_version = marker.etcd_data_version;
  in.volume.copy_of = copied_from(marker, volume.volume_id, volume.snapshot_id);
  // A request was carried out on the volume that it named, and on no copy of it.
  if (in.volume.copy_of.empty()) in.store.request_done = marker.request_id;
  return {};
}

Result<void> Look::at_unit() {
  auto& in = out_.inputs;
  auto& starts = out_.memory.starts;
  auto unit = deps_.units.state(etcd_unit(cluster_));
  if (!unit) return std::unexpected(unit.error());
  starts.saw(*unit, deps_.clock);
  in.etcd.unit = unit->phase;
  in.etcd.between_starts = is_up(unit->phase) && unit->pid == 0;
  in.etcd.unit_detail = unit->detail;
  in.etcd.last_end = starts.last_end();
  in.etcd.failed_starts = starts.failed();
  in.etcd.starts_at = starts.due(deps_.clock);
  in.etcd.promotion_refused = std::exchange(out_.memory.change.promotion_refused, {});
  in.etcd.change_was_early = out_.memory.change.early;
  if (is_up(unit->phase) || in.volume.data.state != DataDir::State::member ||
      !is_step_up(in.me.version, in.volume.served_by))
    return {};
  auto old = old_requests(out_.sight.path());
  if (!old) return std::unexpected(old.error());
  in.volume.old_requests = *old;
  return {};
}

std::vector<AskedMember> Look::whom_to_ask() {
  auto const& in = out_.inputs;
  std::vector<AskedMember> asked;
  if (is_up(in.etcd.unit)) asked.push_back({in.me.member, own_endpoint()});
  for (auto const& peer : facts_.etcd(cluster_).peers.get().value_or(std::vector<EtcdPeer>{})) {
    if (peer.member == in.me.member) continue;
    asked.push_back({peer.member, peer.address.empty() ? "" : etcd_endpoint(cluster_, peer.address),
                     out_.memory.versions.server.empty() ? kAskPatienceStarting : kAskPatience});
  }
  return asked;
}

Result<void> Look::at_members(std::stop_token stop) {
  auto& in = out_.inputs;
  auto const asked = whom_to_ask();
  auto answers = ask_members(deps_.http, asked, etcd_client_tls(deps_.root), stop);
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  at_list(asked, answers);
  in.others.learner_still = out_.memory.learner.saw(answers, deps_.clock.steady());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto& answer = answers[i];
    if (answer.member == in.me.member) {
      in.etcd.own = std::move(answer);
      continue;
    }
    if (!is_up(in.etcd.unit) && in.others.cluster_version.empty() &&
        answer.reach == MemberAnswer::Reach::answers) {
      if (auto versions = versions_of(asked[i].endpoint, stop))
        in.others.cluster_version = versions->cluster;
    }
    in.others.peers.push_back(std::move(answer));
  }
  return {};
}

// Where a quorum of this volume's own cluster answers, another cluster's counts for nothing.
void Look::at_list(std::vector<AskedMember> const& asked,
                   std::vector<MemberAnswer> const& answers) {
  auto const own = own_cluster(out_.inputs);
  bool const own_has_quorum = std::ranges::any_of(answers, [&](MemberAnswer const& each) {
    return each.quorum_list && each.cluster_id == own;
  });
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i].quorum_list || (own_has_quorum && answers[i].cluster_id != own)) continue;
    out_.voter_endpoints.push_back(asked[i].endpoint);
    out_.list = *answers[i].quorum_list;
  }
  std::vector<std::uint64_t> ids;
  for (auto const& member : out_.list) ids.push_back(member.id);
  out_.list_changed = out_.memory.list.saw(std::move(ids), deps_.clock.steady());
}

void Look::at_machine() {
  out_.inputs.machine.shut_out = shut_out();
}

// A start gives it everything. One that systemd starts again and again is up to systemd, and nobody
// would start it through here.
Result<std::optional<ShutOut>> Look::shut_out() {
  auto const& in = out_.inputs;
  if (in.volume.unseen || !is_up(in.etcd.unit)) return std::nullopt;
  auto const user = deps_.units.user(etcd_unit(cluster_));
  if (!user) return std::unexpected(user.error());
  if (*user == own_user()) return std::nullopt;
  auto const closed = shut_out_of(deps_.root, cluster_, out_.sight, *user, in.etcd.between_starts);
  if (!closed) return std::unexpected(closed.error());
  if (!*closed) return std::nullopt;
  return ShutOut{.etcd = *user, .data = in.etcd.between_starts, .path = (*closed)->string()};
}

void Look::at_what_serving_needs(std::stop_token stop) {
  auto& in = out_.inputs;
  auto& memory = out_.memory;
  auto const& own = in.etcd.own;
  if (in.volume.unseen || !own.quorum_list) return;
  if (auto versions = versions_of(own_endpoint(), stop)) memory.versions = *std::move(versions);
  if (own.leader_id != own.member_id) memory.lead_passes = 0;
  in.serving.versions = memory.versions;
  in.serving.lead_passes = memory.lead_passes;
  in.serving.stale_leases = stale_leases(stop);
  in.serving.leftovers =
      deps_.store && has_begun_restore(Backups(cluster_, deps_.store->backups), out_.sight.path());
  in.serving.restart = restart_reasons();
  if (auto version = parse_etcd_version(in.me.version))
    in.serving.warnings = warnings_of(*version, deps_.config.kubernetes.version);
  auto const pki = facts_.pki.get().value_or(PkiFacts{});
  in.serving.turn = {.asked = facts_.etcd(cluster_).wants_restart.get().value_or(false),
                     .mine = !pki.restart_for.empty(),
                     .holder = pki.turn};
}

// Of apiservers that served the cluster before the restore: each stays an endpoint of the service
// "kubernetes" for as long as its lease stands. Live ones write theirs every few seconds.
Result<std::vector<std::string>> Look::stale_leases(std::stop_token stop) {
  std::vector<std::string> keys;
  auto const& in = out_.inputs;
  auto const& request = in.store.request;
  if (cluster_ != EtcdCluster::main || !request ||
      request->kind != RecoveryRequest::Kind::restore || in.store.request_done != request->id ||
      out_.memory.leases_erased == request->id || in.etcd.own.cluster_id != request->cluster_id)
    return keys;
  EtcdClient own(deps_.http, {own_endpoint()}, etcd_client_tls(deps_.root));
  auto found = own.range(kLeasesBegin, kLeasesEnd, Consistency::linearizable, std::move(stop));
  if (!found) return fail(found.error(), "looking for the leases of apiservers");
  for (auto const& each : *found)
    if (each.mod_revision <= request->revision) keys.push_back(each.key);
  if (keys.empty()) out_.memory.leases_erased = request->id;
  return keys;
}

Result<RestartReasons> Look::restart_reasons() {
  auto& in = out_.inputs;
  RestartReasons reasons;
  auto const other = runs_with_another_configuration(deps_, in.me, out_.sight);
  if (!other) return std::unexpected(other.error());
  reasons.configuration = *other;
  // Whether pki grants a restart (it has this master's turn of a rotation), and the member was
  // started with another trust than the granted one.
  auto const granted = facts_.pki.get().value_or(PkiFacts{}).restart_for;
  if (!granted.empty()) {
    auto const differs = runs_with_another_trust(deps_.root, cluster_, granted);
    if (!differs) return std::unexpected(differs.error());
    reasons.trust = *differs;
  }
  if (out_.memory.restarted_for_version ||
      parse_etcd_version(in.etcd.own.server.version) == parse_etcd_version(in.me.version))
    return reasons;
  reasons.version = in.me.version;
  in.others.cluster_version = out_.memory.versions.cluster;
  auto old = old_requests(out_.sight.path());
  if (!old) return std::unexpected(old.error());
  in.volume.old_requests = *old;
  return reasons;
}

void take_evidence(std::optional<Evidence> const& evidence, Clock const& clock, Observed& out) {
  auto& ec2 = out.inputs.ec2;
  ec2.volumes.reset();
  if (!evidence) return;
  ec2.volumes.emplace();
  ec2.volumes_age = evidence->age;
  // Of two minutes in which EC2 says one thing and etcd's list another, all count: a list that has
  // just changed may have changed because of tags that EC2 does not show here yet.
  auto const stable = out.memory.list.age(clock.steady()) - evidence->age;
  ec2.tags_agree_for = std::clamp(stable, Duration(0), evidence->tags_agree_for);
  for (auto const& volume : evidence->volumes)
    ec2.volumes->push_back({.volume_id = volume.volume_id,
                            .member = volume.member,
                            .members = volume.members,
                            .etcd_cluster_id = volume.etcd_cluster_id,
                            .attached = !volume.holder().empty()});
  for (auto const& volume : evidence->retired)
    ec2.volumes->push_back({.volume_id = volume.volume_id,
                            .member = {},
                            .members = {},
                            .etcd_cluster_id = volume.etcd_cluster_id,
                            .tagged = false});
}

}  // namespace

Result<Observed> observe_member(EtcdCluster cluster, EtcdDeps const& deps, Peers& peers,
                                MemberMemory memory, Facts& facts, std::stop_token stop) {
  Observed observed;
  observed.memory = std::move(memory);
  auto looked = Look(cluster, deps, peers, facts, observed).at_all(std::move(stop));
  if (!looked) {
    auto error = looked.error();
    error.message.text = observed.sight.in_words(std::move(error.message.text));
    return std::unexpected(std::move(error));
  }
  return observed;
}

void observe_region(Peers& peers, Peers::View const& view, Clock const& clock, Observed& observed) {
  take_evidence(peers.evidence(observed.inputs.me.cluster), clock, observed);
  auto& hosts = observed.inputs.machine.hosts;
  hosts.reset();
  if (!view.written) hosts = HostsChange{view.entries, view.sentence};
}

}  // namespace haagent::bootstrap
