#include "bootstrap/etcd/member/decision.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "agent/base/member_count.h"
#include "bootstrap/etcd/client/version.h"
#include "bootstrap/etcd/member/crash.h"
#include "bootstrap/etcd/member/request_decision.h"
#include "bootstrap/etcd/member/tags.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

// A learner that does not come up after this many starts is taken out and added anew. It has no
// vote, so nothing can be lost with it.
constexpr int kLearnerStarts = 3;
// etcd promotes a learner that has 90 % of the leader's log.
constexpr double kInSync = 0.9;
// Volumes are tagged within a second or two of each other.
constexpr Duration kTagAge{1'000};

constexpr char const* kByItself = "nothing to do: it goes on by itself";

std::uint64_t id_of(std::string const& text) {
  std::uint64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id, 16);
  return id;
}

bool is_mine(EtcdMember const& member, MemberInputs const& in) {
  return is_member(member, in.me.self);
}

std::string name_of(EtcdMember const& member) {
  return member.name.empty() ? etcd_id_text(member.id) : member.name;
}

// A peer that a quorum stands behind: of my own cluster, where one of it answers. Another cluster's
// list does not have me, which must not read as a removal.
MemberAnswer const* quorum_peer(MemberInputs const& in) {
  MemberAnswer const* any = nullptr;
  for (auto const& peer : in.others.peers) {
    if (!peer.quorum_list) continue;
    if (peer.cluster_id == own_cluster(in)) return &peer;
    if (!any) any = &peer;
  }
  return any;
}

// It answers and follows a leader.
bool is_well(std::uint64_t id, MemberInputs const& in) {
  auto well = [&](MemberAnswer const& answer) {
    return answer.reach == Reach::answers && answer.member_id == id &&
           (answer.leader_id != 0 || answer.quorum_list);
  };
  return well(in.etcd.own) || std::ranges::any_of(in.others.peers, well);
}

struct Voters {
  std::vector<EtcdMember const*> all;
  std::vector<EtcdMember const*> down;
  std::string down_names() const {
    std::vector<std::string> names;
    for (auto const* each : down) names.push_back(name_of(*each));
    return in_words(names);
  }
};

Voters voters_of(std::vector<EtcdMember> const& list, MemberInputs const& in) {
  Voters voters;
  for (auto const& member : list) {
    if (member.learner) continue;
    voters.all.push_back(&member);
    if (!is_well(member.id, in)) voters.down.push_back(&member);
  }
  return voters;
}

std::string because(std::string const& reason) {
  return reason.empty() ? "" : ": " + reason;
}

std::string bring_back(MemberInputs const& in) {
  std::vector<std::string> silent;
  for (auto const& peer : in.others.peers)
    if (peer.reach != Reach::answers) silent.push_back(peer.member);
  if (silent.empty()) return kByItself;
  return fmt::format("if it stays so, see to the master{} of {}", silent.size() == 1 ? "" : "s",
                     in_words(silent));
}

std::string lost_for_ever(MemberInputs const& in) {
  auto words = bring_back(in);
  if (words == kByItself) return words;
  return words + fmt::format("; if what they had is lost for ever, run '{}' here, or '{}'",
                             etcd_command(in.me.cluster, "recover"),
                             etcd_command(in.me.cluster, "restore"));
}

// A member that starts anew serves nothing until it has a quorum: who reads so has to be told the
// same as of one that has lost it. Not of one that has never served: the others just are not there
// yet.
bool too_few_are_left(MemberInputs const& in) {
  auto const members = in.others.peers.size() + 1;
  auto const silent = static_cast<std::size_t>(
      std::ranges::count(in.others.peers, Reach::silent, &MemberAnswer::reach));
  return !in.volume.marker_cluster_id.empty() && members - silent <= members / 2;
}

std::optional<Refuse> other_cluster(MemberInputs const& in) {
  auto const log = in.volume.data.identity.cluster_id;
  if (auto marker = id_of(in.volume.marker_cluster_id); log != 0 && marker != 0 && log != marker) {
    return Refuse{fmt::format("the data on this volume is of cluster {:x}, and its haagent.json "
                              "says {:x}: one of the two was changed by hand",
                              log, marker),
                  "find out which belongs here, and put the other right"};
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
    return Refuse{fmt::format("this volume belongs to cluster {:x}, but {}: two clusters must not "
                              "run side by side",
                              mine, in_words(others)),
                  "restore or replace one of them"};
  }
  if (mine == 0 && seen.size() > 1)
    return Refuse{"the peers serve different clusters; this member joins none of them",
                  "find out which cluster is the right one, and take the other one's masters away"};
  return std::nullopt;
}

std::optional<Refuse> version_skew(MemberInputs const& in) {
  auto const refusal = version_refusal(version_facts(in));
  if (!refusal) return std::nullopt;
  return Refuse{refusal->why, refusal->instead};
}

Wait ask_ec2(MemberInputs const& in) {
  return {fmt::format("EC2 has not said yet what the other volumes of {} carry", in.me.self.name),
          "nothing to do: it is asked", /*ask_ec2=*/true};
}

bool is_stale(MemberInputs const& in) {
  return !in.ec2.volumes || in.ec2.volumes_age > kEvidenceAge;
}

Wait tags_disagree(std::string const& name, Tags const& tags) {
  return {fmt::format("{} is not added or removed while the volumes' tags disagree about the "
                      "members: {}",
                      name, tags.words),
          "put the tags right, so that all list the same members"};
}

// What keeps me from (re)joining a quorum: only the tags say whether I am to be a member.
std::optional<Decision> not_to_join(MemberInputs const& in, std::string const& quorum_of,
                                    std::string_view data_stays) {
  if (is_stale(in)) return ask_ec2(in);
  auto const tags = tags_of(in);
  if (tags.state == Tags::State::none) return ask_ec2(in);
  if (tags.state == Tags::State::disagree) return tags_disagree(in.me.self.name, tags);
  if (!tags.wanted.contains(in.me.member)) {
    return Wait{fmt::format("{} is no member of the cluster of {}, and the tags of all volumes say "
                            "so: they list {}{}",
                            in.me.self.name, quorum_of, in_words(tags.listed()), data_stays),
                "nothing to do: this master may be terminated; to have the member back, list it in "
                "the tags of all volumes"};
  }
  if (auto count = check_member_count(tags.wanted.size()); !count)
    return Refuse{
        fmt::format("the volumes' tags list {}: {}", in_words(tags.listed()), count.error().what),
        "put the tags right"};
  return std::nullopt;
}

// One voter more makes the quorum larger where their number is odd now.
std::optional<Wait> no_room(MemberInputs const& in, std::vector<EtcdMember> const& list) {
  auto const voters = voters_of(list, in);
  if (voters.all.size() % 2 == 0 || voters.down.empty()) return std::nullopt;
  return Wait{
      fmt::format("{} does not become a voter while {} {} down: of {} voters {} must be up",
                  in.me.self.name, voters.down_names(), voters.down.size() == 1 ? "is" : "are",
                  voters.all.size() + 1, (voters.all.size() + 1) / 2 + 1),
      fmt::format("bring {} back, or replace {}", voters.down_names(),
                  voters.down.size() == 1 ? "it" : "them")};
}

// I serve, and my marker does not say so. The marker is the last of it: it stands for all of the
// evidence, so that later boots ask nobody.
Decision record(MemberInputs const& in) {
  auto const id = in.etcd.own.cluster_id;
  std::set<std::string> tagged;
  if (id_of(in.volume.tag_cluster_id) == id) tagged.insert(in.me.member);
  for (auto const& volume : in.ec2.volumes.value_or(std::vector<VolumeEvidence>{}))
    if (id_of(volume.etcd_cluster_id) == id) tagged.insert(volume.member);
  if (!tagged.contains(in.me.member)) return TagVolume{id};
  if (tagged.size() >= in.me.expected.size() / 2 + 1) return MarkVolume{id};
  std::vector<std::string> absent;
  for (auto const& member : in.me.expected_members)
    if (!tagged.contains(member)) absent.push_back(member);
  return Wait{
      fmt::format("{} serves cluster {:x}, and waits until the volume{} of {} carr{} it too",
                  in.me.self.name, id, absent.size() == 1 ? "" : "s", in_words(absent),
                  absent.size() == 1 ? "ies" : "y"),
      fmt::format("{}; if it stays so, look at the master{} of {}", kByItself,
                  absent.size() == 1 ? "" : "s", in_words(absent)),
      /*ask_ec2=*/!in.ec2.volumes || in.ec2.volumes_age > kTagAge};
}

Decision with_running_learner(MemberInputs const& in) {
  auto const& own = in.etcd.own;
  auto const* peer = quorum_peer(in);
  if (!peer)
    return Wait{fmt::format("{} is a learner, and no quorum answers{}", in.me.self.name,
                            because(missing(in))),
                bring_back(in)};
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
                    "anew",
                    to_words(in.others.learner_patience), own.raft_index, leader_index)};
  if (behind)
    return Wait{fmt::format("{} is a learner and catches up: at entry {} of {}", in.me.self.name,
                            own.raft_index, leader_index),
                kByItself};
  for (auto const& member : *peer->quorum_list)
    if (member.id == own.member_id && !member.learner)
      return Wait{fmt::format("{} votes now, and has not read so in its log yet", in.me.self.name),
                  kByItself};
  if (!in.etcd.promotion_refused.empty())
    return Wait{
        fmt::format("{} is a learner at entry {} of {}, and etcd does not promote it yet "
                    "({})",
                    in.me.self.name, own.raft_index, leader_index, in.etcd.promotion_refused),
        "nothing to do: it is asked again"};
  if (auto wait = no_room(in, *peer->quorum_list)) return *wait;
  // Before it votes, its volume says so: the volumes of the others may be lost from then on.
  if (id_of(in.volume.tag_cluster_id) != own.cluster_id) return TagVolume{own.cluster_id};
  return Promote{own.member_id};
}

struct Change {
  std::optional<Decision> move;
  std::string note;         // for the sentence of a member that serves
  bool watch_tags = false;  // what EC2 says next matters soon
};

// I lead, and this voter is to go: may it, now? The rest must be members by the tags, all of them
// voters that are up, unless the one that is down is the one to go.
Change take_out(MemberInputs const& in, Tags const& tags, std::vector<EtcdMember> const& list,
                std::vector<EtcdMember const*> const& leaving) {
  auto const voters = voters_of(list, in);
  auto down = [&](EtcdMember const* member) {
    return std::ranges::find(voters.down, member) != voters.down.end();
  };
  for (auto const* each : voters.down)
    if (std::ranges::find(leaving, each) == leaving.end())
      return {{},
              fmt::format("nobody is taken out while {} is down: bring it back", name_of(*each))};
  // A learner has no vote and one that is down gives none: those first, whoever else is to come.
  auto const* target = leaving.back();
  for (auto const* each : leaving)
    if (down(each)) target = each;
  for (auto const* each : leaving)
    if (each->learner) target = each;
  bool const harmless = down(target) || target->learner;
  for (auto const& member : list)
    if (!harmless && member.learner)
      return {{}, fmt::format("{} joins first: nothing to do", name_of(member))};
  if (!harmless) {
    if (auto absent = absent_of(in, tags, list); !absent.empty())
      return {{},
              fmt::format("{} must vote first: start the master{}", in_words(absent),
                          absent.size() == 1 ? "" : "s")};
  }
  auto const rest = voters.all.size() - (target->learner ? 0u : 1u);
  auto const up =
      voters.all.size() - voters.down.size() - (target->learner || down(target) ? 0u : 1u);
  if (rest == 0 || up < rest / 2 + 1)
    return {{}, fmt::format("it stays, since the others would have no quorum without it")};
  auto const why = fmt::format("the tags of all volumes list {} alone", in_words(tags.listed()));
  if (target->id != in.etcd.own.member_id)
    return {RemoveMember{target->id, name_of(*target), why}, ""};
  for (auto const* each : voters.all)
    if (each != target && is_wanted(*each, in, tags))
      return {MoveLeader{each->id, name_of(*each), why}, ""};
  return {{}, "no member that stays votes yet"};
}

// I serve: is the cluster as the tags of its volumes want it?
Change reconfigure(MemberInputs const& in) {
  if (!in.ec2.volumes) return {};
  auto const& list = *in.etcd.own.quorum_list;
  auto const tags = tags_of(in);
  if (tags.state == Tags::State::none) return {};
  if (tags.state == Tags::State::disagree)
    return {{},
            fmt::format("nobody is added or removed while the volumes' tags disagree about the "
                        "members ({}): put them right",
                        tags.words)};
  if (!tags.names_known(in)) return {};
  std::vector<EtcdMember const*> leaving;
  for (auto const& member : list)
    if (!is_wanted(member, in, tags)) leaving.push_back(&member);
  std::ranges::sort(leaving, {}, [](auto const* each) { return name_of(*each); });
  if (leaving.empty()) {
    auto const absent = absent_of(in, tags, list);
    if (absent.empty()) return {};
    return {
        {},
        fmt::format("{} {} listed by the tags and not yet {}: start the master{}, each adds "
                    "itself",
                    in_words(absent), absent.size() == 1 ? "is" : "are",
                    absent.size() == 1 ? "a member" : "members", absent.size() == 1 ? "" : "s")};
  }
  std::vector<std::string> names;
  for (auto const* each : leaving) names.push_back(name_of(*each));
  auto const who =
      fmt::format("the tags of all volumes list {} alone, so {} {} to go", in_words(tags.listed()),
                  in_words(names), names.size() == 1 ? "is" : "are");
  bool const leads = in.etcd.own.leader_id == in.etcd.own.member_id;
  auto held = [&](std::string const& why) {
    return Change{{}, fmt::format("{}; {}", who, why), leads};
  };
  if (auto count = check_member_count(tags.wanted.size()); !count)
    return held(fmt::format("they stay: {}: put the tags right", count.error().what));
  if (tags.state == Tags::State::partial)
    return held(fmt::format("not before {} {} a volume: see why EC2 shows none",
                            in_words(tags.without_volume),
                            tags.without_volume.size() == 1 ? "has" : "have"));
  if (!leads)
    return held("the agent of etcd's leader takes one out after the other: nothing to do");
  if (in.ec2.tags_agree_for < in.ec2.tags_settle)
    return held(fmt::format("nothing to do: it is taken out once EC2 has said so for {}",
                            to_words(in.ec2.tags_settle)));
  auto change = take_out(in, tags, list, leaving);
  if (!change.move) return held(change.note);
  if (is_stale(in)) return {ask_ec2(in), ""};
  return change;
}

// A learner that blocks the others, and whose own agent is gone with it.
std::optional<Decision> evict_silent_learner(MemberInputs const& in) {
  if (in.etcd.own.leader_id != in.etcd.own.member_id ||
      in.others.learner_still < 2 * in.others.learner_patience)
    return std::nullopt;
  for (auto const& member : *in.etcd.own.quorum_list) {
    if (!member.learner || is_well(member.id, in)) continue;
    return RemoveMember{member.id, name_of(member),
                        fmt::format("it is a learner that nobody has heard of for {}, and others "
                                    "cannot join before it",
                                    to_words(2 * in.others.learner_patience))};
  }
  return std::nullopt;
}

// What its last words call for; empty where they do not tell.
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

// systemd starts it again and again, whoever looks.
std::optional<Wait> ends_again_and_again(MemberInputs const& in) {
  auto todo = crash_todo(in);
  if (in.etcd.last_end.empty() || todo.empty()) return std::nullopt;
  return Wait{fmt::format("{} does not stay up (it {})", in.me.self.name, in.etcd.last_end),
              std::move(todo)};
}

Decision with_running_unit(MemberInputs const& in) {
  auto const& own = in.etcd.own;
  if (own.reach != Reach::answers) {
    if (auto wait = ends_again_and_again(in)) return *std::move(wait);
    auto const absent = missing(in);
    return Wait{fmt::format("{} runs and does not serve yet{}", in.me.self.name,
                            because(absent.empty() ? own.why : absent)),
                too_few_are_left(in) ? lost_for_ever(in) : bring_back(in)};
  }
  if (own.learner) return with_running_learner(in);
  if (!own.quorum_list)
    return Wait{fmt::format("{} runs and has no quorum{}", in.me.self.name, because(missing(in))),
                lost_for_ever(in)};
  for (auto const& member : *own.quorum_list) {
    if (member.id != own.member_id) continue;
    if (std::ranges::find(member.peer_urls, in.me.self.peer_url) == member.peer_urls.end())
      return UpdatePeerUrl{own.member_id};
  }
  if (id_of(in.volume.marker_cluster_id) != own.cluster_id) {
    if (!in.volume.marker_cluster_id.empty())
      return Refuse{fmt::format("{} serves cluster {:x}, but haagent.json says {}", in.me.self.name,
                                own.cluster_id, in.volume.marker_cluster_id),
                    "find out which belongs here, and put the other right"};
    return record(in);
  }
  // It was started before this agent could tell a copy, and has caught up with a quorum since.
  if (!in.volume.copy_of.empty()) return MarkVolume{own.cluster_id};
  if (auto evict = evict_silent_learner(in)) return *evict;
  auto change = reconfigure(in);
  if (change.move) return *change.move;
  auto sentence =
      fmt::format("{} serves cluster {:x} of {} member{}", in.me.self.name, own.cluster_id,
                  own.quorum_list->size(), own.quorum_list->size() == 1 ? "" : "s");
  if (auto absent = missing(in); !absent.empty()) sentence += "; " + absent;
  if (!change.note.empty()) sentence += "; " + change.note;
  if (auto held = order_note(in); !held.empty()) sentence += "; " + held;
  for (auto const& alarm : own.server.alarms) sentence += "; " + alarm;
  return Serving{std::move(sentence), change.watch_tags};
}

// My data are a copy, and nobody has started them here.
Decision with_a_copy(MemberInputs const& in, MemberAnswer const* peer) {
  auto const what =
      fmt::format("the data on {} are a copy of {}", in.volume.volume_id, in.volume.copy_of);
  if (peer) {
    for (auto const& other : in.others.peers)
      if (other.member_id == in.volume.data.identity.member_id && other.reach == Reach::answers)
        return Refuse{fmt::format("{}, and {} is served by the instance of {} already", what,
                                  in.me.self.name, other.member),
                      "terminate one of the two, or give this volume's tag another member"};
    if (auto stop = not_to_join(in, peer->member, "; its data stays on this volume")) return *stop;
    return SetAside{what + ", older than what the others have: it joins as a new learner"};
  }
  return Wait{fmt::format("{}, and an older copy must not be started as it is: it may lack what it "
                          "confirmed; no quorum answers{}",
                          what, because(missing(in))),
              "bring the others back, and it joins them; if every volume was replaced by a copy, "
              "run 'haagent etcd adopt-volume' on one master"};
}

// My volume is not seen: nobody is changed, whatever else is known. An etcd that runs on its open
// files goes on, unless the filesystem takes no writes any more and the others do without it.
Decision without_volume(MemberInputs const& in) {
  auto const& unseen = *in.volume.unseen;
  auto const* peer = quorum_peer(in);
  if (unseen.failed && is_up(in.etcd.unit) && peer) {
    auto const voters = voters_of(*peer->quorum_list, in);
    auto const stay = std::ranges::count_if(voters.all, [&](EtcdMember const* each) {
      return !is_mine(*each, in) && std::ranges::find(voters.down, each) == voters.down.end();
    });
    if (static_cast<std::size_t>(stay) >= voters.all.size() / 2 + 1)
      return StopUnit{unseen.why + ", and the others have a quorum without it"};
  }
  return Wait{
      fmt::format("{}{}; nobody is added, removed or started without it", unseen.why,
                  is_up(in.etcd.unit) ? fmt::format(", and {} still runs", in.me.self.name) : ""),
      unseen.todo};
}

Decision with_data(MemberInputs const& in) {
  if (auto refuse = other_cluster(in)) return *refuse;
  auto const* peer = quorum_peer(in);
  if (peer) {
    auto const id = in.volume.data.identity.member_id;
    auto const listed = std::ranges::find_if(*peer->quorum_list, [&](EtcdMember const& member) {
      return id != 0 ? member.id == id : is_mine(member, in);
    });
    if (listed == peer->quorum_list->end()) {
      auto why =
          fmt::format("the quorum that {} belongs to has removed member {:x}", peer->member, id);
      if (is_up(in.etcd.unit)) return StopUnit{why};
      if (auto stop = not_to_join(in, peer->member, "; its data stays on this volume"))
        return *stop;
      return SetAside{why};
    }
    if (listed->learner && !is_up(in.etcd.unit) && in.etcd.failed_starts >= kLearnerStarts)
      return RemoveStale{listed->id, fmt::format("it is a learner that failed {} times ({})",
                                                 in.etcd.failed_starts, in.etcd.unit_detail)};
  }
  if (is_up(in.etcd.unit)) return with_running_unit(in);
  if (!in.volume.copy_of.empty()) return with_a_copy(in, peer);
  if (auto refuse = version_skew(in)) return *refuse;
  return StartAsIs{};
}

std::vector<InitialMember> initial_from(std::vector<EtcdMember> const& list,
                                        MemberInputs const& in) {
  std::vector<InitialMember> initial;
  for (auto const& member : list)
    for (auto const& url : member.peer_urls)
      initial.push_back({is_mine(member, in) ? in.me.self.name : name_of(member), url});
  return initial;
}

// Before a blank member takes its old id out, its volume says that there is a cluster: else enough
// of them, out of the list and out of earshot, would form one anew from their ids of old.
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
            fmt::format("{} is served by the instance of {} already; two instances must not be one "
                        "member",
                        in.me.self.name, other.member),
            "terminate one of the two, or give this volume's tag another member"};
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
          fmt::format("{} joins as a learner, and learners join one at a time", name_of(member)),
          fmt::format("nothing to do: it is {}'s turn next; if {} does not get on, look at "
                      "its master",
                      in.me.self.name, name_of(member))};
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
    return Wait{
        fmt::format("a restore is under way, into a cluster of the token {}",
                    in.store.restored_token),
        fmt::format("let '{}' end, or run it again", etcd_command(in.me.cluster, "restore"))};
  if (in.store.backups == Backups::present)
    return Wait{
        fmt::format("every volume is blank and a backup exists{}",
                    in.store.backups_detail.empty() ? "" : " (" + in.store.backups_detail + ")"),
        fmt::format("run '{}'", etcd_command(in.me.cluster, "restore"))};
  if (in.store.backups == Backups::unknown)
    return Wait{fmt::format("the state store has not said whether it has a backup of this "
                            "cluster{}, and no cluster is formed before it has",
                            because(in.store.backups_detail)),
                "see that the state store can be reached from here"};
  return std::nullopt;
}

// My volume is blank and no peer answers.
Decision form(MemberInputs const& in) {
  if (is_stale(in)) return ask_ec2(in);
  if (auto old = history(in); !old.empty())
    return Wait{fmt::format("there has been a cluster ({}), and no member of it answers{}", old,
                            because(missing(in))),
                fmt::format("bring one back, or run '{}'", etcd_command(in.me.cluster, "restore"))};
  if (auto wait = backups_say(in)) return *wait;

  auto const wanted = std::set(in.me.expected_members.begin(), in.me.expected_members.end());
  std::set<std::string> present{in.me.member};
  for (auto const& volume : *in.ec2.volumes) {
    if (!volume.tagged) continue;
    if (std::set(volume.members.begin(), volume.members.end()) != wanted) {
      return Refuse{
          fmt::format("the volumes disagree about the members: {} says {}, this one {}",
                      volume.volume_id, in_words(volume.members), in_words(in.me.expected_members)),
          "put their tags right"};
    }
    if (volume.attached) present.insert(volume.member);
  }
  if (auto count = check_member_count(in.me.expected.size()); !count)
    return Refuse{count.error().what, "put the volumes' tags right"};
  auto const quorum = in.me.expected.size() / 2 + 1;
  if (present.size() < quorum) {
    std::vector<std::string> absent;
    for (auto const& member : in.me.expected_members)
      if (!present.contains(member)) absent.push_back(member);
    return Wait{
        fmt::format("a new cluster forms once {} of {} volumes are attached; not yet: {}", quorum,
                    in.me.expected.size(), in_words(absent)),
        fmt::format("start the master{} of {}", absent.size() == 1 ? "" : "s", in_words(absent))};
  }
  return FormNew{in.me.expected};
}

Decision without_data(MemberInputs const& in) {
  if (!in.volume.data.foreign.empty()) {
    return Refuse{fmt::format("the volume holds {}, which is neither etcd's nor haagent's: it may "
                              "be data",
                              in_words(in.volume.data.foreign)),
                  "look at it, and move it away or use another volume"};
  }
  if (auto refuse = other_cluster(in)) return *refuse;
  if (is_up(in.etcd.unit) && in.etcd.own.reach != Reach::answers)
    if (auto wait = ends_again_and_again(in)) return *std::move(wait);
  if (is_up(in.etcd.unit))
    return Wait{fmt::format("{} starts{}", in.me.self.name, because(missing(in))), bring_back(in)};
  // A log belonged to this volume once, and it is gone: what is left is not started on.
  if (in.volume.data.state == DataDir::State::unfinished && !in.volume.marker_cluster_id.empty())
    return SetAside{"its log is missing"};
  if (auto refuse = version_skew(in)) return *refuse;
  if (auto const* peer = quorum_peer(in)) return join(in, *peer);

  for (auto const& peer : in.others.peers) {
    if (peer.reach == Reach::answers)
      return Wait{
          fmt::format("{} knows cluster {:x}, which has no quorum{}", peer.member, peer.cluster_id,
                      because(missing(in))),
          fmt::format("bring its other members back; if they are lost for ever, run '{}' on "
                      "its master, or '{}'",
                      etcd_command(in.me.cluster, "recover"),
                      etcd_command(in.me.cluster, "restore"))};
    if (peer.reach == Reach::strange)
      return Wait{fmt::format("{} answers, but not as etcd does ({}): it may know a cluster",
                              peer.member, peer.why),
                  fmt::format("look at etcd on the master of {}", peer.member)};
  }
  return form(in);
}

std::string after_failure(MemberInputs const& in) {
  if (in.etcd.failed_starts == 0) return "";
  auto const todo = crash_todo(in);
  return fmt::format(" (try {}; before: {}){}{}", in.etcd.failed_starts + 1, in.etcd.unit_detail,
                     todo.empty() ? "" : "; ", todo);
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

std::uint64_t own_cluster(MemberInputs const& in) {
  if (in.volume.data.identity.cluster_id != 0) return in.volume.data.identity.cluster_id;
  return id_of(in.volume.marker_cluster_id.empty() ? in.volume.tag_cluster_id
                                                   : in.volume.marker_cluster_id);
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

std::string missing(MemberInputs const& in) {
  std::vector<std::string> words;
  for (auto const& peer : in.others.peers) {
    if (peer.reach == Reach::silent)
      words.push_back(fmt::format("{} does not answer ({})", peer.member, peer.why));
    if (peer.reach == Reach::strange)
      words.push_back(fmt::format("{} answers strangely ({})", peer.member, peer.why));
  }
  return in_words(words);
}

Decision decide(MemberInputs const& inputs) {
  if (inputs.volume.unseen) return without_volume(inputs);
  if (auto move = on_order(inputs)) return *move;
  if (inputs.volume.data.state == DataDir::State::member) return with_data(inputs);
  bool const expected = std::ranges::count(inputs.me.expected_members, inputs.me.member) > 0;
  if (!expected || inputs.me.expected.size() != inputs.me.expected_members.size())
    return Refuse{fmt::format("member {} is not one of {}", inputs.me.member,
                              in_words(inputs.me.expected_members)),
                  "put the volume's tag right"};
  return without_data(inputs);
}

bool asks_ec2(Decision const& decision) {
  auto const* wait = std::get_if<Wait>(&decision);
  return wait && wait->ask_ec2;
}

bool starts_etcd(Decision const& decision) {
  return std::holds_alternative<StartAsIs>(decision) || std::holds_alternative<FormNew>(decision) ||
         std::holds_alternative<StartJoined>(decision);
}

bool changes_members(Decision const& decision) {
  return std::holds_alternative<AddLearner>(decision) ||
         std::holds_alternative<RemoveStale>(decision) ||
         std::holds_alternative<RemoveMember>(decision);
}

std::string sentence_of(Decision const& decision, MemberInputs const& in) {
  auto const& name = in.me.self.name;
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
                               in.me.self.peer_url);
          },
          [&](TagVolume const& move) {
            return fmt::format("tag the volume of {} with cluster {:x}", name, move.id);
          },
          [&](MarkVolume const& move) {
            return fmt::format("write cluster {:x} to the volume of {}", move.id, name);
          },
          [](RemoveMember const& move) {
            return fmt::format("remove {} ({:x}) from the cluster: {}", move.name, move.id,
                               move.why);
          },
          [&](RestoreData const&) {
            return is_restored_but_for_its_place(in)
                       ? fmt::format("put the restored data of {} in place", name)
                       : fmt::format("restore {} from the backup {}, as ordered", name,
                                     in.store.order->backup);
          },
          [&](ForceAlone const&) {
            return fmt::format("make {} a cluster of its own, with its data, as ordered", name);
          },
          [&](AdoptCluster const& move) {
            return fmt::format("give the volume of {} to the restored cluster {:x}", name, move.id);
          },
          [&](MoveLeader const& move) {
            return fmt::format("move the lead from {} to {}: {}", name, move.name, move.why);
          },
          [](Wait const& wait) { return fmt::format("{}: {}", wait.what, wait.todo); },
          [](Refuse const& refuse) { return fmt::format("{}: {}", refuse.why, refuse.todo); },
          [](Serving const& serving) { return serving.what; }},
      decision);
}

}  // namespace haagent::bootstrap
