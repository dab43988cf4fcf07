#include "bootstrap/etcd/maintenance/maintenance.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/bytes_text.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1ull << 20u;
// Less is not worth a pause of seconds.
constexpr std::uint64_t kLeast = 64 * kMiB;
// The leader's agent looks four times a minute.
constexpr Duration kAfterCompaction = 30s;
// What gave nothing back, or failed, is tried again after this. Others have the turn meanwhile.
constexpr Duration kAgain = 10min;

bool is_alarm(EtcdAlarm const& alarm, std::string_view name) {
  return alarm.alarm == name;
}

std::uint64_t gain(MaintenanceMember const& member) {
  return member.db_size - std::min(member.db_size, member.db_size_in_use);
}

std::string name_of(MaintenanceInputs const& in, std::uint64_t id) {
  auto const found = std::ranges::find(in.members, id, &MaintenanceMember::id);
  return found == in.members.end() ? fmt::format("{:x}", id) : found->name;
}

NothingToDo nothing(Reason why, std::string about, std::string text, std::string advice = {}) {
  return {Message(why, std::move(text), std::move(advice)).about(std::move(about))};
}

// Once everything else speaks for it.
Maintenance in_turn(MaintenanceInputs const& in, std::string const& why, std::string const& about) {
  auto const name = name_of(in, in.own_id);
  if (in.failed_ago && *in.failed_ago < kAgain)
    return nothing(Reason::DefragmentationHeld, name,
                   fmt::format("{}: defragmenting it failed, and is tried again within {}", about,
                               to_words(kAgain)));
  if (in.my_turn || in.members.size() == 1) return DefragmentOwn{name, why};
  auto maintenance =
      nothing(in.alarms.empty() ? Reason::MaintenanceAwaitsTurn : Reason::EtcdAlarm, name,
              fmt::format("{}: it is defragmented in this master's turn{}, nothing to do", about,
                          in.turn.empty() ? "" : fmt::format(" (now it is {}'s)", in.turn)));
  maintenance.asks_for_turn = true;
  return maintenance;
}

NothingToDo nearly_full(MaintenanceInputs const& in) {
  std::uint64_t most = 0;
  for (auto const& member : in.members) most = std::max(most, member.db_size_in_use);
  if (in.quota == 0 || most < in.quota / 10 * 8) return {};
  return nothing(
      Reason::EtcdQuotaNearlyUsed, "",
      fmt::format("its keys take {} of a quota of {}", bytes_text(most), bytes_text(in.quota)),
      "delete what is not needed (events, old custom resources), or raise "
      "quotaBackendBytes, before etcd accepts no more writes");
}

// A member that stops while another is away may stop the cluster.
std::string why_not_now(MaintenanceInputs const& in) {
  for (auto const& member : in.members) {
    if (!member.answers) return fmt::format("{} does not answer", member.name);
    if (member.learner) return fmt::format("{} is still a learner", member.name);
  }
  return {};
}

// etcd writes what the database holds into a second file beside it, and ends where that finds no
// room.
std::string no_room_to_defragment(MaintenanceInputs const& in, MaintenanceMember const& mine) {
  auto const needed = mine.db_size_in_use + kLeast;
  if (!in.avail || *in.avail >= needed) return {};
  return fmt::format("{} is not defragmented: that takes {} for a while, and its volume has less",
                     mine.name, bytes_text(needed));
}

Maintenance in_nospace(MaintenanceInputs const& in, EtcdAlarm const& alarm) {
  bool const leads = in.own_id == in.leader_id;
  auto const who = name_of(in, alarm.member_id);
  if (leads && !in.compacted) return CompactTo{in.revision};
  if (auto const why = why_not_now(in); !why.empty())
    return nothing(Reason::EtcdAlarm, who,
                   fmt::format("{} is out of space, and its members are defragmented once all of "
                               "them are there: {}",
                               who, why),
                   "bring it back");
  auto is_full = [&](MaintenanceMember const& member) {
    return member.db_size >= in.quota / 10 * 8;
  };
  auto const mine = std::ranges::find(in.members, in.own_id, &MaintenanceMember::id);
  if (mine == in.members.end()) return NothingToDo{};
  if (is_full(*mine)) {
    bool const in_vain = in.defragmented_ago && *in.defragmented_ago < kAgain;
    if (in_vain)
      return nothing(Reason::EtcdQuotaUsed, who,
                     fmt::format("{} is out of space: the keys of {} take {} of a quota of {}", who,
                                 mine->name, bytes_text(mine->db_size), bytes_text(in.quota)),
                     "delete what is not needed (events, old custom resources), or raise "
                     "quotaBackendBytes");
    if (auto const why = no_room_to_defragment(in, *mine); !why.empty())
      return nothing(Reason::DefragmentationHeld, mine->name,
                     fmt::format("{} is out of space, and {}", who, why), "grow the volume");
    // The leader's compaction comes first.
    if (leads || in.alarm_for >= kAfterCompaction)
      return in_turn(in,
                     fmt::format("{} is out of space, and {} takes {} of a quota of {}", who,
                                 mine->name, bytes_text(mine->db_size), bytes_text(in.quota)),
                     fmt::format("{} is out of space, and {} is full", who, mine->name));
    return nothing(
        Reason::EtcdAlarm, who,
        fmt::format("{} is out of space; {} is defragmented within some minutes, nothing to do",
                    who, mine->name));
  }
  if (leads && std::ranges::none_of(in.members, is_full)) return DisarmNospace{alarm.member_id};
  return nothing(Reason::EtcdAlarm, who,
                 fmt::format("{} is out of space; the members are compacted and defragmented one "
                             "by one, nothing to do",
                             who));
}

}  // namespace

bool defragmenting_pays(MaintenanceMember const& member, std::uint64_t quota) {
  auto const free = gain(member);
  if (free < kLeast) return false;
  bool const mostly_empty = free >= member.db_size / 2;
  bool const file_near_quota = quota != 0 && member.db_size >= quota / 10 * 8 && free >= quota / 10;
  return mostly_empty || file_near_quota;
}

Maintenance decide_maintenance(MaintenanceInputs const& in) {
  for (auto const& alarm : in.alarms)
    if (is_alarm(alarm, "CORRUPT"))
      return nothing(
          Reason::EtcdCorrupt, name_of(in, alarm.member_id),
          fmt::format("{} has other data than its peers (CORRUPT alarm)",
                      name_of(in, alarm.member_id)),
          fmt::format("replace it with '{}', and once all members agree disarm the alarm with '{}'",
                      etcd_command(in.cluster, "replace " + name_of(in, alarm.member_id)),
                      etcdctl_command(in.cluster, "alarm disarm")));
  for (auto const& alarm : in.alarms)
    if (is_alarm(alarm, "NOSPACE")) return in_nospace(in, alarm);

  auto const mine = std::ranges::find(in.members, in.own_id, &MaintenanceMember::id);
  if (mine == in.members.end()) return nearly_full(in);
  bool const others_first = in.own_id == in.leader_id &&
                            std::ranges::any_of(in.members, [&](MaintenanceMember const& member) {
                              return member.id != in.own_id && defragmenting_pays(member, in.quota);
                            });
  if (defragmenting_pays(*mine, in.quota) && !others_first && why_not_now(in).empty() &&
      no_room_to_defragment(in, *mine).empty()) {
    auto const why =
        fmt::format("{} of {} would come free", bytes_text(gain(*mine)), bytes_text(mine->db_size));
    return in_turn(in, why, why);
  }
  return nearly_full(in);
}

Message message_of(Maintenance const& maintenance) {
  auto const due = [](std::string about, std::string text) {
    return Message(Reason::MaintenanceDue, std::move(text)).about(std::move(about));
  };
  if (auto const* compact = std::get_if<CompactTo>(&maintenance))
    return due(
        fmt::format("compact to {}", compact->revision),
        fmt::format("compact to revision {}, since etcd is out of space", compact->revision));
  if (auto const* defragment = std::get_if<DefragmentOwn>(&maintenance))
    return due("defragment " + defragment->name, "defragment its own database: " + defragment->why);
  if (auto const* disarm = std::get_if<DisarmNospace>(&maintenance))
    return due(
        fmt::format("disarm {:x}", disarm->member_id),
        fmt::format("disarm the NOSPACE alarm of {:x}: there is space again", disarm->member_id));
  return std::get<NothingToDo>(maintenance).message;
}

}  // namespace haagent::bootstrap
