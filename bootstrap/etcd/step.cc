#include "bootstrap/etcd/step.h"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/base/volume_marker.h"
#include "agent/base/volume_tags.h"
#include "bootstrap/etcd/ask.h"
#include "bootstrap/etcd/errors.h"
#include "bootstrap/etcd/handover.h"
#include "bootstrap/etcd/member_facts.h"
#include "bootstrap/etcd/order_decision.h"
#include "bootstrap/etcd/ownership.h"
#include "bootstrap/etcd/restart.h"
#include "bootstrap/etcd/restore.h"
#include "bootstrap/etcd/trust.h"
#include "bootstrap/hosts/step.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
using Phase = UnitState::Phase;

// Of Debian's package etcd-server.
constexpr char kDebiansUnit[] = "etcd.service";

constexpr Duration kStopDeadline = 30s;
constexpr Duration kPromotionShows = 5s;
constexpr Duration kStartAgainFirst = 1s;
// etcd takes no new member before its voters have been connected for 5 s; backing off from that
// would only sleep through the moment.
constexpr Duration kChangeAgain = 1s;
constexpr Duration kStartAgainCap = 60s;
constexpr Duration kTurns = 1s;
constexpr int kLeadPasses = 2;

// A single member elects itself within a second; a large database takes its time to be read.
constexpr Duration kAloneDeadline = 120s;
constexpr Duration kAloneAgain = 200ms;

constexpr char const* kLeasesBegin = "/registry/masterleases/";
constexpr char const* kLeasesEnd = "/registry/masterleases0";

// Nothing hangs on the answer but how early a wrong version is told: etcd itself refuses the rest.
constexpr EtcdTimeouts kVersionTimeouts{.connect = 600ms, .request = 1'500ms};

bool is_up(Phase phase) {
  return phase == Phase::starting || phase == Phase::running;
}

bool starts_etcd(Decision const& decision) {
  return std::holds_alternative<StartAsIs>(decision) || std::holds_alternative<FormNew>(decision) ||
         std::holds_alternative<StartJoined>(decision);
}

// Where it is not known, it may be one.
bool is_step_up(std::string const& mine, std::string const& before) {
  auto const from = parse_etcd_version(before);
  auto const to = parse_etcd_version(mine);
  return !from || !to || to->minor > from->minor;
}

bool changes_members(Decision const& decision) {
  return std::holds_alternative<AddLearner>(decision) ||
         std::holds_alternative<RemoveStale>(decision) ||
         std::holds_alternative<RemoveMember>(decision);
}

}  // namespace

EtcdStep::EtcdStep(EtcdCluster cluster, EtcdParts parts, std::shared_ptr<Peers> peers)
    : cluster_(cluster),
      parts_(std::move(parts)),
      peers_(std::move(peers)),
      name_(fmt::format("etcd-{}", to_string(cluster))) {}

// A start that came to nothing delays the next one.
void EtcdStep::count_failures(UnitState const& unit) {
  if (!started_ || is_up(unit.phase)) return;
  started_ = false;
  auto const pause =
      std::min(kStartAgainCap, kStartAgainFirst * (1 << std::min(failed_starts_, 6)));
  ++failed_starts_;
  next_start_ = parts_.clock.steady() + pause;
  next_start_utc_ = parts_.clock.utc() + pause;
}

Result<MemberInputs> EtcdStep::gather(Facts& facts, std::stop_token stop) {
  auto& mine = facts.etcd(cluster_);
  auto volume = mine.volume.require(fmt::format("volume of {}", to_string(cluster_)));
  if (!volume) return std::unexpected(volume.error());
  auto mount = mine.mount.require(fmt::format("mount of {}", to_string(cluster_)));
  if (!mount) return std::unexpected(mount.error());
  mount_point_ = parts_.root(mount->mount_point);

  if (version_.empty()) {
    auto ran = parts_.process.run({.argv = {parts_.config.etcd.binary, "--version"},
                                   .environment = {},
                                   .input = {},
                                   .deadline = 10s},
                                  stop);
    if (!ran) return fail(ran.error(), "asking etcd for its version");
    auto version = parse_etcd_version(ran->out);
    if (!version)
      return fail(Kind::invalid, "'{} --version' does not say which etcd it is",
                  parts_.config.etcd.binary);
    version_ = to_string(*version);
  }

  auto known_as = [&](std::string const& member) {
    return InitialMember{etcd_member_name(cluster_, member),
                         etcd_peer_url(parts_.config, cluster_, member)};
  };
  MemberInputs in{.member = volume->member,
                  .self = known_as(volume->member),
                  .version = version_,
                  .tags_settle = parts_.pace.tags_settle,
                  .learner_patience = parts_.pace.learner_patience};
  take_evidence(in);
  // My own tag may have changed since this boot read it.
  in.expected_members = volume->members;
  for (auto const& each : in.volumes.value_or(std::vector<VolumeEvidence>{}))
    if (each.volume_id == volume->volume_id && !each.members.empty())
      in.expected_members = each.members;
  for (auto const& member : in.expected_members) in.expected.push_back(known_as(member));
  if (parts_.asks_for_backups) {
    using State = EtcdBackups::State;
    auto const backups = mine.backups.get().value_or(EtcdBackups{});
    in.backups = backups.state == State::present ? MemberInputs::Backups::present
                 : backups.state == State::none  ? MemberInputs::Backups::none
                                                 : MemberInputs::Backups::unknown;
    in.backups_detail = backups.detail;
    in.restored_token = backups.restored_token;
  }
  auto data = inspect_data_dir(mount_point_);
  if (!data) return std::unexpected(data.error());
  in.data = *std::move(data);
  auto marker = read_volume_marker(mount_point_);
  if (!marker) return std::unexpected(marker.error());
  if (*marker) {
    in.marker_cluster_id = (*marker)->etcd_cluster_id;
    in.served_by = (*marker)->etcd_version;
    in.data_version = (*marker)->etcd_data_version;
    in.order_done = (*marker)->etcd_order;
  }
  in.volume_id = volume->volume_id;
  if (parts_.orders && parts_.backups) {
    in.order = parts_.orders->of(cluster_).get();
    if (in.order)
      in.order_age =
          std::chrono::duration_cast<Duration>(parts_.clock.utc() - in.order->created_at);
  }
  in.tag_cluster_id = tagged_.empty() ? volume->etcd_cluster_id : tagged_;
  in.snapshot_id = volume->snapshot_id;

  auto unit = parts_.units.state(etcd_unit(cluster_));
  if (!unit) return std::unexpected(unit.error());
  count_failures(*unit);
  in.unit = unit->phase;
  in.unit_detail = unit->detail;
  in.failed_starts = failed_starts_;

  if (!is_up(in.unit) && in.data.state == DataDir::State::member &&
      is_step_up(in.version, in.served_by)) {
    auto old = old_requests(mount_point_);
    if (!old) return std::unexpected(old.error());
    in.old_requests = *old;
  }

  std::vector<AskedMember> asked;
  if (is_up(in.unit)) asked.push_back({in.member, etcd_endpoint(cluster_, "127.0.0.1")});
  for (auto const& peer : mine.peers.get().value_or(std::vector<EtcdPeer>{})) {
    if (peer.member == in.member) continue;
    asked.push_back(
        {peer.member, peer.address.empty() ? "" : etcd_endpoint(cluster_, peer.address)});
  }
  auto answers = ask_members(parts_.http, asked, etcd_client_tls(parts_.root), stop);
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  voter_endpoints_.clear();
  std::vector<std::uint64_t> list;
  std::set<std::string> listed;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto& answer = answers[i];
    if (answer.quorum_list) {
      voter_endpoints_.push_back(asked[i].endpoint);
      list.clear();
      listed.clear();
      for (auto const& member : *answer.quorum_list) {
        list.push_back(member.id);
        listed.insert(member_of(member));
      }
    }
    if (answer.member == in.member) {
      in.own = std::move(answer);
      continue;
    }
    peers_->heard(cluster_, answer.member, answer.reach != MemberAnswer::Reach::silent);
    if (!is_up(in.unit) && in.cluster_version.empty() &&
        answer.reach == MemberAnswer::Reach::answers) {
      EtcdClient peer(parts_.http, {asked[i].endpoint}, etcd_client_tls(parts_.root),
                      kVersionTimeouts);
      if (auto versions = peer.versions(stop)) in.cluster_version = versions->cluster;
    }
    in.peers.push_back(std::move(answer));
  }
  std::ranges::sort(list);
  if (!list.empty() && !last_list_.empty() && list != last_list_) peers_->hurry();
  if (!list.empty()) {
    if (list != last_list_) list_since_ = parts_.clock.steady();
    last_list_ = std::move(list);
    peers_->listed(cluster_, std::move(listed));
  }
  watch_learner(in);
  take_evidence(in);
  return in;
}

// "b" of the member whose peer URL is http://etcd-b.internal.<cluster>:2380; else by its name.
std::string EtcdStep::member_of(EtcdMember const& listed) const {
  for (auto const& url : listed.peer_urls) {
    auto const begin = url.find("//");
    if (begin == std::string::npos) continue;
    auto const host = url.substr(begin + 2, url.find(':', begin) - begin - 2);
    if (auto member = member_of_host(parts_.config, host); !member.empty()) return member;
  }
  auto const prefix = etcd_member_name(cluster_, "");
  return listed.name.starts_with(prefix) ? listed.name.substr(prefix.size()) : "";
}

// For how long the learner's log has not grown.
void EtcdStep::watch_learner(MemberInputs& in) {
  auto const now = parts_.clock.steady();
  std::uint64_t id = 0;
  auto answers = in.peers;
  answers.push_back(in.own);
  for (auto const& answer : answers)
    for (auto const& member : answer.quorum_list.value_or(std::vector<EtcdMember>{}))
      if (member.learner) id = member.id;
  std::uint64_t index = 0;
  for (auto const& answer : answers)
    if (id != 0 && answer.member_id == id) index = answer.raft_index;
  if (id != learner_ || index > learner_index_) {
    learner_ = id;
    learner_index_ = index;
    learner_since_ = now;
  }
  if (id != 0) in.learner_still = std::chrono::duration_cast<Duration>(now - learner_since_);
}

void EtcdStep::take_evidence(MemberInputs& in) const {
  auto evidence = peers_->evidence(cluster_);
  in.volumes.reset();
  if (!evidence) return;
  in.volumes.emplace();
  in.volumes_age = evidence->age;
  // Of two minutes in which EC2 says one thing and etcd's list another, all count: a list that has
  // just changed may have changed because of tags that EC2 does not show here yet.
  auto const stable =
      std::chrono::duration_cast<Duration>(parts_.clock.steady() - list_since_) - evidence->age;
  in.tags_agree_for = std::clamp(stable, Duration(0), evidence->tags_agree_for);
  for (auto const& volume : evidence->volumes)
    in.volumes->push_back({.volume_id = volume.volume_id,
                           .member = volume.member,
                           .members = volume.members,
                           .etcd_cluster_id = volume.etcd_cluster_id,
                           .attached = !volume.instance_id.empty()});
  for (auto const& volume : evidence->retired)
    in.volumes->push_back({.volume_id = volume.volume_id,
                           .member = {},
                           .members = {},
                           .etcd_cluster_id = volume.etcd_cluster_id,
                           .tagged = false});
}

Result<void> EtcdStep::ask_ec2(MemberInputs& in, std::stop_token stop) {
  auto volumes = peers_->volumes(cluster_, Duration(0), std::move(stop));
  if (!volumes) return std::unexpected(volumes.error());
  take_evidence(in);
  return {};
}

Result<Finding> EtcdStep::look(Facts& facts, std::stop_token stop) {
  move_ = {};
  polls_change_ = false;
  turns_ = facts.pki.get().value_or(PkiFacts{}).changing;
  auto view = peers_->look(facts, stop);
  if (!view) return std::unexpected(view.error());
  auto inputs = gather(facts, stop);
  if (!inputs) return std::unexpected(inputs.error());
  inputs->promotion_refused = std::exchange(promotion_refused_, {});
  auto decision = decide(*inputs);
  // EC2 is asked only where the decision hangs on what it says now.
  if (auto const* serving = std::get_if<Serving>(&decision);
      asks_ec2(decision) ||
      (serving && serving->watch_tags && inputs->volumes_age >= parts_.pace.tags_settle / 4)) {
    auto asked = ask_ec2(*inputs, stop);
    if (!asked && !serving) return std::unexpected(asked.error());
    // EC2 may have told more than evidence: where the others are.
    view = peers_->look(facts, stop);
    if (!view) return std::unexpected(view.error());
    decision = decide(*inputs);
  }
  inputs_ = *std::move(inputs);
  auto& fact = facts.etcd(cluster_).member;
  auto const quota = parts_.config.etcd.of(cluster_ == EtcdCluster::main).quota_backend_bytes;
  if (auto member = member_facts(cluster_, inputs_, quota)) {
    fact.set(*std::move(member));
  } else {
    fact.clear();
  }
  if (!view->written) {
    move_ = WriteHosts{view->entries};
    return Needed{"write to /etc/hosts: " + view->sentence};
  }
  auto sentence = sentence_of(decision, inputs_);
  if (std::holds_alternative<Serving>(decision))
    return when_serving(facts, std::move(sentence), stop);
  started_ = started_ && !inputs_.own.quorum_list;
  // The turn is not given back meanwhile: the member does not serve.
  facts.etcd(cluster_).wants_restart.set(false);
  facts.etcd(cluster_).restart_held.set("");
  if (std::holds_alternative<Wait>(decision)) return Waiting{std::move(sentence)};
  if (std::holds_alternative<Refuse>(decision)) return fail(Kind::refused, "{}", sentence);
  if (starts_etcd(decision) && failed_starts_ > 0 && parts_.clock.steady() < next_start_)
    return Waiting{fmt::format("{} at {}", sentence, to_rfc3339(next_start_utc_))};
  if (too_early_ && changes_members(decision)) {
    too_early_ = false;
    polls_change_ = true;
    auto const absent = missing(inputs_);
    return Waiting{fmt::format("{} once etcd's voters have been connected to each other for 5 s{}",
                               sentence, absent.empty() ? "" : ": " + absent)};
  }
  move_ = std::move(decision);
  return Needed{std::move(sentence)};
}

void EtcdStep::pause(Clock& clock, Duration at_most, std::stop_token stop) {
  Step::pause(clock, polls_change_ ? std::min(at_most, kChangeAgain) : at_most, std::move(stop));
}

bool EtcdStep::rest(Clock& clock, Duration at_most, std::stop_token stop) {
  return clock.sleep(turns_ ? std::min(at_most, kTurns) : at_most, std::move(stop));
}

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

// The lead goes first, so that the restart costs no election. Nothing where this member does not
// lead, or where nobody takes it over.
std::optional<Finding> EtcdStep::pass_lead() {
  auto const& own = inputs_.own;
  if (own.leader_id != own.member_id) {
    lead_passed_ = 0;
    return std::nullopt;
  }
  auto const to = successor_of(own.member_id, *own.quorum_list, inputs_.peers);
  if (!to || lead_passed_ >= kLeadPasses) return std::nullopt;
  auto const name = std::ranges::find(*own.quorum_list, *to, &EtcdMember::id)->name;
  move_ = PassLead{*to};
  return Needed{fmt::format("move the leader to {} before {} restarts{}", name,
                            etcd_member_name(cluster_, inputs_.member),
                            lead_passed_ == 0 ? "" : ", once more")};
}

// A changed configuration is brought in by a restart, once it is this master's turn. So are
// authorities that it does not trust yet, or no longer should.
Result<Finding> EtcdStep::when_serving(Facts& facts, std::string sentence, std::stop_token stop) {
  started_ = false;
  failed_starts_ = 0;
  if (auto versions = own_member().versions(stop)) serves_ = *std::move(versions);
  if (knows_new_version()) {
    move_ = WriteVersion{};
    return Needed{fmt::format("write to the volume of {} that etcd {} serves on it, at {}",
                              etcd_member_name(cluster_, inputs_.member), serves_.server,
                              data_version_of(serves_.cluster, serves_.storage))};
  }
  auto stale = stale_leases(stop);
  if (!stale) return std::unexpected(stale.error());
  if (!stale->empty()) {
    move_ = EraseLeases{*std::move(stale)};
    return Needed{"take the leases of apiservers from before the restore away"};
  }
  if (parts_.backups && has_begun_restore(Backups(cluster_, *parts_.backups), mount_point_)) {
    move_ = DropRestored{};
    return Needed{fmt::format("take away what a restore or a backup of {} has left",
                              etcd_member_name(cluster_, inputs_.member))};
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
      !restarted_for_version_ && parse_etcd_version(inputs_.own.version) != installed;
  auto const new_trust = may_load_trust(facts);
  if (!new_trust) return std::unexpected(new_trust.error());
  RestartInputs in{.configuration = *on_disk != *wanted,
                   .version = another ? version_ : "",
                   .refusal = {},
                   .trust = *new_trust,
                   .turn = {}};
  // What must not be started must not be stopped for.
  inputs_.cluster_version = serves_.cluster;
  if (another) {
    auto old = old_requests(mount_point_);
    if (!old) return std::unexpected(old.error());
    inputs_.old_requests = *old;
    if (auto refusal = version_refusal(version_facts(inputs_)))
      in.refusal = fmt::format("{}; {}", refusal->why, refusal->instead);
  }
  auto const& list = inputs_.own.quorum_list;
  in.alone = list && list->size() == 1;
  in.all_serve = list && std::ranges::all_of(*list, [&](EtcdMember const& member) {
                   return member.id == inputs_.own.member_id ||
                          std::ranges::any_of(inputs_.peers, [&](MemberAnswer const& peer) {
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
  return Needed{fmt::format("restart {} with {}", etcd_member_name(cluster_, inputs_.member),
                            std::get<RestartsNow>(decided).with)};
}

Result<std::string> EtcdStep::config_bytes(EtcdInitial const& initial,
                                           Duration derived_heartbeat) const {
  auto version = parse_etcd_version(version_);
  return render_etcd_config(parts_.config, cluster_, inputs_.member, etcd_data_dir(mount_point_),
                            version.value_or(EtcdVersion{}), initial, derived_heartbeat);
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
  EtcdInitial const joined{.members = inputs_.expected, .existing = true};
  return *bytes ? initial_in_config(**bytes).value_or(joined) : joined;
}

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
  if (auto made = make_directories(etcd_data_dir(mount_point_), 0700); !made) return made;
  auto const user = parts_.units.user(etcd_unit(cluster_));
  if (!user) return std::unexpected(user.error());
  if (auto given = give_to_etcd(parts_.root, cluster_, mount_point_, *user); !given) return given;
  // It was started when its package was installed, and has the ports.
  if (auto gone = parts_.units.stop(kDebiansUnit, kStopDeadline, {}); !gone)
    return fail(gone.error(), "stopping {}, which has etcd's ports", kDebiansUnit);
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

EtcdClient EtcdStep::own_member() const {
  return EtcdClient(parts_.http, {etcd_endpoint(cluster_, "127.0.0.1")},
                    etcd_client_tls(parts_.root), kVersionTimeouts);
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

Result<void> EtcdStep::tag(Facts& facts, std::uint64_t id, std::stop_token stop) {
  auto volume = facts.etcd(cluster_).volume.require("volume");
  if (!volume) return std::unexpected(volume.error());
  auto const text = etcd_id_text(id);
  auto tagged =
      parts_.ec2.create_tags(volume->volume_id, {{std::string(kEtcdClusterIdTag), text}}, stop);
  if (!tagged) return fail(tagged.error(), "tagging {} with its cluster id", volume->volume_id);
  tagged_ = text;
  return {};
}

bool EtcdStep::knows_new_version() const {
  auto const data = data_version_of(serves_.cluster, serves_.storage);
  return !data.empty() && (serves_.server != inputs_.served_by || data != inputs_.data_version);
}

Result<void> EtcdStep::write_version() {
  auto marker = read_volume_marker(mount_point_);
  if (!marker) return std::unexpected(marker.error());
  if (!*marker)
    return fail(Kind::refused, "{} has no haagent.json: it is not the volume that was prepared",
                mount_point_.string());
  (*marker)->etcd_version = serves_.server;
  (*marker)->etcd_data_version = data_version_of(serves_.cluster, serves_.storage);
  return write_volume_marker(mount_point_, **marker);
}

Result<void> EtcdStep::mark(std::uint64_t id, std::stop_token stop) {
  auto marker = read_volume_marker(mount_point_);
  if (!marker) return std::unexpected(marker.error());
  if (!*marker)
    return fail(Kind::refused, "{} has no haagent.json: it is not the volume that was prepared",
                mount_point_.string());
  (*marker)->etcd_cluster_id = etcd_id_text(id);
  if (auto versions = own_member().versions(std::move(stop))) serves_ = *std::move(versions);
  if (knows_new_version()) {
    (*marker)->etcd_version = serves_.server;
    (*marker)->etcd_data_version = data_version_of(serves_.cluster, serves_.storage);
  }
  return write_volume_marker(mount_point_, **marker);
}

Result<void> EtcdStep::carried_out(std::function<void(VolumeMarker&)> const& change) {
  auto marker = read_volume_marker(mount_point_);
  if (!marker) return std::unexpected(marker.error());
  if (!*marker)
    return fail(Kind::refused, "{} has no haagent.json: it is not the volume that was prepared",
                mount_point_.string());
  // What names an order must not stand beside what another one has half built.
  if (auto dropped = drop_begun_restore(); !dropped) return dropped;
  (*marker)->etcd_order = inputs_.order->id;
  change(**marker);
  started_ = false;
  failed_starts_ = 0;
  return write_volume_marker(mount_point_, **marker);
}

Result<void> EtcdStep::drop_begun_restore() const {
  if (!parts_.backups) return {};  // then nobody restores
  return drop_restored(Backups(cluster_, *parts_.backups), mount_point_);
}

Result<void> EtcdStep::restore(std::stop_token stop) {
  auto done = is_restored_but_for_its_place(inputs_)
                  ? place_restored(mount_point_)
                  : restore_volume(*parts_.backups, *inputs_.order, inputs_.member, mount_point_,
                                   std::move(stop));
  if (!done) return fail(done.error(), "restoring {}", etcd_member_name(cluster_, inputs_.member));
  started_ = false;
  failed_starts_ = 0;
  return {};
}

Result<void> EtcdStep::adopt(Facts& facts, std::uint64_t id, std::stop_token stop) {
  if (auto done = tag(facts, id, std::move(stop)); !done) return done;
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
  auto stopped = parts_.units.stop(unit, kStopDeadline, stop);
  if (auto written = write_config(*initial); !written) return written;
  if (!alone) return fail(alone.error(), "making {} a cluster of its own", inputs_.self.name);
  if (!stopped) return stopped;
  return carried_out([](VolumeMarker&) {});
}

// Of apiservers that served the cluster before the restore: each stays an endpoint of the service
// "kubernetes" for as long as its lease stands. Live ones write theirs every few seconds.
Result<std::vector<std::string>> EtcdStep::stale_leases(std::stop_token stop) {
  std::vector<std::string> keys;
  auto const& order = inputs_.order;
  if (cluster_ != EtcdCluster::main || !order || order->kind != EtcdOrder::Kind::restore ||
      inputs_.order_done != order->id || leases_erased_ == order->id ||
      inputs_.own.cluster_id != order->cluster_id)
    return keys;
  auto found = own().range(kLeasesBegin, kLeasesEnd, Consistency::linearizable, std::move(stop));
  if (!found) return fail(found.error(), "looking for the leases of apiservers");
  for (auto const& each : *found)
    if (each.mod_revision <= order->revision) keys.push_back(each.key);
  if (keys.empty()) leases_erased_ = order->id;
  return keys;
}

// For good: not one that comes back under another id.
bool EtcdStep::takes_a_voter(Decision const& decision) const {
  auto const* leaving = std::get_if<RemoveMember>(&decision);
  if (!leaving || !inputs_.own.quorum_list) return false;
  auto const& list = *inputs_.own.quorum_list;
  auto const member = std::ranges::find(list, leaving->id, &EtcdMember::id);
  return member != list.end() && !member->learner;
}

Result<void> EtcdStep::carry_out(Decision const& decision, Facts& facts, std::stop_token stop) {
  if (std::get_if<StartAsIs>(&decision)) {
    auto initial = initial_on_disk();
    if (!initial) return std::unexpected(initial.error());
    return start(*initial);
  }
  if (auto const* form = std::get_if<FormNew>(&decision))
    return start({.members = form->initial, .existing = false});
  if (auto const* joined = std::get_if<StartJoined>(&decision))
    return start({.members = joined->initial, .existing = true});
  if (std::get_if<SetAside>(&decision)) {
    auto name = set_data_dir_aside(mount_point_, parts_.clock.utc());
    if (!name) return std::unexpected(name.error());
    started_ = false;
    failed_starts_ = 0;
    return {};
  }
  if (std::get_if<StopUnit>(&decision))
    return parts_.units.stop(etcd_unit(cluster_), kStopDeadline, stop);
  if (changes_members(decision) && parts_.before_change && !voter_endpoints_.empty()) {
    auto const change = takes_a_voter(decision) ? MemberChange::shrinks : MemberChange::restores;
    auto ready = parts_.before_change(cluster_, change, voter_endpoints_.front(), stop);
    if (!ready) return fail(ready.error(), "backing up before the members change");
  }
  if (auto const* remove = std::get_if<RemoveStale>(&decision))
    return voters().remove(remove->id, stop);
  if (auto const* leaving = std::get_if<RemoveMember>(&decision))
    return voters().remove(leaving->id, stop);
  if (auto const* lead = std::get_if<MoveLeader>(&decision))
    return own().move_leader(lead->to, stop);
  if (std::get_if<AddLearner>(&decision)) {
    failed_starts_ = 0;
    auto added = voters().add_learner(etcd_peer_url(parts_.config, cluster_, inputs_.member), stop);
    if (!added) return std::unexpected(added.error());
    return {};
  }
  if (auto const* learner = std::get_if<Promote>(&decision)) return promote(learner->id, stop);
  if (auto const* update = std::get_if<UpdatePeerUrl>(&decision))
    return voters().update_peer_url(update->id,
                                    etcd_peer_url(parts_.config, cluster_, inputs_.member), stop);
  if (std::get_if<RestoreData>(&decision)) return restore(stop);
  if (std::get_if<ForceAlone>(&decision)) return force_alone(stop);
  if (auto const* adopted = std::get_if<AdoptCluster>(&decision))
    return adopt(facts, adopted->id, stop);
  if (auto const* tagged = std::get_if<TagVolume>(&decision)) return tag(facts, tagged->id, stop);
  if (auto const* marked = std::get_if<MarkVolume>(&decision)) return mark(marked->id, stop);
  return fail(Kind::internal, "{} has nothing to do", name_);
}

Result<void> EtcdStep::act(Facts& facts, std::stop_token stop) {
  if (auto const* hosts = std::get_if<WriteHosts>(&move_)) return peers_->write(hosts->entries);
  if (std::get_if<WriteVersion>(&move_)) return write_version();
  if (auto const* lead = std::get_if<PassLead>(&move_)) {
    ++lead_passed_;
    // Whether it has moved is for the next look to say.
    auto moved = own().move_leader(lead->to, stop);
    if (!moved && moved.error().kind == Kind::interrupted) return moved;
    return {};
  }
  if (std::get_if<DropRestored>(&move_)) return drop_begun_restore();
  if (auto const* leases = std::get_if<EraseLeases>(&move_)) {
    for (auto const& key : leases->keys)
      if (auto erased = own().erase(key, stop); !erased)
        return fail(erased.error(), "taking {} away", key);
    return {};
  }
  if (std::get_if<Restart>(&move_)) {
    restarted_for_version_ = true;
    // Its start writes the configuration: one that is on the disk passes for what runs.
    return parts_.units.stop(etcd_unit(cluster_), kStopDeadline, stop);
  }
  auto const* decision = std::get_if<Decision>(&move_);
  if (!decision) return fail(Kind::internal, "{} is to act on nothing", name_);
  auto done = carry_out(*decision, facts, stop);
  if (!done && etcd_errc(done.error()) == EtcdErrc::unhealthy) {
    too_early_ = true;
    return {};
  }
  // Somebody else was faster: the next look sees what is left to do.
  if (!done && done.error().kind == Kind::conflict) done.error().kind = Kind::transient;
  return done;
}

std::shared_ptr<Peers> make_peers(EtcdParts const& parts) {
  return std::make_shared<Peers>(parts.config, parts.root, parts.ec2, parts.clock,
                                 parts.pace.tags_every);
}

std::vector<std::unique_ptr<Step>> make_etcd_steps(EtcdParts const& parts,
                                                   std::shared_ptr<Peers> const& peers) {
  std::vector<std::unique_ptr<Step>> steps;
  steps.push_back(std::make_unique<HostsStep>(peers));
  for (auto cluster : kEtcdClusters)
    steps.push_back(std::make_unique<EtcdStep>(cluster, parts, peers));
  return steps;
}

}  // namespace haagent::bootstrap
