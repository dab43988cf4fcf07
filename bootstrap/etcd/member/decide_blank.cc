#include "bootstrap/etcd/member/decide_blank.h"

#include <algorithm>
#include <set>

#include "agent/base/member_count.h"
#include "bootstrap/etcd/member/obstacles.h"
#include "bootstrap/etcd/member/standing.h"
#include "bootstrap/etcd/member/tags.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

std::vector<InitialMember> initial_from(std::vector<EtcdMember> const& list,
                                        MemberInputs const& in) {
  std::vector<InitialMember> initial;
  for (auto const& member : list)
    for (auto const& url : member.peer_urls)
      initial.push_back({is_mine(member, in) ? in.me.self.name : name_of(member), url});
  return initial;
}

// Before a blank member takes its old id out, its volume says that there is a cluster: else enough
// of them, out of the list and out of earshot, would form one again from their ids of old.
std::optional<Decision> tag_first(MemberInputs const& in, MemberAnswer const& peer) {
  if (id_of(in.volume.tag_cluster_id) == peer.cluster_id) return std::nullopt;
  return TagVolume{peer.cluster_id};
}

// My volume is blank and a quorum answers.
Decision join(MemberInputs const& in, MemberAnswer const& peer) {
  auto const& list = *peer.quorum_list;
  for (auto const& member : list) {
    if (!is_mine(member, in)) continue;
    for (auto const& other : in.others.peers) {
      if (other.member_id == member.id)
        return Refuse{
            Message(Reason::MemberServedTwice,
                    fmt::format(
                        "{} is served by the instance of {} already; two instances must not be one "
                        "member",
                        in.me.self.name, other.member),
                    "terminate one of the two, or give this volume's tag another member")
                .about(other.member)};
    }
    bool const unused = member.learner && !member.started() && member.name.empty();
    bool const failed = in.etcd.failed_starts >= kLearnerStarts;
    if (unused && !failed) return StartJoined{initial_from(list, in)};
    if (auto stop = not_to_join(in, peer.member, "")) return *stop;
    if (auto tag = tag_first(in, peer)) return *tag;
    if (!unused) return RemoveStale{member.id, "its data is not on this volume"};
    return RemoveStale{member.id, fmt::format("it is a learner that failed {} times ({})",
                                              in.etcd.failed_starts, in.etcd.unit_detail)};
  }
  if (auto stop = not_to_join(in, peer.member, "")) return *stop;
  for (auto const& member : list) {
    if (member.learner)
      return Wait{
          Message(Reason::LearnerWaits,
                  fmt::format("{} joins as a learner, and learners join one at a time",
                              name_of(member)),
                  fmt::format("nothing to do: it is {}'s turn next; if {} does not get on, look at "
                              "its master",
                              in.me.self.name, name_of(member)))
              .about(name_of(member))};
  }
  if (auto wait = no_room(in, list)) return *wait;
  if (auto tag = tag_first(in, peer)) return *tag;
  return AddLearner{};
}

// What says that there has been a cluster; empty where nothing does.
std::string history(MemberInputs const& in) {
  std::vector<std::string> words;
  auto add = [&](std::string word) { words.push_back(std::move(word)); };
  if (!in.volume.marker_cluster_id.empty())
    add(fmt::format("this volume's haagent.json names cluster {}", in.volume.marker_cluster_id));
  if (!in.volume.tag_cluster_id.empty())
    add(fmt::format("this volume's tag names cluster {}", in.volume.tag_cluster_id));
  if (!in.volume.snapshot_id.empty())
    add(fmt::format("this volume is made from {}", in.volume.snapshot_id));
  if (!in.volume.copy_of.empty())
    add(fmt::format("this volume is a copy of {}", in.volume.copy_of));
  if (!in.volume.data.set_aside.empty())
    add(fmt::format("this volume holds {}", in_words(in.volume.data.set_aside)));
  if (in.volume.data.restored) add("a restore was begun on this volume");
  for (auto const& volume : in.ec2.volumes.value_or(std::vector<VolumeEvidence>{})) {
    if (!volume.etcd_cluster_id.empty() &&
        !(volume.member == in.me.member && volume.etcd_cluster_id == in.volume.tag_cluster_id))
      add(fmt::format("{} ({}) carries cluster {}", volume.volume_id,
                      volume.tagged ? volume.member : "tagged for no member",
                      volume.etcd_cluster_id));
  }
  return in_words(words);
}

// Where nothing but a backup could speak for an old cluster.
std::optional<Wait> backups_say(MemberInputs const& in) {
  using Backups = StoreFacts::Backups;
  if (!in.store.restored_token.empty())
    return Wait{Message(Reason::RestoreUnderWay,
                        fmt::format("a restore is under way, into a cluster of the token {}",
                                    in.store.restored_token),
                        fmt::format("let '{}' end, or run it again",
                                    etcd_command(in.me.cluster, "restore")))
                    .about(in.store.restored_token)};
  if (in.store.backups == Backups::present)
    return Wait{Message(
        Reason::BackupsFound,
        fmt::format("every volume is blank and a backup exists{}",
                    in.store.backups_detail.empty() ? "" : " (" + in.store.backups_detail + ")"),
        fmt::format("run '{}'", etcd_command(in.me.cluster, "restore")))};
  if (in.store.backups == Backups::unknown)
    return Wait{Message(Reason::StoreNotKnown,
                        fmt::format("the state store has not said whether it has a backup of this "
                                    "cluster{}, and no cluster is formed before it has",
                                    because(in.store.backups_detail)),
                        "see that the state store can be reached from here")};
  return std::nullopt;
}

// My volume is blank and no peer answers.
Decision form(MemberInputs const& in) {
  if (is_stale(in)) return ask_ec2(in);
  if (auto old = history(in); !old.empty())
    return Wait{Message(
        Reason::ClusterSilent,
        fmt::format("there has been a cluster ({}), and no member of it answers{}", old,
                    because(missing(in))),
        fmt::format("bring one back, or run '{}'", etcd_command(in.me.cluster, "restore")))};
  if (auto wait = backups_say(in)) return *wait;

  auto const wanted = std::set(in.me.expected_members.begin(), in.me.expected_members.end());
  std::set<std::string> present{in.me.member};
  for (auto const& volume : *in.ec2.volumes) {
    if (!volume.tagged) continue;
    if (std::set(volume.members.begin(), volume.members.end()) != wanted) {
      return Refuse{
          Message(Reason::TagsDisagree,
                  fmt::format("the volumes disagree about the members: {} says {}, this one {}",
                              volume.volume_id, in_words(volume.members),
                              in_words(in.me.expected_members)),
                  "put their tags right")
              .about(volume.volume_id)};
    }
    if (volume.attached) present.insert(volume.member);
  }
  if (auto count = check_member_count(in.me.expected.size()); !count)
    return Refuse{Message(Reason::MemberCountInvalid, count.error().message.sentence(),
                          "put the volumes' tags right")};
  auto const quorum = in.me.expected.size() / 2 + 1;
  if (present.size() < quorum) {
    std::vector<std::string> absent;
    for (auto const& member : in.me.expected_members)
      if (!present.contains(member)) absent.push_back(member);
    return Wait{
        Message(Reason::ClusterIncomplete,
                fmt::format("a new cluster forms once {} of {} volumes are attached; not yet: {}",
                            quorum, in.me.expected.size(), in_words(absent)),
                fmt::format("start the master{} of {}", absent.size() == 1 ? "" : "s",
                            in_words(absent)))
            .about(joined(absent))};
  }
  return FormNew{in.me.expected};
}

}  // namespace

Decision without_data(MemberInputs const& in) {
  if (!in.volume.data.foreign.empty()) {
    return Refuse{
        Message(Reason::DataForeign,
                fmt::format("the volume holds {}, which is neither etcd's nor haagent's: it may "
                            "be data",
                            in_words(in.volume.data.foreign)),
                "look at it, and move it away or use another volume")
            .about(joined(in.volume.data.foreign))};
  }
  if (auto refuse = other_cluster(in)) return *refuse;
  if (is_up(in.etcd.unit) && in.etcd.own.reach != Reach::answers)
    if (auto wait = ends_again_and_again(in)) return *std::move(wait);
  if (is_up(in.etcd.unit))
    return Wait{Message(Reason::EtcdStarting,
                        fmt::format("{} starts{}", in.me.self.name, because(missing(in))),
                        bring_back(in))
                    .about(names_of_silent(in))};
  // A log belonged to this volume once, and it is gone: what is left is not started on.
  if (in.volume.data.state == DataDir::State::unfinished && !in.volume.marker_cluster_id.empty())
    return SetAside{"its log is missing"};
  if (auto refuse = version_skew(in)) return *refuse;
  if (auto const* peer = quorum_peer(in)) return join(in, *peer);

  for (auto const& peer : in.others.peers) {
    if (peer.reach == Reach::answers)
      return Wait{
          Message(
              Reason::ClusterWithoutQuorum,
              fmt::format("{} knows cluster {:x}, which has no quorum{}", peer.member,
                          peer.cluster_id, because(missing(in))),
              fmt::format("bring its other members back; if they are lost for ever, run '{}' on "
                          "its master, or '{}'",
                          etcd_command(in.me.cluster, "recover"),
                          etcd_command(in.me.cluster, "restore")))
              .about(peer.member)};
    if (peer.reach == Reach::not_etcd)
      return Wait{
          Message(Reason::PeerNotEtcd,
                  fmt::format("{} answers, but not as etcd does ({}): it may know a cluster",
                              peer.member, peer.why),
                  fmt::format("look at etcd on the master of {}", peer.member))
              .about(peer.member)};
  }
  return form(in);
}

}  // namespace haagent::bootstrap
