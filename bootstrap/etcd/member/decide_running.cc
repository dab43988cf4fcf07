#include "bootstrap/etcd/member/decide_running.h"

#include <algorithm>
#include <set>

#include "bootstrap/etcd/member/decide_members.h"
#include "bootstrap/etcd/member/decide_serving.h"
#include "bootstrap/etcd/member/obstacles.h"
#include "bootstrap/etcd/member/request_decision.h"
#include "bootstrap/etcd/member/standing.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

// etcd promotes a learner that has 90 % of the leader's log.
constexpr double kInSync = 0.9;
// Volumes are tagged within a second or two of each other.
constexpr Duration kTagAge{1'000};

// A member that restarts serves nothing until it has a quorum: print the same advice as for a lost
// quorum. Not for a member that has never served: the others are just not there yet.
bool too_few_are_left(MemberInputs const& in) {
  auto const members = in.others.peers.size() + 1;
  auto const silent = static_cast<std::size_t>(
      std::ranges::count(in.others.peers, Reach::unreachable, &MemberAnswer::reach));
  return !in.volume.marker_cluster_id.empty() && members - silent <= members / 2;
}

// I serve, and my marker does not say so. The marker is the last of it: it stands for all of the
// evidence, so that later boots ask nobody.
Decision record(MemberInputs const& in) {
  auto const id = in.etcd.own.cluster_id;
  std::set<std::string> tagged;
  if (id_of(in.volume.tag_cluster_id) == id) tagged.insert(in.me.member);
  for (auto const& volume : in.ec2.volumes.value_or(std::vector<VolumeEvidence>{}))
    // One that names no member says nothing of how many members have it.
    if (id_of(volume.etcd_cluster_id) == id && !volume.member.empty()) tagged.insert(volume.member);
  if (!tagged.contains(in.me.member)) return TagVolume{id};
  if (tagged.size() >= in.me.expected.size() / 2 + 1) return MarkVolume{id, new_served_by(in)};
  std::vector<std::string> absent;
  for (auto const& member : in.me.expected_members)
    if (!tagged.contains(member)) absent.push_back(member);
  return Wait{
      Message(
          Reason::ClusterIdToSpread,
          fmt::format("{} serves cluster {:x}, and waits until the volume{} of {} carr{} it too",
                      in.me.self.name, id, absent.size() == 1 ? "" : "s", in_words(absent),
                      absent.size() == 1 ? "ies" : "y"),
          fmt::format("{}; if it stays so, look at the master{} of {}", kByItself,
                      absent.size() == 1 ? "" : "s", in_words(absent)))
          .about(joined(absent)),
      /*ask_ec2=*/!in.ec2.volumes || in.ec2.volumes_age > kTagAge};
}

Decision with_running_learner(MemberInputs const& in) {
  auto const& own = in.etcd.own;
  auto const* peer = quorum_peer(in);
  if (!peer)
    return Wait{Message(Reason::QuorumLost,
                        fmt::format("{} is a learner, and no quorum answers{}", in.me.self.name,
                                    because(missing(in))),
                        bring_back(in))
                    .about(names_of_silent(in))};
  std::uint64_t leader_index = 0;
  for (auto const& each : in.others.peers)
    if (each.cluster_id == own.cluster_id) leader_index = std::max(leader_index, each.raft_index);
  bool const behind =
      static_cast<double>(own.raft_index) < kInSync * static_cast<double>(leader_index);
  if ((behind || !in.etcd.promotion_refused.empty()) &&
      in.others.learner_still >= in.others.learner_patience)
    return RemoveMember{
        own.member_id, in.me.self.name,
        fmt::format("it is a learner that has not got on for {}, at entry {} of {}; it is added "
                    "again",
                    to_words(in.others.learner_patience), own.raft_index, leader_index)};
  if (behind)
    return Wait{Message(Reason::LearnerBehind,
                        fmt::format("{} is a learner and catches up: at entry {} of {}",
                                    in.me.self.name, own.raft_index, leader_index),
                        kByItself),
                /*ask_ec2=*/false,
                Progress{.what = "the log of the leader",
                         .unit = Progress::Unit::entries,
                         .done = own.raft_index,
                         .total = leader_index}};
  for (auto const& member : *peer->quorum_list)
    if (member.id == own.member_id && !member.learner)
      return Wait{
          Message(Reason::LearnerPromoted,
                  fmt::format("{} votes now, and has not read so in its log yet", in.me.self.name),
                  kByItself)};
  if (!in.etcd.promotion_refused.empty())
    return Wait{Message(
        Reason::LearnerNotPromoted,
        fmt::format("{} is a learner at entry {} of {}, and etcd does not promote it yet "
                    "({})",
                    in.me.self.name, own.raft_index, leader_index, in.etcd.promotion_refused),
        "nothing to do: it is asked again")};
  if (auto wait = no_room(in, *peer->quorum_list)) return *wait;
  // Before it votes, its volume says so: the volumes of the others may be lost from then on.
  if (id_of(in.volume.tag_cluster_id) != own.cluster_id) return TagVolume{own.cluster_id};
  return Promote{own.member_id};
}

}  // namespace

Decision with_running_unit(MemberInputs const& in) {
  auto const& own = in.etcd.own;
  if (own.reach != Reach::answers) {
    if (auto wait = ends_again_and_again(in)) return *std::move(wait);
    auto const absent = missing(in);
    return Wait{Message(Reason::EtcdStarting,
                        fmt::format("{} runs and does not serve yet{}", in.me.self.name,
                                    because(absent.empty() ? own.why : absent)),
                        too_few_are_left(in) ? lost_for_ever(in) : bring_back(in))
                    .about(names_of_silent(in))};
  }
  if (own.learner) return with_running_learner(in);
  if (!own.quorum_list)
    return Wait{
        Message(Reason::QuorumLost,
                fmt::format("{} runs and has no quorum{}", in.me.self.name, because(missing(in))),
                lost_for_ever(in))
            .about(names_of_silent(in))};
  for (auto const& member : *own.quorum_list) {
    if (member.id != own.member_id) continue;
    if (std::ranges::find(member.peer_urls, in.me.self.peer_url) == member.peer_urls.end())
      return UpdatePeerUrl{own.member_id};
  }
  if (id_of(in.volume.marker_cluster_id) != own.cluster_id) {
    if (!in.volume.marker_cluster_id.empty())
      return Refuse{
          Message(Reason::MarkerContradicts,
                  fmt::format("{} serves cluster {:x}, but haagent.json says {}", in.me.self.name,
                              own.cluster_id, in.volume.marker_cluster_id),
                  "find out which belongs here, and put the other right")};
    return record(in);
  }
  // It was started before this agent could tell a copy, and has caught up with a quorum since.
  if (!in.volume.copy_of.empty()) return MarkVolume{own.cluster_id, new_served_by(in)};
  if (auto evict = evict_silent_learner(in)) return *evict;
  auto change = reconfigure(in);
  if (change.move) return *change.move;
  Serving serving{
      Message(Reason::EtcdServing,
              fmt::format("{} serves cluster {:x} of {} member{}", in.me.self.name, own.cluster_id,
                          own.quorum_list->size(), own.quorum_list->size() == 1 ? "" : "s")),
      change.watch_tags};
  for (auto const& alarm : own.server.alarms)
    add_note(serving, Message(Reason::EtcdAlarm, alarm).about(alarm));
  if (auto absent = missing(in); !absent.empty())
    add_note(serving, Message(Reason::EtcdMemberDown, absent).about(names_of_silent(in)));
  if (!change.note.empty())
    add_note(serving, Message(Reason::MembersChangeWaits, change.note).about(change.about));
  if (auto held = request_note(in); !held.empty())
    add_note(serving, Message(Reason::RequestWaits, held).about(in.store.request->id));
  return serving;
}

}  // namespace haagent::bootstrap
