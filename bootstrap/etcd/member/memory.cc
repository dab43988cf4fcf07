#include "bootstrap/etcd/member/memory.h"

#include <algorithm>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr Duration kStartAgainFirst = 1s;
constexpr Duration kStartAgainCap = 60s;

}  // namespace

void StartAttempts::saw(UnitState const& unit, Clock const& clock) {
  if (!unit.detail.empty()) last_end_ = unit.detail;
  if (!pending_ || is_up(unit.phase)) return;
  pending_ = false;
  auto const pause = std::min(kStartAgainCap, kStartAgainFirst * (1 << std::min(failed_, 6)));
  ++failed_;
  next_ = clock.steady() + pause;
  next_utc_ = clock.utc() + pause;
}

void StartAttempts::serves() {
  begin_again();
  last_end_.clear();
}

void StartAttempts::begin_again() {
  pending_ = false;
  failed_ = 0;
}

std::optional<UtcTime> StartAttempts::due(Clock const& clock) const {
  if (failed_ == 0 || clock.steady() >= next_) return std::nullopt;
  return next_utc_;
}

Duration LearnerProgress::saw(std::vector<MemberAnswer> const& answers, SteadyTime now) {
  std::uint64_t id = 0;
  for (auto const& answer : answers)
    for (auto const& member : answer.quorum_list.value_or(std::vector<EtcdMember>{}))
      if (member.learner) id = member.id;
  std::uint64_t index = 0;
  for (auto const& answer : answers)
    if (id != 0 && answer.member_id == id) index = answer.raft_index;
  if (id != id_ || index > index_) {
    id_ = id;
    index_ = index;
    since_ = now;
  }
  return id == 0 ? Duration(0) : std::chrono::duration_cast<Duration>(now - since_);
}

bool ListAge::saw(std::vector<std::uint64_t> list, SteadyTime now) {
  if (list.empty()) return false;
  std::ranges::sort(list);
  if (list == list_) return false;
  bool const had_one = !list_.empty();
  list_ = std::move(list);
  since_ = now;
  return had_one;
}

void MemberMemory::note(Decision const& decision, MemberInputs const& inputs) {
  if (std::holds_alternative<ChangeLater>(decision)) change.early = false;
  std::visit(
      [&]<class Move>(Move const&) {
        if constexpr (OfServing<Move>)
          starts.serves();
        else if (!OfTheMachine<Move> && inputs.etcd.own.quorum_list)
          starts.settled();
      },
      decision);
}

}  // namespace haagent::bootstrap
