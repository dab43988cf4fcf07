#include "bootstrap/join/master/ledger.h"

#include <algorithm>

namespace haagent::bootstrap::join {
namespace {

constexpr std::size_t kTextCap = 400;

}  // namespace

JoinLedger::Line JoinLedger::line_of(Decided const& decided, UtcTime now) {
  if (decided.lets_in()) return Line::written;
  auto& lines = lines_[{decided.message.reason, decided.proven}];
  std::chrono::duration<double> const since =
      std::max<Duration>(std::chrono::duration_cast<Duration>(now - lines.at),
                         Duration(0));  // a clock may be set back
  lines.left = std::clamp(lines.left + since / kLineEvery, 0.0, kLinesAtOnce);
  lines.at = now;
  if (lines.left < 1) return Line::left_out;
  lines.left -= 1;
  return lines.left < 1 ? Line::last : Line::written;
}

JoinLedger::Line JoinLedger::note(Decided const& decided, UtcTime now) {
  std::lock_guard lock(mutex_);
  auto const line = line_of(decided, now);
  ++decisions_[std::string(to_string(decided.message.reason))];
  // Before its document is read, a machine is an address; many have the same one where the load
  // balancer hides them. What a machine calls itself takes nothing from the one that is it.
  std::erase_if(waiting_, [&](JoinFacts::Waiting const& each) {
    if (each.instance_id.empty()) return each.address == decided.address;
    return each.instance_id == decided.instance_id && (decided.proven || !each.proven);
  });
  if (decided.lets_in()) return line;
  auto message = decided.message;
  message.text.resize(std::min(message.text.size(), kTextCap));
  waiting_.push_front({.instance_id = decided.instance_id,
                       .address = decided.address,
                       .message = std::move(message),
                       .at = now,
                       .proven = decided.proven});
  if (waiting_.size() <= kMostWaiting) return line;
  // The oldest of those that have proven nothing.
  auto const unproven =
      std::ranges::find(waiting_.rbegin(), waiting_.rend(), false, &JoinFacts::Waiting::proven);
  waiting_.erase(unproven == waiting_.rend() ? std::prev(waiting_.end())
                                             : std::prev(unproven.base()));
  return line;
}

JoinFacts JoinLedger::facts(UtcTime now) const {
  std::lock_guard lock(mutex_);
  JoinFacts facts{.decisions = decisions_, .waiting = {}};
  for (auto const& each : waiting_)
    if (now - each.at <= kWaits) facts.waiting.push_back(each);
  return facts;
}

}  // namespace haagent::bootstrap::join
