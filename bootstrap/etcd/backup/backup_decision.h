// Who backs up, and when: pure, from what any master sees for itself. Masters do not talk about it;
// the newest manifest in the store is what they go by, and its age by the store's clock. No time of
// day is in here: a master whose own clock is wrong comes to the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/message.h"
#include "bootstrap/etcd/client/client.h"

namespace haagent::bootstrap {

struct BackupInputs {
  std::uint64_t own_id = 0;
  std::uint64_t leader_id = 0;         // 0: none is known
  std::vector<EtcdMember> members;     // as etcd lists them
  std::optional<Duration> newest_age;  // of the newest backup; nothing: there is none
  std::optional<Duration> taken_ago;   // since this agent last took one; nothing: it has not
  Duration watched_for{0};             // since this agent first saw this member serve
  Duration interval{};
  Duration jitter{};  // of this master, a small part of the interval: so that the masters of a
                      // hundred clusters that began together do not meet at the bucket for ever
};

struct BackupTurn {
  bool due = false;  // and mine to take
  int rank = 0;      // 0: mine first; 1: mine where the first one has not; ...
  Duration in{0};    // until it is mine; not above 0 once it is
};

// Voters take turns by rank: followers by id, lowest first, then the leader, whose disk and network
// every write waits for. The first is due when the newest backup is an interval old; each next one
// half an interval later, so that a master that is down or cannot back up is stood in for, with
// nobody judging who is well. A learner and who is not listed never back up: nothing. Whatever the
// store says of ages, this master takes no second one within an interval of its last.
std::optional<BackupTurn> backup_turn(BackupInputs const& inputs);

// What a change of the members does to what the cluster can bear.
enum class MemberChange {
  restores,  // adds, promotes or replaces: the cluster can lose more afterwards
  shrinks,   // takes a member away for good
};

struct BeforeChangeInputs {
  MemberChange change = MemberChange::restores;
  bool enabled = true;
  std::optional<Duration>
      newest_age;  // of the newest backup, by the store's clock; unknown is nothing
  std::optional<Duration> tried_ago;  // since a backup for such a change was last tried
  std::optional<Message> failure;     // what came of it; nothing: it succeeded
};
struct GoOn {
  std::optional<Message> note = {};  // what the operator should know
};
struct BackUpFirst {};
struct HoldChange {
  Message message;
};
using BeforeChange = std::variant<GoOn, BackUpFirst, HoldChange>;

// A backup of the last five minutes is enough. Else one is made first. Where that fails, a change
// that only restores what was lost goes on all the same, because a cluster that runs without a
// backup is worse off with a dead member than without one; a member is not taken away before there
// is one.
BeforeChange before_change(BeforeChangeInputs const& inputs);

}  // namespace haagent::bootstrap
