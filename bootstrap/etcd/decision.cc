#include "bootstrap/etcd/decision.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "agent/base/member_count.h"
#include "bootstrap/etcd/version.h"

namespace haagent::bootstrap {
namespace {

using Phase = UnitState::Phase;
using Reach = MemberAnswer::Reach;

// A learner that does not come up after this many starts is taken out and added anew. It has no
// vote, so nothing can be lost with it.
constexpr int kLearnerStarts = 3;
// etcd promotes a learner that has 90 % of the leader's log.
constexpr double kInSync = 0.9;

bool is_up(Phase phase) {
  return phase == Phase::starting || phase == Phase::running;
}

std::uint64_t id_of(std::string const& text) {
  std::uint64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id, 16);
  return id;
}

// decide() has refused an input in which I am not expected before anything asks for this.
InitialMember me(MemberInputs const& in) {
  for (std::size_t i = 0; i < std::min(in.expected.size(), in.expected_members.size()); ++i)
    if (in.expected_members[i] == in.member) return in.expected[i];
  return {.name = in.member, .peer_url = {}};
}

bool is_mine(EtcdMember const& member, InitialMember const& mine) {
  return member.name == mine.name ||
         std::ranges::find(member.peer_urls, mine.peer_url) != member.peer_urls.end();
}

// The cluster that my volume belongs to: its log knows best, then the marker, then the tag.
std::uint64_t own_cluster(MemberInputs const& in) {
  if (in.data.identity.cluster_id != 0) return in.data.identity.cluster_id;
  return id_of(in.marker_cluster_id.empty() ? in.tag_cluster_id : in.marker_cluster_id);
}

// A peer that a quorum stands behind.
MemberAnswer const* quorum_peer(MemberInputs const& in) {
  for (auto const& peer : in.peers)
    if (peer.quorum_list) return &peer;
  return nullptr;
}

std::string because(std::string const& reason) {
  return reason.empty() ? "" : ": " + reason;
}

std::optional<Refuse> other_cluster(MemberInputs const& in) {
  auto const log = in.data.identity.cluster_id;
  if (auto marker = id_of(in.marker_cluster_id); log != 0 && marker != 0 && log != marker) {
    return Refuse{fmt::format(
        "the data on this volume is of cluster {:x}, and its haagent.json says {:x}: one of the "
        "two was changed by hand; find out which belongs here, and put the other right",
        log, marker)};
  }
  auto const mine = own_cluster(in);
  std::set<std::uint64_t> seen;
  std::vector<std::string> others;
  bool mine_has_quorum = false;
  for (auto const& peer : in.peers) {
    if (peer.reach != Reach::answers || peer.cluster_id == 0) continue;
    seen.insert(peer.cluster_id);
    if (peer.cluster_id == mine && peer.quorum_list) mine_has_quorum = true;
    if (mine != 0 && peer.cluster_id != mine)
      others.push_back(fmt::format("{} serves {:x}", peer.member, peer.cluster_id));
  }
  if (!others.empty() && !mine_has_quorum) {
    return Refuse{fmt::format(
        "this volume belongs to cluster {:x}, but {}: two clusters must not run side by side; "
        "restore or replace one of them",
        mine, in_words(others))};
  }
  if (mine == 0 && seen.size() > 1)
    return Refuse{"the peers serve different clusters; this member joins none of them"};
  return std::nullopt;
}

std::optional<Refuse> version_skew(MemberInputs const& in) {
  auto const refusal = version_refusal(version_facts(in));
  if (!refusal) return std::nullopt;
  return Refuse{fmt::format("{}; {}", refusal->why, refusal->instead)};
}

// I serve, and my marker does not say so. The marker is the last of it: it stands for all of the
// evidence, so that later boots ask nobody.
Decision record(MemberInputs const& in) {
  auto const id = in.own.cluster_id;
  std::set<std::string> tagged;
  if (id_of(in.tag_cluster_id) == id) tagged.insert(in.member);
  for (auto const& volume : in.volumes.value_or(std::vector<VolumeEvidence>{}))
    if (id_of(volume.etcd_cluster_id) == id) tagged.insert(volume.member);
  if (!tagged.contains(in.member)) return TagVolume{id};
  if (tagged.size() >= in.expected.size() / 2 + 1) return MarkVolume{id};
  std::vector<std::string> absent;
  for (auto const& member : in.expected_members)
    if (!tagged.contains(member)) absent.push_back(member);
  return Wait{fmt::format(
      "{} serves cluster {:x}, and waits until the volume{} of {} carr{} it too", me(in).name, id,
      absent.size() == 1 ? "" : "s", in_words(absent), absent.size() == 1 ? "ies" : "y")};
}

Decision with_running_unit(MemberInputs const& in) {
  auto const& own = in.own;
  if (own.reach != Reach::answers) {
    auto const absent = missing(in);
    return Wait{fmt::format("{} runs and does not serve yet{}", me(in).name,
                            because(absent.empty() ? own.why : absent))};
  }
  if (own.learner) {
    auto const* peer = quorum_peer(in);
    if (!peer)
      return Wait{fmt::format("{} is a learner, and no quorum answers{}", me(in).name,
                              because(missing(in)))};
    std::uint64_t leader_index = 0;
    for (auto const& each : in.peers) leader_index = std::max(leader_index, each.raft_index);
    if (static_cast<double>(own.raft_index) < kInSync * static_cast<double>(leader_index))
      return Wait{fmt::format("{} is a learner and catches up: at entry {} of {}", me(in).name,
                              own.raft_index, leader_index)};
    return Promote{own.member_id};
  }
  if (!own.quorum_list)
    return Wait{fmt::format("{} runs and has no quorum{}", me(in).name, because(missing(in)))};
  for (auto const& member : *own.quorum_list) {
    if (member.id != own.member_id) continue;
    if (std::ranges::find(member.peer_urls, me(in).peer_url) == member.peer_urls.end())
      return UpdatePeerUrl{own.member_id};
  }
  if (id_of(in.marker_cluster_id) != own.cluster_id) {
    if (!in.marker_cluster_id.empty())
      return Refuse{fmt::format("{} serves cluster {:x}, but haagent.json says {}", me(in).name,
                                own.cluster_id, in.marker_cluster_id)};
    return record(in);
  }
  auto sentence = fmt::format("{} serves cluster {:x} of {} member{}", me(in).name, own.cluster_id,
                              own.quorum_list->size(), own.quorum_list->size() == 1 ? "" : "s");
  if (auto absent = missing(in); !absent.empty()) sentence += "; " + absent;
  for (auto const& alarm : own.alarms) sentence += "; " + alarm;
  return Serving{std::move(sentence)};
}

Decision with_data(MemberInputs const& in) {
  if (auto refuse = other_cluster(in)) return *refuse;
  auto const* peer = quorum_peer(in);
  if (peer) {
    auto const id = in.data.identity.member_id;
    auto const listed = std::ranges::find_if(*peer->quorum_list, [&](EtcdMember const& member) {
      return id != 0 ? member.id == id : is_mine(member, me(in));
    });
    if (listed == peer->quorum_list->end()) {
      auto why =
          fmt::format("the quorum that {} belongs to has removed member {:x}", peer->member, id);
      if (is_up(in.unit)) return StopUnit{why};
      return SetAside{why};
    }
    if (listed->learner && !is_up(in.unit) && in.failed_starts >= kLearnerStarts)
      return RemoveStale{listed->id, fmt::format("it is a learner that failed {} times ({})",
                                                 in.failed_starts, in.unit_detail)};
  }
  if (is_up(in.unit)) return with_running_unit(in);
  if (auto refuse = version_skew(in)) return *refuse;
  return StartAsIs{};
}

std::vector<InitialMember> initial_from(std::vector<EtcdMember> const& list,
                                        InitialMember const& mine) {
  std::vector<InitialMember> initial;
  for (auto const& member : list) {
    auto const name = is_mine(member, mine) ? mine.name
                      : member.name.empty() ? etcd_id_text(member.id)
                                            : member.name;
    for (auto const& url : member.peer_urls) initial.push_back({name, url});
  }
  return initial;
}

// My volume is blank and a quorum answers.
Decision join(MemberInputs const& in, MemberAnswer const& peer) {
  auto const mine = me(in);
  for (auto const& member : *peer.quorum_list) {
    if (!is_mine(member, mine)) continue;
    for (auto const& other : in.peers) {
      if (other.member_id == member.id)
        return Refuse{fmt::format(
            "{} is served by the instance of {} already; two instances must not be one member",
            mine.name, other.member)};
    }
    bool const unused = member.learner && !member.started() && member.name.empty();
    if (!unused) return RemoveStale{member.id, "its data is not on this volume"};
    if (in.failed_starts >= kLearnerStarts)
      return RemoveStale{member.id, fmt::format("it is a learner that failed {} times ({})",
                                                in.failed_starts, in.unit_detail)};
    return StartJoined{initial_from(*peer.quorum_list, mine)};
  }
  for (auto const& member : *peer.quorum_list) {
    if (member.learner)
      return Wait{fmt::format("{} joins as a learner, and learners join one at a time",
                              member.name.empty() ? etcd_id_text(member.id) : member.name)};
  }
  return AddLearner{};
}

// What says that there has been a cluster; empty where nothing does.
std::string history(MemberInputs const& in) {
  std::vector<std::string> words;
  auto add = [&](std::string word) { words.push_back(std::move(word)); };
  if (!in.marker_cluster_id.empty())
    add(fmt::format("this volume's haagent.json names cluster {}", in.marker_cluster_id));
  if (!in.tag_cluster_id.empty())
    add(fmt::format("this volume's tag names cluster {}", in.tag_cluster_id));
  if (!in.snapshot_id.empty()) add(fmt::format("this volume is made from {}", in.snapshot_id));
  if (!in.data.set_aside.empty())
    add(fmt::format("this volume holds {}", in_words(in.data.set_aside)));
  for (auto const& volume : in.volumes.value_or(std::vector<VolumeEvidence>{})) {
    if (!volume.etcd_cluster_id.empty() &&
        !(volume.member == in.member && volume.etcd_cluster_id == in.tag_cluster_id))
      add(fmt::format("{} ({}) carries cluster {}", volume.volume_id, volume.member,
                      volume.etcd_cluster_id));
  }
  return in_words(words);
}

// My volume is blank and no peer answers.
Decision form(MemberInputs const& in) {
  if (auto old = history(in); !old.empty())
    return Wait{
        fmt::format("there has been a cluster ({}), and no member of it answers{}: "
                    "bring one back, or restore a backup",
                    old, because(missing(in)))};
  if (in.backup_present)
    return Wait{"every volume is blank and a backup exists: run 'haagent etcd restore'"};
  if (!in.volumes) return Wait{"EC2 has not said yet what the other volumes carry"};

  auto const wanted = std::set(in.expected_members.begin(), in.expected_members.end());
  std::set<std::string> present{in.member};
  for (auto const& volume : *in.volumes) {
    if (std::set(volume.members.begin(), volume.members.end()) != wanted) {
      return Refuse{
          fmt::format("the volumes disagree about the members: {} says {}, this one {}; "
                      "put their tags right",
                      volume.volume_id, in_words(volume.members), in_words(in.expected_members))};
    }
    if (volume.attached) present.insert(volume.member);
  }
  if (auto count = check_member_count(in.expected.size()); !count)
    return Refuse{count.error().what};
  auto const quorum = in.expected.size() / 2 + 1;
  if (present.size() < quorum) {
    std::vector<std::string> absent;
    for (auto const& member : in.expected_members)
      if (!present.contains(member)) absent.push_back(member);
    return Wait{fmt::format("a new cluster forms once {} of {} volumes are attached; not yet: {}",
                            quorum, in.expected.size(), in_words(absent))};
  }
  return FormNew{in.expected};
}

Decision without_data(MemberInputs const& in) {
  if (!in.data.foreign.empty()) {
    return Refuse{fmt::format(
        "the volume holds {}, which is neither etcd's nor haagent's: it may be data; look at it, "
        "and move it away or use another volume",
        in_words(in.data.foreign))};
  }
  if (auto refuse = other_cluster(in)) return *refuse;
  if (is_up(in.unit)) return Wait{fmt::format("{} starts{}", me(in).name, because(missing(in)))};
  // A log belonged to this volume once, and it is gone: what is left is not started on.
  if (in.data.state == DataDir::State::unfinished && !in.marker_cluster_id.empty())
    return SetAside{"its log is missing"};
  if (auto refuse = version_skew(in)) return *refuse;
  if (auto const* peer = quorum_peer(in)) return join(in, *peer);

  for (auto const& peer : in.peers) {
    if (peer.reach == Reach::answers)
      return Wait{fmt::format("{} knows cluster {:x}, which has no quorum{}", peer.member,
                              peer.cluster_id, because(missing(in)))};
    if (peer.reach == Reach::strange)
      return Wait{fmt::format("{} answers, but not as etcd does ({}): it may know a cluster",
                              peer.member, peer.why)};
  }
  return form(in);
}

std::string after_failure(MemberInputs const& in) {
  if (in.failed_starts == 0) return "";
  return fmt::format(" (try {}; before: {})", in.failed_starts + 1, in.unit_detail);
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

VersionFacts version_facts(MemberInputs const& in) {
  VersionFacts facts{.mine = in.version,
                     .served_by = in.served_by,
                     .data_version = in.data_version,
                     .cluster_version = in.cluster_version,
                     .peers = {}};
  for (auto const& peer : in.peers) facts.peers.push_back({peer.member, peer.version});
  return facts;
}

std::string missing(MemberInputs const& in) {
  std::vector<std::string> words;
  for (auto const& peer : in.peers) {
    if (peer.reach == Reach::silent)
      words.push_back(fmt::format("{} does not answer ({})", peer.member, peer.why));
    if (peer.reach == Reach::strange)
      words.push_back(fmt::format("{} answers strangely ({})", peer.member, peer.why));
  }
  return in_words(words);
}

Decision decide(MemberInputs const& inputs) {
  if (std::ranges::find(inputs.expected_members, inputs.member) == inputs.expected_members.end() ||
      inputs.expected.size() != inputs.expected_members.size())
    return Refuse{fmt::format("member {} is not one of {}: put the volume's tag right",
                              inputs.member, in_words(inputs.expected_members))};
  return inputs.data.state == DataDir::State::member ? with_data(inputs) : without_data(inputs);
}

std::string sentence_of(Decision const& decision, MemberInputs const& in) {
  auto const name = me(in).name;
  return std::visit(
      Overloaded{
          [&](StartAsIs const&) {
            return fmt::format("start {} on its data{}", name, after_failure(in));
          },
          [&](FormNew const& move) {
            std::vector<std::string> names;
            for (auto const& member : move.initial) names.push_back(member.name);
            return fmt::format("form a new cluster of {}{}", in_words(names), after_failure(in));
          },
          [&](StartJoined const&) {
            return fmt::format("start {} as a learner{}", name, after_failure(in));
          },
          [&](SetAside const& move) {
            return fmt::format("set the data of {} aside: {}", name, move.why);
          },
          [&](StopUnit const& move) { return fmt::format("stop {}: {}", name, move.why); },
          [&](RemoveStale const& move) {
            return fmt::format("remove {} ({:x}) from the cluster: {}", name, move.id, move.why);
          },
          [&](AddLearner const&) {
            return fmt::format("add {} to the cluster as a learner", name);
          },
          [&](Promote const& move) { return fmt::format("promote {} ({:x})", name, move.id); },
          [&](UpdatePeerUrl const& move) {
            return fmt::format("set the peer URL of {} ({:x}) to {}", name, move.id,
                               me(in).peer_url);
          },
          [&](TagVolume const& move) {
            return fmt::format("tag the volume of {} with cluster {:x}", name, move.id);
          },
          [&](MarkVolume const& move) {
            return fmt::format("write cluster {:x} to the volume of {}", move.id, name);
          },
          [](Wait const& wait) { return wait.what; },
          [](Refuse const& refuse) { return refuse.why; },
          [](Serving const& serving) { return serving.what; }},
      decision);
}

}  // namespace haagent::bootstrap
