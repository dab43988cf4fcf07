#include "bootstrap/hosts/peer_directory.h"

#include <fmt/format.h>

#include <algorithm>

namespace haagent::bootstrap {

void PeerDirectory::found_in_hosts(std::string const& member, std::string const& address) {
  known_.try_emplace(member, Known{{.instance_id = {}, .address = address, .taken = {}}, {}});
}

void PeerDirectory::take_ec2(std::string const& member, PeerLocation const& word, SteadyTime now) {
  auto const known = known_.find(member);
  std::optional<PeerLocation> before;
  std::optional<Duration> heard_ago;
  if (known != known_.end()) {
    before = known->second.where;
    if (known->second.heard)
      heard_ago = std::chrono::duration_cast<Duration>(now - *known->second.heard);
  }
  if (!decide_ec2(before, heard_ago, word)) return;
  known_[member] = {word, {}};
  auto& carried = carried_[member];
  carried.insert(word.instance_id);
  former_[member] = carried;
  former_[member].erase(word.instance_id);
}

void PeerDirectory::take_list(EtcdCluster cluster, std::set<std::string> members) {
  listed_[cluster] = std::move(members);
}

void PeerDirectory::settle(std::vector<Volumes> const& clusters) {
  members_.clear();
  mine_.clear();
  bool all_listed = true;
  for (auto const& [cluster, mine, shown] : clusters) {
    mine_.insert(mine.member);
    members_.insert(mine.member);
    if (shown.empty()) members_.insert(mine.members.begin(), mine.members.end());
    for (auto const& each : shown) {
      members_.insert(each.members.begin(), each.members.end());
      members_.insert(each.member);
    }
    auto const listed = listed_.find(cluster);
    all_listed = all_listed && listed != listed_.end();
    if (listed != listed_.end()) members_.insert(listed->second.begin(), listed->second.end());
  }
  if (!all_listed)
    for (auto const& [member, known] : known_) members_.insert(member);
  members_.erase("");  // of a volume whose tag cannot be read
}

std::string PeerDirectory::address_of(std::string const& member,
                                      std::string const& own_address) const {
  if (mine_.contains(member)) return own_address;
  auto const found = known_.find(member);
  // An address that was a peer's and is mine now would make me ask myself in the peer's name.
  if (found == known_.end() || found->second.where.address == own_address) return "";
  return found->second.where.address;
}

PeerDirectory::Received PeerDirectory::receive(Announcement const& announcement, UtcTime now,
                                               SteadyTime steady) {
  using What = AnnouncementVerdict::What;
  using Answer = AnnouncementAnswer::What;
  auto const& member = announcement.main;
  if (mine_.contains(member))
    return {{Answer::no, fmt::format("this master carries {} itself", member)}};
  if (!members_.contains(member))
    return {{Answer::later, fmt::format("{} is no member that is known here", member)}};
  auto const known = known_.find(member);
  PeerLocation told{announcement.instance_id, announcement.address, announcement.since};
  auto const verdict = decide_announcement(
      known == known_.end() ? std::nullopt : std::optional(known->second.where), told, now);
  if (verdict.what == What::stale || verdict.what == What::ahead)
    return {{Answer::no, verdict.sentence}};
  if (auto const former = former_.find(member);
      former != former_.end() && former->second.contains(announcement.instance_id))
    return {{Answer::no,
             fmt::format("EC2 shows {}'s volume elsewhere since: it is believed once EC2 shows it "
                         "at {} again",
                         member, announcement.instance_id)}};
  if (verdict.what != What::take) return {{Answer::yes, verdict.sentence}};
  told.taken =
      std::min(announcement.since, now);  // anyone who takes the member from now on is later
  bool const moved = known == known_.end() || known->second.where.address != told.address;
  // Said again by the same one, it is as old as before: EC2 has the last word in the end.
  bool const again =
      !moved && known->second.heard && known->second.where.instance_id == told.instance_id;
  known_[member] = {told, again ? known->second.heard : steady};
  carried_[member].insert(told.instance_id);
  return {{Answer::yes, verdict.sentence}, moved};
}

}  // namespace haagent::bootstrap
