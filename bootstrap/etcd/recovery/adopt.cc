#include "bootstrap/etcd/recovery/adopt.h"

#include <algorithm>
#include <set>

#include "agent/base/volume_tags.h"
#include "bootstrap/etcd/recovery/refusal.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

constexpr char kGoOn[] = "to go on without: --lose-newer-writes";

EtcdVolume const* volume_of(SeenCluster const& seen, std::string const& member) {
  auto const found = std::ranges::find(seen.volumes, member, &EtcdVolume::member);
  return found == seen.volumes.end() ? nullptr : &*found;
}

SeenMember const* member_of(SeenCluster const& seen, std::string const& member) {
  auto const found = std::ranges::find(seen.members, member,
                                       [](SeenMember const& each) { return each.answer.member; });
  return found == seen.members.end() ? nullptr : &*found;
}

// How far the data go, by the volume's log and by what its etcd says, where that runs.
EtcdLogEnd end_of(SeenMember const& member) {
  auto end = *member.log;
  if (member.answer.reach == Reach::answers && member.answer.cluster_id == end.cluster_id) {
    end.committed = std::max(end.committed, member.answer.raft_index);
    end.index = std::max(end.index, end.committed);
  }
  return end;
}

// Data are there, or may be: EC2 shows a volume with a history, and nobody says what is on it.
bool is_unknown(EtcdVolume const& volume, SeenCluster const& seen) {
  if (volume.etcd_cluster_id.empty() && volume.formatted_at.empty() && volume.snapshot_id.empty())
    return false;
  auto const* member = member_of(seen, volume.member);
  return !member || (!member->log && !member->blank);
}

bool keeps_more(EtcdLogEnd const& one, EtcdLogEnd const& other) {
  if (one.committed != other.committed) return one.committed > other.committed;
  return goes_further(one, other);
}

std::string far(EtcdLogEnd const& end) {
  return fmt::format("entry {} of term {}, and knows entry {} to be committed", end.index, end.term,
                     end.committed);
}

// How many members are a quorum. The tags may list more than there are yet: where etcd's own list
// is not known, no more is taken for granted than two.
std::size_t quorum_of(SeenCluster const& seen, std::size_t listed) {
  if (!seen.own_list) return std::min<std::size_t>(listed / 2 + 1, 2);
  auto const voters = std::ranges::count_if(
      *seen.own_list, [](EtcdMember const& member) { return !member.learner; });
  return static_cast<std::size_t>(voters) / 2 + 1;
}

// Volumes whose tag of a member was taken off, and that carry the cluster's id: their etcd may
// serve where nobody here looks for it.
Result<void> none_is_retired_and_attached(SeenCluster const& seen, std::uint64_t cluster_id) {
  std::vector<std::string> words;
  for (auto const& volume : seen.retired)
    if (!volume.holder().empty() && volume.etcd_cluster_id == etcd_id_text(cluster_id))
      words.push_back(fmt::format("{} on {}", volume.volume_id, volume.holder()));
  if (words.empty()) return {};
  return refuse(
      Reason::SecondClusterPossible,
      fmt::format("{} carr{} cluster {:x} and no tag of a member: etcd may serve there, and would "
                  "go on beside this as a second cluster",
                  in_words(words), words.size() == 1 ? "ies" : "y", cluster_id),
      fmt::format("stop the instance{}, or, where nothing runs there, take the tag {} off",
                  words.size() == 1 ? "" : "s", kEtcdClusterIdTag));
}

// Why the backup keeps more than the volume does, or may; empty: it does not.
std::string backup_keeps_more(BackupManifest const& backup, SeenMember const& chosen,
                              std::uint64_t cluster_id, std::string const& volume_id) {
  auto const who = fmt::format("{} of {}", volume_id, chosen.answer.member);
  bool const one_history = backup.cluster_id == etcd_id_text(cluster_id);
  // A database is a moment behind its log, and never ahead.
  auto const revision = std::max(chosen.revision, chosen.copy ? chosen.copy->revision : 0);
  if (one_history && (revision != 0 || !chosen.copy)) {
    if (backup.revision <= revision) return "";
    return fmt::format("the backup {} of {} is of revision {}, and for {} {}", backup.name,
                       to_rfc3339(backup.created_at), backup.revision, who,
                       revision == 0 ? "which is not known" : fmt::format("it is {}", revision));
  }
  if (!chosen.copy || backup.created_at <= chosen.copy->written) return "";
  return fmt::format("the backup {} is of {}{}, and the newest copy, {}, was last written at {}",
                     backup.name, to_rfc3339(backup.created_at),
                     one_history ? "" : fmt::format(", of the later cluster {}", backup.cluster_id),
                     who, to_rfc3339(chosen.copy->written));
}

// Whose log goes further than that of the one that goes on.
std::vector<std::string> further(SeenCluster const& seen, SeenMember const& chosen) {
  std::vector<std::string> words;
  for (auto const& each : seen.members)
    if (&each != &chosen && each.log && goes_further(end_of(each), end_of(chosen)))
      words.push_back(
          fmt::format("the log of {} goes to {}", each.answer.member, far(end_of(each))));
  return words;
}

}  // namespace

bool may_be_heard_of(SeenCluster const& seen) {
  return !seen.quorum() && std::ranges::any_of(seen.volumes, [&](EtcdVolume const& volume) {
    return !volume.holder().empty() && is_unknown(volume, seen);
  });
}

std::vector<std::string> what_volumes_hold(SeenCluster const& seen) {
  std::vector<std::string> lines;
  for (auto const& volume : seen.volumes) {
    auto const* member = member_of(seen, volume.member);
    std::string what;
    if (!member || (!member->log && !member->blank))
      what =
          volume.holder().empty() ? "is attached to no master" : "its master's agent says nothing";
    else if (!member->log)
      what = "holds no data";
    else
      what =
          fmt::format("holds cluster {:x} up to {}", member->log->cluster_id, far(end_of(*member)));
    if (member && member->copy)
      what += fmt::format("; a copy of {}, last written at {}", member->copy->of,
                          to_rfc3339(member->copy->written));
    lines.push_back(fmt::format("{}: {} {}", volume.member, volume.volume_id, what));
  }
  return lines;
}

std::string adoption_note(SeenCluster const& seen, Adoption const& adoption) {
  auto const& chosen = *member_of(seen, adoption.member);
  auto const end = end_of(chosen);
  auto words = fmt::format("{} goes on with all that {} holds up to entry {}", adoption.member,
                           adoption.volume_id, end.committed);
  if (adoption.dropped > 0)
    words +=
        fmt::format("; the {} after it that it does not know to be committed {} dropped",
                    adoption.dropped == 1 ? "entry" : fmt::format("{} entries", adoption.dropped),
                    adoption.dropped == 1 ? "is" : "are");
  words += "; writes from after it was copied are lost, and the other volumes' data are set aside";
  return words;
}

Result<Adoption> may_adopt(SeenCluster const& seen, std::optional<BackupManifest> const& newest,
                           LossFlags flags) {
  TRY(every_tag_can_be_read(seen));
  if (auto const* quorum = seen.quorum())
    return refuse(
        Reason::QuorumServes,
        fmt::format("a quorum of cluster {:x} serves: {} says so; there is nothing to adopt. An "
                    "older copy beside it sets its data aside and joins without a command",
                    quorum->answer.cluster_id, quorum->answer.member));
  std::set<std::string> listed;
  std::set<std::string> with_volume;
  for (auto const& volume : seen.volumes) {
    listed.insert(volume.members.begin(), volume.members.end());
    if (!with_volume.insert(volume.member).second)
      return refuse(
          Reason::VolumeTagsInvalid,
          fmt::format("{} has two volumes, {} is one of them", volume.member, volume.volume_id),
          fmt::format("take the tag k8s.io/etcd/{} off the one that is not to be used",
                      to_string(seen.etcd)));
  }

  SeenMember const* chosen = nullptr;
  bool any_copy = false;
  for (auto const& each : seen.members) {
    if (!each.log || !volume_of(seen, each.answer.member)) continue;
    any_copy = any_copy || each.copy;
    if (chosen && chosen->log->cluster_id != each.log->cluster_id)
      return refuse(
          Reason::VolumeTagsInvalid,
          fmt::format("{} holds data of cluster {:x}, and {} of {:x}", chosen->answer.member,
                      chosen->log->cluster_id, each.answer.member, each.log->cluster_id),
          fmt::format("take the tag k8s.io/etcd/{} off the volumes that are not to be used",
                      to_string(seen.etcd)));
    if (!chosen || keeps_more(end_of(each), end_of(*chosen))) chosen = &each;
  }
  if (!any_copy)
    return refuse(
        Reason::VolumesAreNoCopies, "no volume here is known to be a copy of another",
        fmt::format("'haagent status' on each master says what it waits for; '{}' is for one "
                    "volume that is left",
                    etcd_command(seen.etcd, "recover")));

  TRY(none_is_retired_and_attached(seen, chosen->log->cluster_id));

  // Who could go on beside it: whatever is no copy starts by itself.
  auto const quorum = quorum_of(seen, listed.size());
  std::vector<std::string> others;
  std::vector<std::string> unknown;
  for (auto const& volume : seen.volumes) {
    if (volume.member == chosen->answer.member) continue;
    auto const* member = member_of(seen, volume.member);
    if (is_unknown(volume, seen)) {
      unknown.push_back(fmt::format("{} of {}", volume.volume_id, volume.member));
      others.push_back(volume.member);
    } else if (member && member->log && !member->copy) {
      others.push_back(volume.member);
    }
  }
  if (!unknown.empty() && (!flags.newer_writes || others.size() >= quorum)) {
    bool const second = others.size() >= quorum;
    return refuse(
        second ? Reason::SecondClusterPossible : Reason::VolumesNotCompared,
        fmt::format("it is not known what {} hold{}{}", in_words(unknown),
                    unknown.size() == 1 ? "s" : "",
                    second ? ": they may be a quorum without the others, and go on beside them as "
                             "a second cluster"
                           : ""),
        fmt::format("start the master{}, or see what 'haagent status' says there, so that all "
                    "volumes can be compared; {}",
                    unknown.size() == 1 ? "" : "s",
                    second ? "volumes whose data are lost for ever: delete them" : kGoOn));
  }
  if (others.size() >= listed.size() / 2 + 1)
    return refuse(Reason::VolumesAreNoCopies,
                  fmt::format("{} are no copies, and a quorum", in_words(others)),
                  "bring them back, and the copies join them");
  if (others.size() >= quorum)
    return refuse(
        Reason::SecondClusterPossible,
        fmt::format("{} are no copies, and may be a quorum: the cluster may have fewer members "
                    "than its tags list",
                    in_words(others)),
        "bring them back, and see whether a quorum comes; if none does, run this on the master of "
        "one of them, where etcd's own list is known");

  if (!chosen->copy && others.size() + 1 >= quorum && !flags.newer_writes)
    return refuse(
        Reason::NewerDataElsewhere,
        fmt::format("{} and {} are no copies, and may be a quorum together", chosen->answer.member,
                    in_words(others)),
        fmt::format(
            "bring them back, and see whether one comes; it keeps what {} alone would drop, "
            "and the copies join it; {}",
            chosen->answer.member, kGoOn));

  auto const end = end_of(*chosen);
  if (auto const words = further(seen, *chosen); !words.empty() && !flags.newer_writes)
    return refuse(
        Reason::NewerDataElsewhere,
        fmt::format("the volume of {} keeps most of what is known to be committed, up to entry {}; "
                    "but {}, and some of it may have been confirmed",
                    chosen->answer.member, end.committed, in_words(words)),
        kGoOn);
  auto const& volume_id = volume_of(seen, chosen->answer.member)->volume_id;
  auto const more =
      newest ? backup_keeps_more(*newest, *chosen, end.cluster_id, volume_id) : std::string();
  if (!more.empty() && !flags.newer_writes)
    return refuse(Reason::NewerDataElsewhere, more,
                  fmt::format("'{}' keeps more; {}", etcd_command(seen.etcd, "restore"), kGoOn));
  return Adoption{.member = chosen->answer.member,
                  .volume_id = volume_id,
                  .cluster_id = end.cluster_id,
                  .dropped = end.uncommitted()};
}

}  // namespace haagent::bootstrap
