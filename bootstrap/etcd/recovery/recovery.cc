#include "bootstrap/etcd/recovery/recovery.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/ranges.h>

#include "agent/base/member_count.h"
#include "bootstrap/etcd/disk/data_dir.h"
#include "bootstrap/etcd/member/ask.h"
#include "bootstrap/etcd/recovery/refusal.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

std::string number_of(std::string_view noun, std::uint64_t count) {
  if (noun == "entry" && count != 1) return fmt::format("{} entries", count);
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

EtcdVolume const* volume_of(SeenCluster const& seen, std::string_view volume_id) {
  auto const found = std::ranges::find(seen.volumes, volume_id, &EtcdVolume::volume_id);
  return found == seen.volumes.end() ? nullptr : &*found;
}

// The members that the tags of all volumes agree on, each with a volume of its own at most.
Result<std::set<std::string>> agreed_members(SeenCluster const& seen) {
  TRY(every_tag_can_be_read(seen));
  std::set<std::string> members;
  std::set<std::string> with_volume;
  for (auto const& volume : seen.volumes) {
    std::set<std::string> const listed(volume.members.begin(), volume.members.end());
    if (members.empty()) members = listed;
    if (listed != members || listed.empty())
      return refuse(
          Reason::VolumeTagsInvalid,
          fmt::format("the volumes disagree about the members: {} says {}, and {} says {}",
                      seen.volumes.front().volume_id, in_words(seen.volumes.front().members),
                      volume.volume_id, in_words(volume.members)),
          "put their tags right first");
    if (!with_volume.insert(volume.member).second)
      return refuse(
          Reason::VolumeTagsInvalid,
          fmt::format("{} has two volumes, {} one of them", volume.member, volume.volume_id),
          fmt::format("take the tag k8s.io/etcd/{} off the one that is not to be used",
                      to_string(seen.etcd)));
  }
  if (auto count = check_member_count(members.size()); !count)
    return refuse(Reason::VolumeTagsInvalid, count.error().message.sentence(),
                  "put the volumes' tags right first");
  return members;
}

bool answers_here(SeenCluster const& seen) {
  auto const* own = seen.own();
  return own && own->answer.reach == Reach::answers;
}

// Voters by etcd's own list that no volume's tag lists, or not yet or no longer: EC2 shows nothing
// of their data, so that it may well be there.
std::vector<std::string> untagged_voters(SeenCluster const& seen) {
  std::vector<std::string> names;
  if (!seen.own_list) return names;
  std::set<std::string> tagged;
  for (auto const& volume : seen.volumes) tagged.insert(etcd_member_name(seen.etcd, volume.member));
  for (auto const& member : *seen.own_list)
    if (!member.learner && !tagged.contains(member.name)) names.push_back(member.name);
  return names;
}

// How far a member's data of the cluster go, by its volume's log and by what its etcd says; nothing
// where neither does. Its etcd alone says no more than what is committed.
std::optional<EtcdLogEnd> end_of(SeenMember const& member, std::uint64_t cluster_id) {
  std::optional<EtcdLogEnd> end;
  if (member.log && member.log->cluster_id == cluster_id) end = member.log;
  if (member.answer.reach != Reach::answers || member.answer.cluster_id != cluster_id) return end;
  if (!end) end.emplace().cluster_id = cluster_id;
  end->committed = std::max(end->committed, member.answer.raft_index);
  end->index = std::max(end->index, end->committed);
  return end;
}

std::string words_of(EtcdLogEnd const& end) {
  if (end.uncommitted() == 0) return fmt::format("entry {}", end.index);
  return fmt::format("entry {}, of which it knows {} to be committed", end.index, end.committed);
}

std::string entries(std::uint64_t after, std::uint64_t last) {
  return last == after + 1 ? fmt::format("entry {}", last)
                           : fmt::format("entries {} to {}", after + 1, last);
}

// Of the others, the one from whose volume a recovery keeps most; null: none is known.
SeenMember const* keeps_most(SeenCluster const& seen, std::uint64_t cluster_id) {
  SeenMember const* best = nullptr;
  for (auto const& each : seen.members) {
    auto const end = end_of(each, cluster_id);
    if (each.answer.member == seen.own_member || !end) continue;
    auto const other = best ? end_of(*best, cluster_id) : std::nullopt;
    if (!other || end->committed > other->committed ||
        (end->committed == other->committed && goes_further(*end, *other)))
      best = &each;
  }
  return best;
}

// And the one whose log goes furthest.
SeenMember const* has_most(SeenCluster const& seen, std::uint64_t cluster_id) {
  SeenMember const* best = nullptr;
  for (auto const& each : seen.members) {
    auto const end = end_of(each, cluster_id);
    if (each.answer.member == seen.own_member || !end) continue;
    if (!best || goes_further(*end, *end_of(*best, cluster_id))) best = &each;
  }
  return best;
}

// Whom another volume is the better one to recover from, why, and what to do; nothing: none is.
std::optional<Message> better_elsewhere(SeenCluster const& seen, EtcdLogEnd const& mine) {
  if (auto const* other = keeps_most(seen, mine.cluster_id)) {
    auto const end = *end_of(*other, mine.cluster_id);
    if (end.committed > mine.committed)
      return Message(
          Reason::NewerDataElsewhere,
          fmt::format("{} holds a newer log than this master: entry {}, and here {}, as far as "
                      "each knows it to be committed",
                      other->answer.member, end.committed, mine.committed),
          "run this on its master");
  }
  auto const* other = has_most(seen, mine.cluster_id);
  if (!other) return std::nullopt;
  auto const end = *end_of(*other, mine.cluster_id);
  if (!goes_further(end, mine)) return std::nullopt;
  auto words = fmt::format(
      "the log of {} goes further than the one here: to entry {} of term {}, and here "
      "to entry {} of term {}",
      other->answer.member, end.index, end.term, mine.index, mine.term);
  // A recovery there drops what is further, and with it, it may be, what is committed here.
  if (end.committed < mine.committed)
    return Message(
        Reason::NewerDataElsewhere,
        words + fmt::format("; but it knows {} to be committed and here it is {}, and a recovery "
                            "keeps no more than that",
                            end.committed, mine.committed),
        "bring both masters back, and see whether a quorum comes");
  return Message(Reason::NewerDataElsewhere, std::move(words), "run this on its master");
}

std::string what_quorum_says(SeenMember const& member) {
  return fmt::format("a quorum of cluster {:x} serves: {} says so, at revision {}",
                     member.answer.cluster_id, member.answer.member, member.revision);
}

// Of a member whose etcd does not answer.
std::string how_far(SeenMember const* member) {
  if (!member || !member->log) return "";
  return fmt::format(" up to {}", words_of(*member->log));
}

// What may hold more than the backup does, one clause each.
std::vector<std::string> surviving_data(SeenCluster const& seen, BackupManifest const& backup) {
  std::vector<std::string> words;
  std::set<std::string> told;
  for (auto const& each : seen.members) {
    if (each.answer.reach != Reach::answers) continue;
    told.insert(each.answer.member);
    if (etcd_id_text(each.answer.cluster_id) != backup.cluster_id)
      words.push_back(
          fmt::format("{} answers, without a quorum, as cluster {:x}, and the backup is of {}: "
                      "revisions of two histories do not compare",
                      each.answer.member, each.answer.cluster_id, backup.cluster_id));
    else if (each.revision > backup.revision)
      words.push_back(
          fmt::format("{} answers, without a quorum, at revision {}, and the backup is "
                      "of revision {}",
                      each.answer.member, each.revision, backup.revision));
    else if (auto const end = end_of(each, each.answer.cluster_id); end->uncommitted() > 0)
      words.push_back(
          fmt::format("{} answers, without a quorum, at revision {}, and its log goes on for {} "
                      "that it does not know to be committed and the others may have been",
                      each.answer.member, each.revision, number_of("entry", end->uncommitted())));
  }
  if (seen.own_data && told.insert(seen.own_member).second)
    words.push_back(fmt::format("{} here holds a log of {}{}, and its etcd does not answer",
                                seen.own_volume, seen.own_member, how_far(seen.own())));
  for (auto const& volume : seen.volumes) {
    if (volume.volume_id == seen.own_volume || volume.etcd_cluster_id.empty() ||
        told.contains(volume.member))
      continue;
    auto const member = std::ranges::find(
        seen.members, volume.member, [](SeenMember const& each) { return each.answer.member; });
    words.push_back(fmt::format("{} of {} carries cluster {}{}, and no member answers there",
                                volume.volume_id, volume.member, volume.etcd_cluster_id,
                                how_far(member == seen.members.end() ? nullptr : &*member)));
  }
  return words;
}

}  // namespace

SeenMember const* SeenCluster::quorum_of(std::uint64_t cluster_id) const {
  for (auto const& each : members)
    if (each.answer.quorum_list && each.answer.cluster_id == cluster_id) return &each;
  return nullptr;
}

SeenMember const* SeenCluster::quorum() const {
  if (auto const* of_own = quorum_of(own_identity.cluster_id)) return of_own;
  for (auto const& each : members)
    if (each.answer.quorum_list) return &each;
  return nullptr;
}

bool SeenCluster::has_copies() const {
  return std::ranges::any_of(members, [](SeenMember const& each) { return each.copy.has_value(); });
}

SeenMember const* SeenCluster::own() const {
  for (auto const& each : members)
    if (each.answer.member == own_member) return &each;
  return nullptr;
}

ClusterLook::ClusterLook(EtcdCluster cluster, NodeConfig const& config, Root root, Http& http,
                         aws::Ec2& ec2, OwnVolumes& own, Clock& clock, Identity const& identity)
    : cluster_(cluster),
      config_(config),
      root_(root),
      http_(http),
      own_(own),
      instance_id_(identity.instance_id),
      region_(ec2, clock, config.cluster.name),
      peers_(config, std::move(root), region_, clock) {
  facts_.identity.set(identity);
}

Result<SeenCluster> ClusterLook::look(Duration max_age, std::stop_token stop) {
  auto volumes = TRY(peers_.volumes(cluster_, max_age, stop));
  SeenCluster seen{.etcd = cluster_,
                   .own_member = {},
                   .own_volume = {},
                   .own_identity = {},
                   .volumes = std::move(volumes),
                   .members = {},
                   .own_list = {}};
  if (auto evidence = peers_.evidence(cluster_)) seen.retired = std::move(evidence->retired);
  auto const mine = std::ranges::find(seen.volumes, instance_id_, &EtcdVolume::holder);
  if (mine == seen.volumes.end())
    return fail(Kind::invalid,
                "no volume of etcd's cluster {} is attached to this instance ({}): run this on a "
                "master that has its volumes ('haagent status')",
                to_string(cluster_), instance_id_);
  TRY(every_tag_can_be_read(seen));
  seen.own_member = mine->member;
  seen.own_volume = mine->volume_id;
  facts_.etcd(cluster_).volume.set(*mine);
  TRY(peers_.look(facts_, stop));

  auto const sight = own_.see(cluster_, *facts_.etcd(cluster_).volume.get());
  if (!sight.seen())
    return std::unexpected(
        Error(Kind::transient, Message(Reason::VolumeNotSeen, sight.unseen().message.text,
                                       sight.unseen().message.advice)));
  auto data = inspect_data_dir(sight.path());
  if (!data)
    return fail(data.error().kind, data.error().message.reason, "{}",
                sight.in_words(data.error().message.sentence()));
  seen.own_data = data->state == DataDir::State::member;
  seen.own_identity = data->identity;
  seen.own_request = sight.marker().request_id;

  auto const peers = facts_.etcd(cluster_).peers.get().value_or(std::vector<EtcdPeer>{});
  auto address_of = [&](std::string const& member) {
    auto const peer = std::ranges::find(peers, member, &EtcdPeer::member);
    return peer == peers.end() ? std::string() : peer->address;
  };
  std::vector<AskedMember> asked{{seen.own_member, etcd_endpoint(cluster_, "127.0.0.1")}};
  for (auto const& peer : peers)
    if (peer.member != seen.own_member)
      asked.push_back(
          {peer.member, peer.address.empty() ? "" : etcd_endpoint(cluster_, peer.address)});
  auto const tls = etcd_client_tls(root_);
  auto answers = ask_members(http_, asked, tls, stop);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    SeenMember member{.answer = std::move(answers[i]), .trouble = {}};
    if (i > 0) member.address = address_of(member.answer.member);
    member.trouble = member.answer.why;
    if (member.answer.reach == Reach::answers) {
      auto status = EtcdClient(http_, {asked[i].endpoint}, tls).status(stop);
      if (!status) {
        member.trouble = status.error().message.sentence();
      } else {
        member.revision = status->header.revision;
        member.trouble = fmt::format("{}", fmt::join(status->errors, ", "));
        if (status->leader == 0 && member.trouble.empty()) member.trouble = "it has no leader";
      }
    }
    member.healthy = member.answer.reach == Reach::answers && member.trouble.empty();
    seen.members.push_back(std::move(member));
  }
  if (answers_here(seen))
    if (auto list =
            EtcdClient(http_, {asked.front().endpoint}, tls).members(Consistency::local, stop))
      seen.own_list = std::move(list->members);
  auto& own = seen.members.front();
  own.blank = !seen.own_data;
  if (seen.own_data) {
    if (auto end = log_end(sight.path())) own.log = *end;
    auto copied = copied_from(sight.marker(), seen.own_volume,
                              facts_.etcd(cluster_).volume.get()->snapshot_id);
    if (!copied.empty()) own.copy = describe_copy(std::move(copied), sight.path());
  }
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  return seen;
}

Result<void> every_tag_can_be_read(SeenCluster const& seen) {
  auto const bad = std::ranges::find_if(
      seen.volumes, [](EtcdVolume const& each) { return !each.tag_error.empty(); });
  if (bad == seen.volumes.end()) return {};
  return refuse(
      Reason::VolumeTagsInvalid,
      fmt::format("it is not known whose data {} holds: {}", bad->volume_id, bad->tag_error),
      "put its tag right, or take it off where the volume is none of this cluster's");
}

Result<void> may_restore(SeenCluster const& seen, BackupManifest const& backup, LossFlags flags) {
  auto members = TRY(agreed_members(seen));
  auto const age = to_rfc3339(backup.created_at);
  if (auto const* quorum = seen.quorum(); quorum && !flags.over_running) {
    auto const lost = quorum->revision - std::min(quorum->revision, backup.revision);
    return refuse(
        Reason::QuorumServes,
        fmt::format("{}; there is nothing to restore. The backup {} is of {}, at revision "
                    "{}: {} would be lost",
                    what_quorum_says(*quorum), backup.name, age, backup.revision,
                    number_of("revision", lost)),
        "to have the backup instead of what serves: --over-running-cluster");
  }
  auto const survives = surviving_data(seen, backup);
  if (!survives.empty() && !flags.newer_writes && !flags.over_running)
    return refuse(
        Reason::NewerDataElsewhere,
        fmt::format(
            "data of the cluster may still be there, and newer than the backup {} of {}: {}",
            backup.name, age, in_words(survives)),
        fmt::format("bring those masters back; or keep the furthest one's data, with '{}' on its "
                    "master. To give up every write since {}: --lose-newer-writes",
                    etcd_command(seen.etcd, seen.has_copies() ? "adopt-volume" : "recover"), age));
  std::set<std::string> attached;
  for (auto const& volume : seen.volumes)
    if (!volume.holder().empty()) attached.insert(volume.member);
  auto const quorum = members.size() / 2 + 1;
  if (attached.size() >= quorum) return {};
  std::vector<std::string> absent;
  for (auto const& member : members)
    if (!attached.contains(member)) absent.push_back(member);
  return refuse(
      Reason::VolumesNotAttached,
      fmt::format("{} of {} volumes must be attached to masters for a restored cluster to have a "
                  "quorum, and {} {} not",
                  quorum, members.size(), in_words(absent), absent.size() == 1 ? "is" : "are"),
      fmt::format("start the master{}, with new volumes where the old ones are lost, and run this "
                  "again",
                  absent.size() == 1 ? "" : "s"));
}

Result<void> may_recover(SeenCluster const& seen, std::optional<BackupManifest> const& newest,
                         LossFlags flags) {
  TRY(every_tag_can_be_read(seen));
  if (auto const* quorum = seen.quorum())
    return refuse(Reason::QuorumServes,
                  fmt::format("{}; there is nothing to recover", what_quorum_says(*quorum)));
  if (seen.has_copies())
    return refuse(Reason::VolumesAreCopies,
                  "volumes were replaced by copies of earlier ones, and those never start by "
                  "themselves",
                  "run 'haagent etcd adopt-volume', which compares all of them");
  if (!seen.own_data)
    return refuse(
        Reason::NothingToRecoverFrom,
        fmt::format("{} on this master holds no data of {}", seen.own_volume, seen.own_member),
        fmt::format("run this on the master whose volume survived; where none did, '{}' brings a "
                    "backup back",
                    etcd_command(seen.etcd, "restore")));
  auto const* mine = volume_of(seen, seen.own_volume);
  std::size_t const count = mine ? mine->members.size() : 0;
  if (count < 2)
    return refuse(
        Reason::OnlyVoter,
        fmt::format("{} is the only member by its volume's tag: there is no other voter to remove",
                    seen.own_member));
  auto const own_id = seen.own_identity.cluster_id;

  if (own_id == 0)
    return refuse(
        Reason::NothingToRecoverFrom,
        fmt::format("the log on {} cannot be read: it is nothing to go on with", seen.own_volume));
  // Where etcd's list is not known, the cluster may be smaller than its tags say.
  std::size_t quorum = std::min<std::size_t>(count / 2 + 1, 2);
  if (seen.own_list) {
    auto const votes = [](EtcdMember const& member) { return !member.learner; };
    auto const voters = static_cast<std::size_t>(std::ranges::count_if(*seen.own_list, votes));
    quorum = voters / 2 + 1;
    auto const me = std::ranges::find(*seen.own_list, etcd_member_name(seen.etcd, seen.own_member),
                                      &EtcdMember::name);
    if (me == seen.own_list->end() || me->learner)
      return refuse(
          Reason::NotAVoter,
          fmt::format("{} is no voter of this cluster yet, and may lack anything", seen.own_member),
          "run this on the master of one that is");
  }

  std::set<std::string> others;  // that may come back with data
  std::vector<std::string> words;
  for (auto const& each : seen.members) {
    auto const end = end_of(each, own_id);
    if (each.answer.member == seen.own_member || !end) continue;
    others.insert(each.answer.member);
    words.push_back(
        each.answer.reach == Reach::answers
            ? fmt::format("{} answers, at {} of the log", each.answer.member, words_of(*end))
            : fmt::format("the volume of {} holds its log up to {}", each.answer.member,
                          words_of(*end)));
  }
  for (auto const& volume : seen.volumes) {
    // Whichever cluster its tag names: a member votes before the tag of a restored cluster is
    // there.
    if (volume.volume_id == seen.own_volume || volume.etcd_cluster_id.empty() ||
        !others.insert(volume.member).second)
      continue;
    words.push_back(fmt::format("{} of {} is there and carries cluster {}{}", volume.volume_id,
                                volume.member, volume.etcd_cluster_id,
                                volume.holder().empty() ? ", not attached" : ""));
  }
  for (auto const& name : untagged_voters(seen)) {
    if (!others.insert(name).second) continue;
    words.push_back(fmt::format("{} votes, and no volume's tag names it", name));
  }
  if (others.size() >= quorum)
    return refuse(
        Reason::SecondClusterPossible,
        fmt::format("{}: they are a quorum without this one, and would go on beside it as a second "
                    "cluster",
                    in_words(words)),
        fmt::format("bring them back. Volumes whose data is lost for ever: delete them, or take "
                    "the tag k8s.io/etcd/{} off them, and run this again",
                    to_string(seen.etcd)));
  auto const* own = seen.own();
  bool const known = answers_here(seen);
  auto const revision = known ? own->revision : 0;
  if (newest && newest->cluster_id == etcd_id_text(own_id) && newest->revision > revision &&
      !flags.newer_writes)
    return refuse(
        Reason::NewerDataElsewhere,
        fmt::format("the backup {} of {} is of revision {}, and here {}", newest->name,
                    to_rfc3339(newest->created_at), newest->revision,
                    known ? fmt::format("it is {}", revision) : "which is not known"),
        fmt::format("'{}' keeps more. To go on with what is here all the same: --lose-newer-writes",
                    etcd_command(seen.etcd, "restore")));
  // Revisions of two histories do not compare: this volume may have been away during a restore.
  if (newest && newest->cluster_id != etcd_id_text(own_id) && !flags.newer_writes)
    return refuse(
        Reason::NewerDataElsewhere,
        fmt::format("the newest backup, {} of {}, is of cluster {}, and the data here are of {:x}",
                    newest->name, to_rfc3339(newest->created_at), newest->cluster_id, own_id),
        fmt::format("where that is the later cluster, '{}' keeps more. To go on with what is here "
                    "all the same: --lose-newer-writes",
                    etcd_command(seen.etcd, "restore")));
  if (auto const end = own ? end_of(*own, own_id) : std::nullopt; end && !flags.newer_writes)
    if (auto const better = better_elsewhere(seen, *end))
      return refuse(better->reason, better->text,
                    fmt::format("{}. To give up what it has and this one has not: "
                                "--lose-newer-writes",
                                better->advice));
  if (!others.empty() && !flags.newer_writes)
    return refuse(
        Reason::NewerDataElsewhere,
        fmt::format("{}: with {} and this one together {} of {} members are there, and they may "
                    "hold writes that this one has not",
                    in_words(words), in_words({others.begin(), others.end()}), others.size() + 1,
                    count),
        "bring them back, and see whether a quorum comes. To go on without: --lose-newer-writes; "
        "their data are set aside when they come back");
  if (!known && !flags.newer_writes)
    return refuse(
        Reason::VolumesNotCompared,
        fmt::format(
            "etcd here does not answer ({}), so that it is not known which revision its data are "
            "at{}",
            own ? own->answer.why : "it was not asked",
            own && own->log ? fmt::format("; its log goes to {}", words_of(*own->log)) : ""),
        "see 'haagent status'. To go on all the same: --lose-newer-writes");
  return {};
}

Result<void> may_cancel(SeenCluster const& seen, RecoveryRequest const& request) {
  bool const restores = request.kind == RecoveryRequest::Kind::restore;
  for (auto const& each : seen.members) {
    auto const& answer = each.answer;
    if (answer.reach != Reach::answers || answer.cluster_id != request.cluster_id) continue;
    if (restores)
      return refuse(
          Reason::RequestCarriedOut,
          fmt::format(
              "{} has carried the request out already: its data from before are set aside on "
              "its volume",
              answer.member),
          fmt::format("go on with '{}'", etcd_command(seen.etcd, "restore")));
    if (answer.member == request.volumes.front().member && answer.quorum_list &&
        answer.quorum_list->size() == 1)
      return refuse(
          Reason::RequestCarriedOut,
          fmt::format("{} goes on alone already, as requested", answer.member),
          fmt::format("go on with '{}' on its master", etcd_command(seen.etcd, "recover")));
  }
  return {};
}

std::uint64_t dropped_by_recovery(SeenCluster const& seen) {
  auto const* own = seen.own();
  auto const mine = own ? end_of(*own, seen.own_identity.cluster_id) : std::nullopt;
  return mine ? mine->uncommitted() : 0;
}

std::string recovery_note(SeenCluster const& seen) {
  auto const dropped = dropped_by_recovery(seen);
  if (dropped == 0) return "";
  auto const mine = *end_of(*seen.own(), seen.own_identity.cluster_id);
  auto words = fmt::format(
      "the log here ends with {} that it does not know to be committed ({}): a recovery drops {}, "
      "though the others may have confirmed {} before they were lost",
      number_of("entry", dropped), entries(mine.committed, mine.index),
      dropped == 1 ? "it" : "them", dropped == 1 ? "it" : "them");
  auto const* other = keeps_most(seen, mine.cluster_id);
  auto const end = other ? end_of(*other, mine.cluster_id) : std::nullopt;
  if (!end || end->committed <= mine.committed) return words;
  return words + fmt::format("; {} knows {} to be committed, and a recovery on its master keeps {}",
                             other->answer.member,
                             entries(mine.committed, std::min(mine.index, end->committed)),
                             dropped == 1 ? "it" : "them");
}

Result<EtcdMember> may_replace(SeenCluster const& seen, std::string const& wanted) {
  auto const* quorum = seen.quorum();
  if (!quorum)
    return refuse(
        Reason::QuorumMissing, "no quorum answers, and without one no member is replaced",
        fmt::format("see 'haagent status'; '{}' and '{}' are for a cluster that is lost",
                    etcd_command(seen.etcd, "recover"), etcd_command(seen.etcd, "restore")));
  auto const& list = *quorum->answer.quorum_list;
  std::uint64_t id = 0;
  auto const* const end = wanted.data() + wanted.size();
  bool const is_id = std::from_chars(wanted.data(), end, id, 16).ptr == end;
  EtcdMember const* target = nullptr;
  std::vector<std::string> names;
  for (auto const& member : list) {
    names.push_back(member.name.empty() ? etcd_id_text(member.id) : member.name);
    if (member.name == wanted || member.name == etcd_member_name(seen.etcd, wanted) ||
        (is_id && wanted.size() > 4 && member.id == id))
      target = &member;
  }
  if (!target)
    return fail(Kind::invalid, "'{}' is none of the members {}", wanted, in_words(names));
  std::vector<std::string> down;
  std::size_t voters = 0;
  for (auto const& member : list) {
    if (member.learner)
      return refuse(
          Reason::NotAVoter,
          fmt::format(
              "{} is a learner, and no member is replaced before it votes: it is promoted, or "
              "taken out and added again, by itself",
              member.name.empty() ? etcd_id_text(member.id) : member.name));
    ++voters;
    if (member.id == target->id) continue;
    auto const answer = std::ranges::find(
        seen.members, member.id, [](SeenMember const& each) { return each.answer.member_id; });
    if (answer == seen.members.end())
      down.push_back(fmt::format("{} does not answer", member.name));
    else if (!answer->healthy)
      down.push_back(fmt::format("{} is not healthy ({})", member.name, answer->trouble));
  }
  if (voters < 2)
    return refuse(
        Reason::OnlyVoter,
        fmt::format("{} is the only voter: with its data the cluster would be gone", target->name));
  if (!down.empty())
    return refuse(Reason::MembersNotWell,
                  fmt::format("{}: with {} away as well the cluster could lose its quorum",
                              in_words(down), target->name),
                  fmt::format("bring {} back first", down.size() == 1 ? "it" : "them"));
  auto const volume = std::ranges::find_if(seen.volumes, [&](EtcdVolume const& each) {
    return etcd_member_name(seen.etcd, each.member) == target->name;
  });
  if (volume == seen.volumes.end() ||
      std::ranges::find(volume->members, volume->member) == volume->members.end())
    return refuse(
        Reason::VolumeMissing,
        fmt::format("EC2 shows no volume whose tag lists {}, so that it would not come back",
                    target->name),
        "to take a member out for good, change the tags");
  if (volume->holder().empty())
    return refuse(
        Reason::VolumesNotAttached,
        fmt::format("{} of {} is attached to no master, so that it would not come back soon",
                    volume->volume_id, target->name),
        "start its master first");
  return *target;
}

}  // namespace haagent::bootstrap
