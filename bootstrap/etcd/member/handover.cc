#include "bootstrap/etcd/member/handover.h"

#include <algorithm>

#include "bootstrap/etcd/member/ask.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// Below the time that the agent's own unit is given to end, and the simulated region's 60 s.
constexpr Duration kStopDeadline = 12s;
constexpr EtcdTimeouts kTimeouts{.connect = 500ms, .request = 3s};
constexpr int kMoves = 2;

}  // namespace

std::optional<std::uint64_t> successor_of(std::uint64_t leader,
                                          std::vector<EtcdMember> const& members,
                                          std::vector<MemberAnswer> const& answers) {
  MemberAnswer const* best = nullptr;
  for (auto const& answer : answers) {
    auto const listed = std::ranges::find(members, answer.member_id, &EtcdMember::id);
    if (listed == members.end() || listed->learner || answer.learner) continue;
    if (answer.reach != MemberAnswer::Reach::answers || answer.member_id == leader) continue;
    if (answer.leader_id != leader) continue;
    if (!best || answer.raft_index > best->raft_index ||
        (answer.raft_index == best->raft_index && answer.member < best->member))
      best = &answer;
  }
  if (!best) return std::nullopt;
  return best->member_id;
}

LeaderStep::LeaderStep(EtcdCluster cluster, EtcdParts parts)
    : cluster_(cluster),
      parts_(std::move(parts)),
      name_(fmt::format("leader-{}", to_string(cluster))) {}

Result<Finding> LeaderStep::look(Facts&, std::stop_token stop) {
  to_ = 0;
  auto unit = parts_.units.state(etcd_unit(cluster_));
  if (!unit) return std::unexpected(unit.error());
  if (!is_up(unit->phase)) return Done{"etcd does not run here"};
  auto const tls = etcd_client_tls(parts_.root);
  EtcdClient own(parts_.http, {etcd_endpoint(cluster_, "127.0.0.1")}, tls, kTimeouts);
  auto status = own.status(stop);
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  if (!status) return Done{"etcd does not answer, so it is not known who leads"};
  auto const self = status->header.member_id;
  if (status->leader != self)
    return Done{status->leader == 0
                    ? "no member leads"
                    : fmt::format("{} leads, not this member", etcd_id_text(status->leader))};
  auto members = own.members(Consistency::local, stop);
  if (!members) return Done{"the members are not known: " + members.error().what};
  std::vector<AskedMember> asked;
  for (auto const& member : members->members)
    if (member.id != self && !member.learner && member.started())
      asked.push_back({member.name, member.client_urls.front()});
  if (asked.empty()) return Done{"this member is the only voter"};
  auto const answers = ask_members(parts_.http, asked, tls, stop);
  auto const to = successor_of(self, members->members, answers);
  if (!to) return Done{"this member leads, and no other voter is healthy enough to take over"};
  auto const name = std::ranges::find(members->members, *to, &EtcdMember::id)->name;
  if (moves_ >= kMoves) return Done{"this member still leads: " + name + " did not take over"};
  to_ = *to;
  return Needed{fmt::format("move the leader to {}{}", name, moves_ == 0 ? "" : ", once more")};
}

Result<void> LeaderStep::act(Facts&, std::stop_token stop) {
  ++moves_;
  EtcdClient own(parts_.http, {etcd_endpoint(cluster_, "127.0.0.1")}, etcd_client_tls(parts_.root),
                 kTimeouts);
  // Whether it has moved is for the next look to say; an error here is no reason to keep the
  // volume.
  auto moved = own.move_leader(to_, stop);
  if (!moved && moved.error().kind == Kind::interrupted) return moved;
  return {};
}

StopStep::StopStep(EtcdCluster cluster, EtcdParts parts)
    : cluster_(cluster),
      parts_(std::move(parts)),
      name_(fmt::format("stop-etcd-{}", to_string(cluster))) {}

Result<Finding> StopStep::look(Facts&, std::stop_token) {
  auto unit = parts_.units.state(etcd_unit(cluster_));
  if (!unit) return std::unexpected(unit.error());
  if (!is_up(unit->phase)) return Done{etcd_unit(cluster_) + " has ended"};
  return Needed{"stop " + etcd_unit(cluster_)};
}

Result<void> StopStep::act(Facts& facts, std::stop_token stop) {
  auto stopped = parts_.units.stop(etcd_unit(cluster_), kStopDeadline, std::move(stop));
  if (stopped) facts.etcd(cluster_).member.clear();
  return stopped;
}

}  // namespace haagent::bootstrap
