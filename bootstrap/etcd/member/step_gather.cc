// What the member decision is made from.
#include "bootstrap/etcd/member/step.h"

#include <algorithm>
#include <set>

#include "agent/base/volume_tags.h"
#include "bootstrap/etcd/client/errors.h"
#include "bootstrap/etcd/member/ask.h"
#include "bootstrap/etcd/member/request_decision.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr Duration kStartAgainFirst = 1s;
constexpr Duration kStartAgainCap = 60s;

// Nothing hangs on the answer but how early a wrong version is told: etcd itself refuses the rest.
constexpr EtcdTimeouts kVersionTimeouts{.connect = 600ms, .request = 1'500ms};

// Where it is not known, it may be one.
bool is_step_up(std::string const& mine, std::string const& before) {
  auto const from = parse_etcd_version(before);
  auto const to = parse_etcd_version(mine);
  return !from || !to || to->minor > from->minor;
}

}  // namespace

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

// What is on the volume, at this moment. Where it is not seen, nothing is known of it.
Result<void> EtcdStep::see_volume(EtcdVolume const& volume, MemberInputs& in) {
  volume_ = volume;
  in.volume.volume_id = volume.volume_id;
  in.volume.snapshot_id = volume.snapshot_id;
  sight_ = parts_.volumes.see(cluster_, volume);
  if (!sight_.seen()) {
    in.volume.unseen = sight_.unseen();
    return {};
  }
  auto data = inspect_data_dir(sight_.path());
  if (!data) return std::unexpected(data.error());
  in.volume.data = *std::move(data);
  auto const& marker = sight_.marker();
  in.volume.marker_cluster_id = marker.etcd_cluster_id;
  in.volume.served_by = marker.etcd_version;
  in.volume.data_version = marker.etcd_data_version;
  in.volume.copy_of = copied_from(marker, volume.volume_id, volume.snapshot_id);
  // An order was carried out on the volume that it named, and on no copy of it.
  if (in.volume.copy_of.empty()) in.store.order_done = marker.etcd_order;
  return {};
}

// Before whatever is done: the volume is still there, and as it was when it was decided. Between
// the two there may be a backup of minutes.
Result<void> EtcdStep::see_again() {
  auto now = parts_.volumes.see(cluster_, volume_);
  if (!now.seen())
    return fail(Kind::transient, "{}: {}; nothing is done without it", now.unseen().why,
                now.unseen().todo);
  auto const data = inspect_data_dir(now.path());
  if (!data) return fail(Kind::refused, "{}", now.in_words(data.error().what));
  if (!now.same_as(sight_) || *data != inputs_.volume.data)
    return fail(Kind::transient, "{} is not as it was a moment ago: it is looked at again",
                volume_.volume_id);
  sight_ = std::move(now);
  return {};
}

Result<MemberInputs> EtcdStep::gather(Facts& facts, std::stop_token stop) {
  auto& mine = facts.etcd(cluster_);
  auto volume = mine.volume.get();
  if (!volume)
    return fail(Kind::transient,
                "this master holds no volume of {} any more: see what volume-{} says",
                to_string(cluster_), to_string(cluster_));

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
  MemberInputs in{.me = {.cluster = cluster_,
                         .member = volume->member,
                         .self = known_as(volume->member),
                         .version = version_}};
  in.ec2.tags_settle = parts_.pace.tags_settle;
  in.others.learner_patience = parts_.pace.learner_patience;
  take_evidence(in);
  // My own tag may have changed since this boot read it.
  in.me.expected_members = volume->members;
  for (auto const& each : in.ec2.volumes.value_or(std::vector<VolumeEvidence>{}))
    if (each.volume_id == volume->volume_id && !each.members.empty())
      in.me.expected_members = each.members;
  for (auto const& member : in.me.expected_members) in.me.expected.push_back(known_as(member));
  if (parts_.asks_for_backups) {
    using State = EtcdBackups::State;
    auto const backups = mine.backups.get().value_or(EtcdBackups{});
    in.store.backups = backups.state == State::present ? StoreFacts::Backups::present
                       : backups.state == State::none  ? StoreFacts::Backups::none
                                                       : StoreFacts::Backups::unknown;
    in.store.backups_detail = backups.detail;
    in.store.restored_token = backups.restored_token;
  }
  if (auto seen = see_volume(*volume, in); !seen) return std::unexpected(seen.error());
  if (parts_.orders && parts_.backups) {
    in.store.order = parts_.orders->of(cluster_).get();
    if (in.store.order) in.store.order_age = in.store.order->age_at(parts_.clock.steady());
  }
  in.volume.tag_cluster_id = tagged_.empty() ? volume->etcd_cluster_id : tagged_;

  auto unit = parts_.units.state(etcd_unit(cluster_));
  if (!unit) return std::unexpected(unit.error());
  count_failures(*unit);
  in.etcd.unit = unit->phase;
  between_starts_ = is_up(unit->phase) && unit->pid == 0;
  in.etcd.unit_detail = unit->detail;
  if (!unit->detail.empty()) last_end_ = unit->detail;
  in.etcd.last_end = last_end_;
  in.etcd.failed_starts = failed_starts_;

  if (!is_up(in.etcd.unit) && in.volume.data.state == DataDir::State::member &&
      is_step_up(in.me.version, in.volume.served_by)) {
    auto old = old_requests(sight_.path());
    if (!old) return std::unexpected(old.error());
    in.volume.old_requests = *old;
  }

  std::vector<AskedMember> asked;
  if (is_up(in.etcd.unit)) asked.push_back({in.me.member, etcd_endpoint(cluster_, "127.0.0.1")});
  for (auto const& peer : mine.peers.get().value_or(std::vector<EtcdPeer>{})) {
    if (peer.member == in.me.member) continue;
    asked.push_back(
        {peer.member, peer.address.empty() ? "" : etcd_endpoint(cluster_, peer.address)});
  }
  auto answers = ask_members(parts_.http, asked, etcd_client_tls(parts_.root), stop);
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  voter_endpoints_.clear();
  std::vector<std::uint64_t> list;
  std::set<std::string> listed;
  // Where a quorum of this volume's own cluster answers, another cluster's counts for nothing.
  auto const own = own_cluster(in);
  bool const own_has_quorum = std::ranges::any_of(answers, [&](MemberAnswer const& each) {
    return each.quorum_list && each.cluster_id == own;
  });
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto& answer = answers[i];
    if (answer.quorum_list && (!own_has_quorum || answer.cluster_id == own)) {
      voter_endpoints_.push_back(asked[i].endpoint);
      list.clear();
      listed.clear();
      for (auto const& member : *answer.quorum_list) {
        list.push_back(member.id);
        listed.insert(member_of(member));
      }
    }
    if (answer.member == in.me.member) {
      in.etcd.own = std::move(answer);
      continue;
    }
    peers_->heard(cluster_, answer.member, answer.reach != MemberAnswer::Reach::silent);
    if (!is_up(in.etcd.unit) && in.others.cluster_version.empty() &&
        answer.reach == MemberAnswer::Reach::answers) {
      if (auto versions = versions_of(asked[i].endpoint, stop))
        in.others.cluster_version = versions->cluster;
    }
    in.others.peers.push_back(std::move(answer));
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
  auto answers = in.others.peers;
  answers.push_back(in.etcd.own);
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
  if (id != 0) in.others.learner_still = std::chrono::duration_cast<Duration>(now - learner_since_);
}

void EtcdStep::take_evidence(MemberInputs& in) const {
  auto evidence = peers_->evidence(cluster_);
  in.ec2.volumes.reset();
  if (!evidence) return;
  in.ec2.volumes.emplace();
  in.ec2.volumes_age = evidence->age;
  // Of two minutes in which EC2 says one thing and etcd's list another, all count: a list that has
  // just changed may have changed because of tags that EC2 does not show here yet.
  auto const stable =
      std::chrono::duration_cast<Duration>(parts_.clock.steady() - list_since_) - evidence->age;
  in.ec2.tags_agree_for = std::clamp(stable, Duration(0), evidence->tags_agree_for);
  for (auto const& volume : evidence->volumes)
    in.ec2.volumes->push_back({.volume_id = volume.volume_id,
                               .member = volume.member,
                               .members = volume.members,
                               .etcd_cluster_id = volume.etcd_cluster_id,
                               .attached = !volume.instance_id.empty()});
  for (auto const& volume : evidence->retired)
    in.ec2.volumes->push_back({.volume_id = volume.volume_id,
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

Result<EtcdVersions> EtcdStep::versions_of(std::string const& endpoint,
                                           std::stop_token stop) const {
  return EtcdClient(parts_.http, {endpoint}, etcd_client_tls(parts_.root), kVersionTimeouts)
      .versions(std::move(stop));
}

Result<EtcdVersions> EtcdStep::own_versions(std::stop_token stop) const {
  return versions_of(etcd_endpoint(cluster_, "127.0.0.1"), std::move(stop));
}

}  // namespace haagent::bootstrap
