// What a running cluster needs now and then: space given back to the disk, alarms answered. Pure;
// every master's agent decides for itself from what all members answer.
//
// Defragmentation stops its member for as long as it takes, so two members must not do it at once,
// and a lock in etcd is no help (with the NOSPACE alarm on, etcd takes no write). So it goes by the
// turn that restarts go by, of which there is one, in the state store (pki/rotation.h): a member
// asks for it, is defragmented once its master has it and only while all members answer, and the
// turn goes on once it wants it no more. No clock has a say in it. The only member of a cluster
// needs no turn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/message.h"
#include "bootstrap/etcd/client/client.h"

namespace haagent::bootstrap {

struct MaintenanceMember {
  std::uint64_t id = 0;
  std::string name;      // "etcd-a"
  bool answers = false;  // its own status, and that names a leader
  bool learner = false;
  std::uint64_t db_size = 0;         // bytes of the file
  std::uint64_t db_size_in_use = 0;  // bytes of it that hold something
};

struct MaintenanceInputs {
  EtcdCluster cluster = EtcdCluster::main;
  std::uint64_t own_id = 0;
  std::uint64_t leader_id = 0;
  std::vector<MaintenanceMember> members;  // all that are listed, mine included
  std::vector<EtcdAlarm> alarms;
  std::uint64_t quota = 0;     // bytes
  std::uint64_t revision = 0;  // of now
  // Since this agent saw the NOSPACE alarm: whether it has compacted, for how long it has seen it,
  // and how long ago it has defragmented its own member.
  bool compacted = false;
  Duration alarm_for{0};
  std::optional<Duration> defragmented_ago;
  std::optional<std::uint64_t> avail;  // bytes free on my own volume, as it was last looked at
  std::optional<Duration> failed_ago;  // since its defragmentation last failed, with or without it
  bool my_turn = false;                // this master has it, and this member has asked for it
  std::string turn;                    // of whom it is as far as is known: "c"; empty: nobody's
};

struct NothingToDo {
  // Worth telling, and what the operator should do; without a text mostly.
  Message message = {Reason::MaintenanceIdle, ""};
  bool asks_for_turn = false;
};
struct CompactTo {
  std::uint64_t revision = 0;
};
struct DefragmentOwn {
  std::string name;
  std::string why;
};
struct DisarmNospace {
  std::uint64_t member_id = 0;
};
using Maintenance = std::variant<NothingToDo, CompactTo, DefragmentOwn, DisarmNospace>;

// etcd's own way out of NOSPACE: compact, defragment every member, disarm. The leader's agent
// compacts and disarms. What a file would give back cannot be told beforehand then: its free pages
// are counted by the next write, and there is none. Without the alarm a member is defragmented only
// where that pays, followers first, and never where its volume has no room for a second copy of
// what it holds. CORRUPT is never disarmed: that is the operator's.
Maintenance decide_maintenance(MaintenanceInputs const& inputs);

// How much of the file would be given back, where that is worth stopping the member for.
bool defragmenting_pays(MaintenanceMember const& member, std::uint64_t quota);

Message message_of(Maintenance const& maintenance);

}  // namespace haagent::bootstrap
