#include "bootstrap/etcd/member/obstacles.h"

#include <algorithm>
#include <set>

#include "agent/base/member_count.h"
#include "bootstrap/etcd/member/crash.h"
#include "bootstrap/etcd/member/standing.h"
#include "bootstrap/etcd/member/tags.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

Wait tags_disagree(std::string const& name, Tags const& tags) {
  return {
      Message(Reason::TagsDisagree,
              fmt::format("{} is not added or removed while the volumes' tags disagree about the "
                          "members: {}",
                          name, tags.words),
              "put the tags right, so that all list the same members")
          .about(tags.words)};
}

}  // namespace

std::optional<Refuse> other_cluster(MemberInputs const& in) {
  auto const log = in.volume.data.identity.cluster_id;
  if (auto marker = id_of(in.volume.marker_cluster_id); log != 0 && marker != 0 && log != marker) {
    return Refuse{
        Message(Reason::MarkerContradicts,
                fmt::format("the data on this volume is of cluster {:x}, and its haagent.json "
                            "says {:x}: one of the two was changed by hand",
                            log, marker),
                "find out which belongs here, and put the other right")};
  }
  auto const mine = own_cluster(in);
  std::set<std::uint64_t> seen;
  std::vector<std::string> others;
  bool mine_has_quorum = false;
  for (auto const& peer : in.others.peers) {
    if (peer.reach != Reach::answers || peer.cluster_id == 0) continue;
    seen.insert(peer.cluster_id);
    if (peer.cluster_id == mine && peer.quorum_list) mine_has_quorum = true;
    // One without a quorum is a member that was away and has not heard; that must keep nobody from
    // the quorum which will tell it.
    if (mine != 0 && peer.cluster_id != mine && peer.quorum_list)
      others.push_back(fmt::format("{} serves {:x}", peer.member, peer.cluster_id));
  }
  if (!others.empty() && !mine_has_quorum) {
    return Refuse{
        Message(Reason::ClustersDiffer,
                fmt::format("this volume belongs to cluster {:x}, but {}: two clusters must not "
                            "run side by side",
                            mine, in_words(others)),
                "restore or replace one of them")
            .about(joined(others))};
  }
  if (mine == 0 && seen.size() > 1)
    return Refuse{
        Message(Reason::ClustersDiffer,
                "the peers serve different clusters; this member joins none of them",
                "find out which cluster is the right one, and take the other one's masters away")};
  return std::nullopt;
}

VersionFacts version_facts(MemberInputs const& in) {
  VersionFacts facts{.cluster = in.me.cluster,
                     .mine = in.me.version,
                     .served_by = in.volume.served_by,
                     .data_version = in.volume.data_version,
                     .cluster_version = in.others.cluster_version,
                     .old_requests = in.volume.old_requests,
                     .peers = {}};
  for (auto const& peer : in.others.peers)
    facts.peers.push_back({peer.member, peer.server.version});
  return facts;
}

std::optional<Refuse> version_skew(MemberInputs const& in) {
  auto const refusal = version_refusal(version_facts(in));
  if (!refusal) return std::nullopt;
  return Refuse{
      Message(Reason::EtcdVersionUnfit, refusal->why, refusal->instead).about(in.me.version)};
}

bool is_stale(MemberInputs const& in) {
  return !in.ec2.volumes || in.ec2.volumes_age > kEvidenceAge;
}

Wait ask_ec2(MemberInputs const& in) {
  return {Message(Reason::VolumesNotKnown,
                  fmt::format("EC2 has not said yet what the other volumes of {} carry",
                              in.me.self.name),
                  "nothing to do: it is asked"),
          /*ask_ec2=*/true};
}

std::optional<Decision> not_to_join(MemberInputs const& in, std::string const& quorum_of,
                                    std::string_view data_stays) {
  if (is_stale(in)) return ask_ec2(in);
  auto const tags = tags_of(in);
  if (tags.state == Tags::State::none) return ask_ec2(in);
  if (tags.state == Tags::State::disagree) return tags_disagree(in.me.self.name, tags);
  if (!tags.wanted.contains(in.me.member)) {
    return Wait{
        Message(Reason::MemberNotListed,
                fmt::format("{} is no member of the cluster of {}, and the tags of all volumes say "
                            "so: they list {}{}",
                            in.me.self.name, quorum_of, in_words(tags.listed()), data_stays),
                "nothing to do: this master may be terminated; to have the member back, list it in "
                "the tags of all volumes")};
  }
  if (auto count = check_member_count(tags.wanted.size()); !count)
    return Refuse{Message(Reason::MemberCountInvalid,
                          fmt::format("the volumes' tags list {}: {}", in_words(tags.listed()),
                                      count.error().message.sentence()),
                          "put the tags right")};
  return std::nullopt;
}

std::optional<Wait> no_room(MemberInputs const& in, std::vector<EtcdMember> const& list) {
  auto const voters = voters_of(list, in);
  if (voters.all.size() % 2 == 0 || voters.down.empty()) return std::nullopt;
  return Wait{
      Message(
          Reason::LearnerWaits,
          fmt::format("{} does not become a voter while {} {} down: of {} voters {} must be up",
                      in.me.self.name, voters.down_names(), voters.down.size() == 1 ? "is" : "are",
                      voters.all.size() + 1, (voters.all.size() + 1) / 2 + 1),
          fmt::format("bring {} back, or replace {}", voters.down_names(),
                      voters.down.size() == 1 ? "it" : "them"))
          .about(voters.down_names())};
}

std::string crash_todo(MemberInputs const& in) {
  auto const& ports = etcd_ports(in.me.cluster);
  return crash_advice({.words = in.etcd.last_end,
                       .space_row = fmt::format("space-{}", to_string(in.me.cluster)),
                       .mount_row = fmt::format("mount-{}", to_string(in.me.cluster)),
                       .client_port = ports.client,
                       .peer_port = ports.peer,
                       .others_have_quorum = quorum_peer(in) != nullptr,
                       .replace = etcd_command(in.me.cluster, "replace " + in.me.self.name),
                       .recover = etcd_command(in.me.cluster, "recover"),
                       .restore = etcd_command(in.me.cluster, "restore")});
}

std::optional<Wait> ends_again_and_again(MemberInputs const& in) {
  auto todo = crash_todo(in);
  if (in.etcd.last_end.empty() || todo.empty()) return std::nullopt;
  return Wait{Message(Reason::EtcdCrashes,
                      fmt::format("{} does not stay up (it {})", in.me.self.name, in.etcd.last_end),
                      std::move(todo))
                  .about(in.etcd.last_end)};
}

}  // namespace haagent::bootstrap
