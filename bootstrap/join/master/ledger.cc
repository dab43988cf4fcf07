#include "bootstrap/join/master/ledger.h"

#include <algorithm>

namespace haagent::bootstrap::join {
namespace {

constexpr std::size_t kTextCap = 400;

}  // namespace

void JoinLedger::note(Decided const& decided, UtcTime now) {
  std::lock_guard lock(mutex_);
  ++decisions_[std::string(to_string(decided.message.reason))];
  // Before its document is read, a machine is an address; many have the same one where the load
  // balancer hides them.
  std::erase_if(waiting_, [&](JoinFacts::Waiting const& each) {
    return each.instance_id.empty() ? each.address == decided.address
                                    : each.instance_id == decided.instance_id;
  });
  if (decided.lets_in()) return;
  auto message = decided.message;
  message.text.resize(std::min(message.text.size(), kTextCap));
  waiting_.push_front({.instance_id = decided.instance_id,
                       .address = decided.address,
                       .message = std::move(message),
                       .at = now});
  if (waiting_.size() > kMostWaiting) waiting_.pop_back();
}

JoinFacts JoinLedger::facts(UtcTime now) const {
  std::lock_guard lock(mutex_);
  JoinFacts facts{.decisions = decisions_, .waiting = {}};
  for (auto const& each : waiting_)
    if (now - each.at <= kWaits) facts.waiting.push_back(each);
  return facts;
}

}  // namespace haagent::bootstrap::join
