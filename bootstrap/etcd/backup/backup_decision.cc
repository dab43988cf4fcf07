#include "bootstrap/etcd/backup/backup_decision.h"

#include <algorithm>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFresh = 5min;
constexpr Duration kTryAgain = 5min;

}  // namespace

std::optional<BackupTurn> backup_turn(BackupInputs const& in) {
  std::vector<std::uint64_t> order;
  for (auto const& member : in.members)
    if (!member.learner && member.started()) order.push_back(member.id);
  std::ranges::sort(order, {}, [&](std::uint64_t id) { return std::pair(id == in.leader_id, id); });
  auto const mine = std::ranges::find(order, in.own_id);
  if (mine == order.end()) return std::nullopt;
  BackupTurn turn{.rank = static_cast<int>(mine - order.begin())};
  auto const stand_in = turn.rank * in.interval / 2;
  // Without any backup the first one begins at once, and the others stand in for it later.
  if (in.newest_age) {
    turn.in = in.interval + stand_in + in.jitter - *in.newest_age;
  } else {
    turn.in = stand_in - in.watched_for;
  }
  if (in.taken_ago) turn.in = std::max(turn.in, in.interval - *in.taken_ago);
  turn.due = turn.in <= Duration(0);
  return turn;
}

BeforeChange before_change(BeforeChangeInputs const& in) {
  if (!in.enabled)
    return GoOn{Message(Reason::BackupsOff, "backups are switched off (etcd.backups.enabled)")};
  if (in.newest_age && *in.newest_age <= kFresh) return GoOn{};
  bool const failed_lately = in.tried_ago && *in.tried_ago < kTryAgain && in.failure;
  if (!failed_lately) return BackUpFirst{};
  if (in.change == MemberChange::restores)
    return GoOn{
        Message(Reason::BackupFailing,
                fmt::format("without a backup, because it only brings back what was lost: {}",
                            in.failure->text),
                in.failure->advice)};
  return HoldChange{
      Message(Reason::BackupRequiredFirst,
              fmt::format("no member is taken away before there is a backup: {}", in.failure->text))
          .because_of(*in.failure)};
}

}  // namespace haagent::bootstrap
