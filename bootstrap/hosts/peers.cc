#include "bootstrap/hosts/peers.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {

std::string member_of_host(NodeConfig const& config, std::string_view host) {
  auto const whole = config.etcd_host("");  // "etcd-.internal.<cluster>"
  auto const dash = whole.find('.');
  auto const prefix = std::string_view(whole).substr(0, dash);
  auto const suffix = std::string_view(whole).substr(dash);
  if (host.size() <= whole.size() || !host.starts_with(prefix) || !host.ends_with(suffix))
    return "";
  return std::string(host.substr(prefix.size(), host.size() - whole.size()));
}

Peers::Peers(NodeConfig const& config, Root root, aws::RegionView& region, Clock& clock,
             Duration every)
    : config_(config),
      file_(std::move(root)),
      region_(region),
      clock_(clock),
      pace_(every, clock.steady()) {}

// Called with `lock` held, and holds it when it returns, but not while EC2 is asked: that may take
// long, and an announcement is not to wait for it. One question at a time, so that no answer
// replaces a newer one.
Result<void> Peers::refresh(std::unique_lock<std::mutex>& lock, Duration max_age,
                            std::stop_token stop) {
  pace_.asking(clock_.steady());
  lock.unlock();
  auto region = region_.volumes(max_age, stop);
  lock.lock();
  if (!region) return fail(region.error(), "looking for the masters' etcd volumes");
  evidence_.take(**region, config_.cluster.name);
  return find_addresses(lock, std::move(stop));
}

// As refresh(). An instance keeps its private IPv4 address for life ("Private IPv4 addresses", EC2
// User Guide), so that EC2 is asked for the ones that are new.
Result<void> Peers::find_addresses(std::unique_lock<std::mutex>& lock, std::stop_token stop) {
  auto known = region_.snapshot();
  bool held = false;
  std::set<std::string> ids;
  for (auto cluster : kEtcdClusters)
    for (auto const& volume : evidence_.volumes(cluster)) {
      auto holder = volume.holder();
      if (holder.empty()) continue;
      held = true;
      auto const found = known->instances.find(holder);
      if (found == known->instances.end() || found->second.ipv4.empty())
        ids.insert(std::move(holder));
    }
  if (!held) return {};
  if (!ids.empty()) {
    lock.unlock();
    auto region = region_.instances(ids, Duration(0), std::move(stop));
    lock.lock();
    if (!region) return fail(region.error(), "looking for the masters' addresses");
    known = *std::move(region);
  }
  std::map<std::string, PeerLocation> words;
  // main has the last word where one master does not hold both volumes of a member.
  for (auto cluster : {EtcdCluster::events, EtcdCluster::main}) {
    for (auto const& volume : evidence_.volumes(cluster)) {
      auto const instance = known->instances.find(volume.holder());
      if (volume.member.empty() || instance == known->instances.end()) continue;
      auto const& [id, shown] = *instance;
      auto const& address = shown.ipv4.empty() ? shown.ipv6 : shown.ipv4;
      if (!address.empty()) words[volume.member] = {id, address, parse_rfc3339(volume.attached_at)};
    }
  }
  for (auto const& [member, word] : words) directory_.take_ec2(member, word, clock_.steady());
  return {};
}

// What this boot goes by before anybody was asked: the block on disk, and the volumes that its rows
// have seen.
Result<void> Peers::seed(std::unique_lock<std::mutex>& lock, Facts& facts, std::stop_token stop) {
  for (auto const& [host, address] : TRY(file_.hosts()))
    if (auto member = member_of_host(config_, host); !member.empty())
      directory_.found_in_hosts(member, address);
  bool fresh = false;
  for (auto cluster : kEtcdClusters) {
    auto all = facts.etcd(cluster).volumes.get();
    if (!all || !facts.etcd(cluster).volume.get()) continue;
    evidence_.seed(cluster, *std::move(all));
    fresh = true;
  }
  if (!fresh) return ask_where_due(lock, std::move(stop));
  TRY(find_addresses(lock, std::move(stop)));
  pace_.answered(clock_.steady());
  return {};
}

void Peers::settle(Facts& facts) {
  std::vector<PeerDirectory::Volumes> clusters;
  for (auto cluster : kEtcdClusters)
    if (auto volume = facts.etcd(cluster).volume.get())
      clusters.push_back({cluster, *std::move(volume), evidence_.volumes(cluster)});
  directory_.settle(clusters);
  pace_.keep(directory_.members());
}

Result<Peers::View> Peers::look(Facts& facts, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  auto const identity = TRY(facts.identity.require("identity"));
  bool const mine_known = std::ranges::any_of(
      kEtcdClusters, [&](auto cluster) { return facts.etcd(cluster).volume.get().has_value(); });
  if (!mine_known) return fail(Kind::internal, "no etcd volume is known to name a member by");
  if (seeded_)
    TRY(ask_where_due(lock, stop));
  else
    TRY(seed(lock, facts, stop));
  seeded_ = true;
  settle(facts);

  View view;
  std::vector<EtcdPeer> peers;
  std::vector<std::string> words;
  std::vector<std::string> about;
  for (auto const& member : directory_.members()) {
    auto const address = directory_.address_of(member, identity.address);
    peers.push_back({member, address});
    words.push_back(fmt::format("{} is {}", member, address.empty() ? "not known yet" : address));
    about.push_back(fmt::format("{} {}", member, address.empty() ? "(unknown)" : address));
    if (!address.empty()) view.entries.push_back({address, config_.etcd_host(member)});
  }
  view.sentence = in_words(words);
  view.subject = fmt::format("{}", fmt::join(about, ", "));
  view.trouble = trouble_;
  view.written = TRY(file_.holds(view.entries));
  if (view.written) unwritten_ = false;
  for (auto cluster : kEtcdClusters)
    if (facts.etcd(cluster).volume.get()) facts.etcd(cluster).peers.set(peers);
  return view;
}

// Asks EC2 where that is due. Only that this boot was stopped is an error. What an announcement has
// told is written first, and a question that it meets is put off.
Result<void> Peers::ask_where_due(std::unique_lock<std::mutex>& lock, std::stop_token stop) {
  if (unwritten_ || !pace_.due(clock_.steady())) return {};
  std::unique_lock asks(asks_, std::defer_lock);
  if (!asks.try_lock()) return {};  // another row asks just now
  question_ = std::stop_source();
  std::stop_source either = question_;
  std::stop_callback on_stop(stop, [either]() mutable { either.request_stop(); });
  auto refreshed = refresh(lock, Duration(0), either.get_token());
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  if (!refreshed && refreshed.error().kind == Kind::interrupted) {
    pace_.put_off();
    return {};
  }
  trouble_ = refreshed ? std::nullopt : std::optional(refreshed.error().message);
  return {};
}

std::optional<Evidence> Peers::evidence(EtcdCluster cluster) {
  std::lock_guard lock(mutex_);
  return evidence_.evidence(cluster, clock_.steady());
}

void Peers::listed(EtcdCluster cluster, std::set<std::string> members) {
  std::lock_guard lock(mutex_);
  directory_.take_list(cluster, std::move(members));
}

Result<void> Peers::write(std::vector<HostsEntry> const& entries) {
  std::lock_guard lock(mutex_);
  auto written = file_.write(entries);
  if (!written) unwritten_ = false;  // EC2 is not to wait for a file that cannot be written
  return written;
}

Result<std::vector<EtcdVolume>> Peers::volumes(EtcdCluster cluster, Duration max_age,
                                               std::stop_token stop) {
  std::unique_lock asks(asks_);
  std::unique_lock lock(mutex_);
  auto const age = evidence_.age(clock_.steady());
  if (!age || *age > max_age) {
    TRY(refresh(lock, max_age, std::move(stop)));
    trouble_.reset();
  }
  return evidence_.volumes(cluster);
}

void Peers::answered(EtcdCluster cluster, std::string const& member, bool answered) {
  std::lock_guard lock(mutex_);
  pace_.peer_answered(cluster, member, answered);
}

AnnouncementAnswer Peers::receive(Announcement const& announcement) {
  std::lock_guard lock(mutex_);
  if (!seeded_) return {AnnouncementAnswer::What::later, "this master does not know its peers yet"};
  auto heard = directory_.receive(announcement, clock_.utc(), clock_.steady());
  if (heard.moved) {
    unwritten_ = true;
    pace_.peer_moved(clock_.steady());
    question_.request_stop();
    waker_.wake();
  }
  return heard.answer;
}

bool Peers::wait_for_change(Clock& clock, Duration at_most, std::stop_token stop) {
  return waker_.wait(clock, at_most, std::move(stop));
}

void Peers::request_refresh() {
  std::lock_guard lock(mutex_);
  pace_.request_refresh();
}

}  // namespace haagent::bootstrap
