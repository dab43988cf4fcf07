#include "bootstrap/hosts/peers.h"

#include <algorithm>

#include "agent/base/volume_tags.h"
#include "bootstrap/etcd/names.h"

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
                   .snapshot_id = volume.snapshot_id,
                   .instance_id = {},
                   .device_name = {},
                   .size_gib = volume.size_gib};
  auto const attachment = std::ranges::find_if(volume.attachments, holds);
  if (attachment != volume.attachments.end()) {
    found.instance_id = attachment->instance_id;
    found.device_name = attachment->device;
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

Result<void> Peers::refresh(std::stop_token stop) {
  asked_at_ = clock_.steady();
  hurry_ = false;
  pause_ = silent_.empty() ? kSoonest : std::min(pause_ * 2, every_);
  std::vector<std::string> keys;
  for (auto cluster : kEtcdClusters) keys.push_back(etcd_tag_name(cluster));
  keys.emplace_back(kEtcdClusterIdTag);
  auto volumes = ec2_.describe_volumes(
      {.ids = {},
       .filters = {{"tag:" + ownership_tag_name(config_.cluster.name), {"owned"}},
                   {"tag-key", keys}}},
      stop);
  if (!volumes) return fail(volumes.error(), "looking for the masters' etcd volumes");
  for (auto cluster : kEtcdClusters) {
    volumes_[cluster].clear();
    for (auto const& volume : *volumes)
      if (auto found = etcd_volume_of(volume, cluster))
        volumes_[cluster].push_back(*std::move(found));
  }
  retired_.clear();
  for (auto const& volume : *volumes)
    if (std::ranges::none_of(kEtcdClusters, [&](auto cluster) {
          return etcd_volume_of(volume, cluster).has_value();
        }))
      retired_.push_back({.volume_id = volume.id,
                          .zone = volume.zone,
                          .etcd_cluster_id = volume.tag(kEtcdClusterIdTag)});
  volumes_at_ = clock_.steady();
  heard_tags();
  return find_addresses(std::move(stop));
}

void Peers::heard_tags() {
  for (auto cluster : kEtcdClusters) {
    Lists lists;
    for (auto const& volume : volumes_[cluster])
      lists[volume.volume_id] = {volume.members.begin(), volume.members.end()};
    auto& known = agree_[cluster];
    if (known.first == lists && known.second != SteadyTime{}) continue;
    known = {std::move(lists), clock_.steady()};
  }
}

Result<void> Peers::find_addresses(std::stop_token stop) {
  std::set<std::string> ids;
  for (auto const& [cluster, volumes] : volumes_)
    for (auto const& volume : volumes)
      if (!volume.instance_id.empty()) ids.insert(volume.instance_id);
  if (ids.empty()) return {};
  // A filter, since one instance that is gone makes the whole answer an error where ids are given.
  auto instances = ec2_.describe_instances(
      {.ids = {}, .filters = {{"instance-id", {ids.begin(), ids.end()}}}}, std::move(stop));
  if (!instances) return fail(instances.error(), "looking for the masters' addresses");
  // main has the last word where one master does not hold both volumes of a member.
  for (auto cluster : {EtcdCluster::events, EtcdCluster::main}) {
    for (auto const& volume : volumes_[cluster]) {
      auto const instance = std::ranges::find(*instances, volume.instance_id, &aws::Instance::id);
      if (instance == instances->end()) continue;
      auto const& address = instance->ipv4.empty() ? instance->ipv6 : instance->ipv4;
      if (!address.empty()) addresses_[volume.member] = address;
    }
  }
  return {};
}

Result<Peers::View> Peers::look(Facts& facts, std::stop_token stop) {
  std::lock_guard lock(mutex_);
  auto identity = facts.identity.require("identity");
  if (!identity) return std::unexpected(identity.error());
  auto text = read_file(root_(kHosts));
  if (!text) return std::unexpected(text.error());
  auto const known = hosts_in_block(text->value_or(""));

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
    for (auto const& [host, address] : known)
      if (auto member = member_of_host(config_, host); !member.empty())
        addresses_.emplace(member, address);
  }
  if (fresh) {
    auto found = find_addresses(stop);
    if (!found) return std::unexpected(found.error());
    asked_at_ = clock_.steady();
  } else if (due()) {
    auto refreshed = refresh(stop);
    if (!refreshed && refreshed.error().kind == Kind::interrupted)
      return std::unexpected(refreshed.error());
    trouble_ = refreshed ? "" : refreshed.error().what;
  }
  seeded_ = true;

  auto const members = this->members(facts);
  std::erase_if(silent_, [&](auto const& each) { return !members.contains(each.second); });
  View view;
  std::vector<std::string> words;
  auto address_of = [&](std::string const& member) -> std::string {
    if (mine.contains(member)) return identity->address;
    auto found = addresses_.find(member);
    // An address that was a peer's and is mine now would make me ask myself in the peer's name.
    if (found == addresses_.end() || found->second == identity->address) return "";
    return found->second;
  };
  for (auto const& member : members) {
    auto const address = address_of(member);
    words.push_back(fmt::format("{} is {}", member, address.empty() ? "not known yet" : address));
    if (!address.empty()) view.entries.push_back({address, config_.etcd_host(member)});
  }
  view.sentence = in_words(words);
  if (!trouble_.empty()) view.sentence += "; EC2 was no help: " + trouble_;
  auto const wanted = hosts_with_block(text->value_or(""), view.entries);
  view.written = *text && wanted == **text;
  for (auto cluster : kEtcdClusters) {
    auto volume = facts.etcd(cluster).volume.get();
    if (!volume) continue;
    std::vector<EtcdPeer> peers;
    for (auto const& member : members) peers.push_back({member, address_of(member)});
    facts.etcd(cluster).peers.set(std::move(peers));
  }
  return view;
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
    for (auto const& [member, address] : addresses_) members.insert(member);
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
  if (!text) return std::unexpected(text.error());
  auto written =
      replace_file_if_changed(root_(kHosts), hosts_with_block(text->value_or(""), entries));
  if (!written) return std::unexpected(written.error());
  return {};
}

Result<std::vector<EtcdVolume>> Peers::volumes(EtcdCluster cluster, Duration max_age,
                                               std::stop_token stop) {
  std::lock_guard lock(mutex_);
  if (!volumes_at_ || clock_.steady() - *volumes_at_ > max_age) {
    auto refreshed = refresh(std::move(stop));
    if (!refreshed) return std::unexpected(refreshed.error());
    trouble_.clear();
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

void Peers::hurry() {
  std::lock_guard lock(mutex_);
  hurry_ = true;
  pause_ = kSoonest;
}

}  // namespace haagent::bootstrap
