#include "bootstrap/hosts/peers.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/volume_tags.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

constexpr char const* kHosts = "/etc/hosts";

bool holds(aws::Attachment const& attachment) {
  return attachment.state == "attaching" || attachment.state == "attached" ||
         attachment.state == "busy";
}

}  // namespace

std::optional<EtcdVolume> etcd_volume_of(aws::Volume const& volume, EtcdCluster cluster) {
  auto tag = volume.tags.find(etcd_tag_name(cluster));
  if (tag == volume.tags.end()) return std::nullopt;
  EtcdVolume found{.volume_id = volume.id,
                   .zone = volume.zone,
                   .member = {},
                   .members = {},
                   .etcd_cluster_id = volume.tag(kEtcdClusterIdTag),
                   .formatted_at = volume.tag(kFormattedAtTag),
                   .formatting = volume.tag(kFormattingTag),
                   .snapshot_id = volume.snapshot_id,
                   .instance_id = {},
                   .device_name = {},
                   .size_gib = volume.size_gib};
  auto const attachment = std::ranges::find_if(volume.attachments, holds);
  if (attachment != volume.attachments.end()) {
    found.instance_id = attachment->instance_id;
    found.device_name = attachment->device;
    found.attached_at = attachment->attach_time;
  }
  std::string_view value = tag->second;
  auto const slash = value.find('/');
  found.member = value.substr(0, slash);
  if (slash == std::string_view::npos) return found;
  for (value.remove_prefix(slash + 1); !value.empty();) {
    auto const member = value.substr(0, value.find(','));
    found.members.emplace_back(member);
    value.remove_prefix(std::min(member.size() + 1, value.size()));
  }
  return found;
}

std::string member_of_host(NodeConfig const& config, std::string_view host) {
  auto const whole = config.etcd_host("");  // "etcd-.internal.<cluster>"
  auto const dash = whole.find('.');
  auto const prefix = std::string_view(whole).substr(0, dash);
  auto const suffix = std::string_view(whole).substr(dash);
  if (host.size() <= whole.size() || !host.starts_with(prefix) || !host.ends_with(suffix))
    return "";
  return std::string(host.substr(prefix.size(), host.size() - whole.size()));
}

Peers::Peers(NodeConfig const& config, Root root, aws::Ec2& ec2, Clock& clock, Duration every)
    : config_(config),
      root_(std::move(root)),
      ec2_(ec2),
      clock_(clock),
      every_(every),
      asked_at_(clock.steady()) {}

bool Peers::due() const {
  return hurry_ || clock_.steady() - asked_at_ >= (silent_.empty() ? every_ : pause_);
}

// Called with `lock` held, and holds it when it returns, but not while EC2 is asked: that may take
// long, and an announcement is not to wait for it. One question at a time, so that no answer
// replaces a newer one.
Result<void> Peers::refresh(std::unique_lock<std::mutex>& lock, std::stop_token stop) {
  asked_at_ = clock_.steady();
  hurry_ = false;
  pause_ = silent_.empty() ? kSoonest : std::min(pause_ * 2, every_);
  std::vector<std::string> keys;
  for (auto cluster : kEtcdClusters) keys.push_back(etcd_tag_name(cluster));
  keys.emplace_back(kEtcdClusterIdTag);
  lock.unlock();
  auto volumes = ec2_.describe_volumes(
      {.ids = {},
       .filters = {{"tag:" + ownership_tag_name(config_.cluster.name), {"owned"}},
                   {"tag-key", keys}}},
      stop);
  lock.lock();
  if (!volumes) return fail(volumes.error(), "looking for the masters' etcd volumes");
  for (auto cluster : kEtcdClusters) {
    volumes_[cluster].clear();
    for (auto const& volume : *volumes)
      if (auto found = etcd_volume_of(volume, cluster))
        volumes_[cluster].push_back(*std::move(found));
  }
  retired_.clear();
  for (auto const& volume : *volumes) {
    if (std::ranges::any_of(kEtcdClusters, [&](auto cluster) {
          return etcd_volume_of(volume, cluster).has_value();
        }))
      continue;
    auto const held = std::ranges::find_if(volume.attachments, holds);
    retired_.push_back({.volume_id = volume.id,
                        .zone = volume.zone,
                        .etcd_cluster_id = volume.tag(kEtcdClusterIdTag),
                        .instance_id = held == volume.attachments.end() ? "" : held->instance_id});
  }
  volumes_at_ = clock_.steady();
  heard_tags();
  return find_addresses(lock, std::move(stop));
}

void Peers::heard_tags() {
  for (auto cluster : kEtcdClusters) {
    Lists lists;
    for (auto const& volume : volumes_[cluster])
      lists[volume.volume_id] = {volume.members.begin(), volume.members.end()};
    auto& known = agree_[cluster];
    if (known.first == lists && known.second != SteadyTime{}) continue;
    known = {std::move(lists), *volumes_at_};
  }
}

// As refresh().
Result<void> Peers::find_addresses(std::unique_lock<std::mutex>& lock, std::stop_token stop) {
  std::set<std::string> ids;
  for (auto const& [cluster, volumes] : volumes_)
    for (auto const& volume : volumes)
      if (!volume.instance_id.empty()) ids.insert(volume.instance_id);
  if (ids.empty()) return {};
  lock.unlock();
  // A filter, since one instance that is gone makes the whole answer an error where ids are given.
  auto instances = ec2_.describe_instances(
      {.ids = {}, .filters = {{"instance-id", {ids.begin(), ids.end()}}}}, std::move(stop));
  lock.lock();
  if (!instances) return fail(instances.error(), "looking for the masters' addresses");
  std::map<std::string, PeerLocation> words;
  // main has the last word where one master does not hold both volumes of a member.
  for (auto cluster : {EtcdCluster::events, EtcdCluster::main}) {
    for (auto const& volume : volumes_[cluster]) {
      auto const instance = std::ranges::find(*instances, volume.instance_id, &aws::Instance::id);
      if (instance == instances->end()) continue;
      auto const& address = instance->ipv4.empty() ? instance->ipv6 : instance->ipv4;
      if (!address.empty())
        words[volume.member] = {instance->id, address, parse_rfc3339(volume.attached_at)};
    }
  }
  for (auto const& [member, word] : words) take_word(member, word);
  return {};
}

void Peers::take_word(std::string const& member, PeerLocation const& word) {
  auto const known = known_.find(member);
  std::optional<PeerLocation> before;
  std::optional<Duration> heard_ago;
  if (known != known_.end()) {
    before = known->second.where;
    if (known->second.heard)
      heard_ago = std::chrono::duration_cast<Duration>(clock_.steady() - *known->second.heard);
  }
  if (!decide_ec2(before, heard_ago, word)) return;
  known_[member] = {word, {}};
  auto& carried = carried_[member];
  carried.insert(word.instance_id);
  former_[member] = carried;
  former_[member].erase(word.instance_id);
}

Result<Peers::View> Peers::look(Facts& facts, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  auto identity = TRY(facts.identity.require("identity"));

  std::set<std::string> mine;
  bool fresh = false;
  for (auto cluster : kEtcdClusters) {
    auto volume = facts.etcd(cluster).volume.get();
    if (!volume) continue;
    mine.insert(volume->member);
    auto all = facts.etcd(cluster).volumes.get();
    if (all && !seeded_) {
      volumes_[cluster] = *all;
      fresh = true;
    }
  }
  if (mine.empty()) return fail(Kind::internal, "no etcd volume is known to name a member by");
  if (!seeded_) {
    auto before = TRY(read_file(root_(kHosts)));
    for (auto const& [host, address] : hosts_in_block(before.value_or("")))
      if (auto member = member_of_host(config_, host); !member.empty())
        known_.try_emplace(member, Known{{.instance_id = {}, .address = address, .taken = {}}, {}});
  }
  if (fresh) {
    TRY(find_addresses(lock, stop));
    asked_at_ = clock_.steady();
  } else if (auto asked = ask_where_due(lock, stop); !asked) {
    return std::unexpected(asked.error());
  }
  seeded_ = true;

  auto text = TRY(read_file(root_(kHosts)));
  auto const members = this->members(facts);
  members_ = members;
  mine_ = mine;
  std::erase_if(silent_, [&](auto const& each) { return !members.contains(each.second); });
  View view;
  std::vector<std::string> words;
  std::vector<std::string> about;
  auto address_of = [&](std::string const& member) -> std::string {
    if (mine.contains(member)) return identity.address;
    auto found = known_.find(member);
    // An address that was a peer's and is mine now would make me ask myself in the peer's name.
    if (found == known_.end() || found->second.where.address == identity.address) return "";
    return found->second.where.address;
  };
  for (auto const& member : members) {
    auto const address = address_of(member);
    words.push_back(fmt::format("{} is {}", member, address.empty() ? "not known yet" : address));
    about.push_back(fmt::format("{} {}", member, address.empty() ? "(unknown)" : address));
    if (!address.empty()) view.entries.push_back({address, config_.etcd_host(member)});
  }
  view.sentence = in_words(words);
  view.subject = fmt::format("{}", fmt::join(about, ", "));
  view.trouble = trouble_;
  auto const wanted = hosts_with_block(text.value_or(""), view.entries);
  view.written = text && wanted == *text;
  if (view.written) unwritten_ = false;
  for (auto cluster : kEtcdClusters) {
    auto volume = facts.etcd(cluster).volume.get();
    if (!volume) continue;
    std::vector<EtcdPeer> peers;
    for (auto const& member : members) peers.push_back({member, address_of(member)});
    facts.etcd(cluster).peers.set(std::move(peers));
  }
  return view;
}

// Asks EC2 where that is due. Only that this boot was stopped is an error. What an announcement has
// told is written first, and a question that it meets is put off.
Result<void> Peers::ask_where_due(std::unique_lock<std::mutex>& lock, std::stop_token stop) {
  if (unwritten_ || !due()) return {};
  std::unique_lock asks(asks_, std::defer_lock);
  if (!asks.try_lock()) return {};  // another row asks just now
  question_ = std::stop_source();
  std::stop_source either = question_;
  std::stop_callback on_stop(stop, [either]() mutable { either.request_stop(); });
  auto refreshed = refresh(lock, either.get_token());
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  if (!refreshed && refreshed.error().kind == Kind::interrupted) {
    hurry_ = true;
    return {};
  }
  trouble_ = refreshed ? std::nullopt : std::optional(refreshed.error().message);
  return {};
}

// Whom my volumes' tags list, whom EC2 shows since, and whom etcd has. A name that stands in the
// block already goes only once etcd is known to have nobody of it.
std::set<std::string> Peers::members(Facts& facts) const {
  std::set<std::string> members;
  bool all_listed = true;
  for (auto cluster : kEtcdClusters) {
    auto const volume = facts.etcd(cluster).volume.get();
    if (!volume) continue;
    auto shown = volumes_.find(cluster);
    if (shown == volumes_.end() || shown->second.empty()) {
      members.insert(volume->members.begin(), volume->members.end());
    } else {
      for (auto const& each : shown->second) {
        members.insert(each.members.begin(), each.members.end());
        if (!each.member.empty()) members.insert(each.member);
      }
    }
    members.insert(volume->member);
    auto listed = listed_.find(cluster);
    all_listed = all_listed && listed != listed_.end();
    if (listed != listed_.end()) members.insert(listed->second.begin(), listed->second.end());
  }
  if (!all_listed)
    for (auto const& [member, known] : known_) members.insert(member);
  members.erase("");
  return members;
}

std::optional<Peers::Evidence> Peers::evidence(EtcdCluster cluster) {
  std::lock_guard lock(mutex_);
  if (!volumes_at_) return std::nullopt;
  auto const agree = agree_.find(cluster);
  return Evidence{.volumes = volumes_[cluster],
                  .retired = retired_,
                  .age = std::chrono::duration_cast<Duration>(clock_.steady() - *volumes_at_),
                  .tags_agree_for = agree == agree_.end()
                                        ? Duration(0)
                                        : std::chrono::duration_cast<Duration>(
                                              *volumes_at_ - agree->second.second)};
}

void Peers::listed(EtcdCluster cluster, std::set<std::string> members) {
  std::lock_guard lock(mutex_);
  listed_[cluster] = std::move(members);
}

Result<void> Peers::write(std::vector<HostsEntry> const& entries) {
  std::lock_guard lock(mutex_);
  // Read again: others write to this file too.
  auto text = read_file(root_(kHosts));
  auto written =
      text ? replace_file_if_changed(root_(kHosts), hosts_with_block(text->value_or(""), entries))
           : std::unexpected(text.error());
  if (written) return {};
  unwritten_ = false;  // EC2 is not to wait for a file that cannot be written
  return std::unexpected(written.error());
}

Result<std::vector<EtcdVolume>> Peers::volumes(EtcdCluster cluster, Duration max_age,
                                               std::stop_token stop) {
  std::unique_lock asks(asks_);
  std::unique_lock lock(mutex_);
  if (!volumes_at_ || clock_.steady() - *volumes_at_ > max_age) {
    TRY(refresh(lock, std::move(stop)));
    trouble_.reset();
  }
  return volumes_[cluster];
}

void Peers::heard(EtcdCluster cluster, std::string const& member, bool answered) {
  std::lock_guard lock(mutex_);
  if (!answered) {
    silent_.emplace(cluster, member);
    return;
  }
  silent_.erase({cluster, member});
  if (silent_.empty()) pause_ = kSoonest;
}

AnnouncementAnswer Peers::hear(Announcement const& announcement) {
  using What = AnnouncementVerdict::What;
  std::lock_guard lock(mutex_);
  auto const& member = announcement.main;
  if (!seeded_) return {AnnouncementAnswer::What::later, "this master does not know its peers yet"};
  if (mine_.contains(member))
    return {AnnouncementAnswer::What::no, fmt::format("this master carries {} itself", member)};
  if (!members_.contains(member))
    return {AnnouncementAnswer::What::later,
            fmt::format("{} is no member that is known here", member)};
  auto const now = clock_.utc();
  auto known = known_.find(member);
  PeerLocation told{announcement.instance_id, announcement.address, announcement.since};
  auto const verdict = decide_announcement(
      known == known_.end() ? std::nullopt : std::optional(known->second.where), told, now);
  if (verdict.what == What::stale || verdict.what == What::ahead)
    return {AnnouncementAnswer::What::no, verdict.sentence};
  if (auto const former = former_.find(member);
      former != former_.end() && former->second.contains(announcement.instance_id))
    return {AnnouncementAnswer::What::no,
            fmt::format("EC2 shows {}'s volume elsewhere since: it is believed once EC2 shows it "
                        "at {} again",
                        member, announcement.instance_id)};
  if (verdict.what == What::take) {
    told.taken =
        std::min(announcement.since, now);  // whoever takes the member from now on is later
    bool const moved = known == known_.end() || known->second.where.address != told.address;
    // Said again by the same one, it is as old as before: EC2 has the last word in the end.
    bool const again =
        !moved && known->second.heard && known->second.where.instance_id == told.instance_id;
    known_[member] = {told, again ? known->second.heard : clock_.steady()};
    carried_[member].insert(told.instance_id);
    if (moved) {
      unwritten_ = news_ = true;
      question_.request_stop();
      nap_.request_stop();
    }
  }
  return {AnnouncementAnswer::What::yes, verdict.sentence};
}

bool Peers::nap(Clock& clock, Duration at_most, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (!news_) {
    nap_ = std::stop_source();
    std::stop_source either = nap_;
    lock.unlock();
    {
      std::stop_callback on_stop(stop, [either]() mutable { either.request_stop(); });
      clock.sleep(at_most, either.get_token());
    }
    lock.lock();
  }
  news_ = false;
  return !stop.stop_requested();
}

void Peers::hurry() {
  std::lock_guard lock(mutex_);
  hurry_ = true;
  pause_ = kSoonest;
}

}  // namespace haagent::bootstrap
