#include "bootstrap/etcd/member/handover.h"

#include <algorithm>

#include "agent/base/row_names.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/member/ask.h"
#include "bootstrap/etcd/member/successor.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// Below the time that the agent's own unit is given to end, and the simulated region's 60 s.
constexpr Duration kStopDeadline = 12s;
constexpr EtcdTimeouts kTimeouts{.connect = 500ms, .request = 3s};
constexpr int kMoves = 2;

}  // namespace

LeaderStep::LeaderStep(EtcdCluster cluster, EtcdDeps deps)
    : cluster_(cluster),
      deps_(std::move(deps)),
      name_(row_names::of_cluster(row_names::kLeader, cluster)) {}

Result<Finding> LeaderStep::look(Facts&, std::stop_token stop) {
  auto unit = deps_.units.state(etcd_unit(cluster_));
  if (!unit) return std::unexpected(unit.error());
  if (!is_up(unit->phase)) return Done{Message(Reason::EtcdEnded, "etcd does not run here")};
  auto const tls = etcd_client_tls(deps_.root);
  EtcdClient own(deps_.http, {etcd_endpoint(cluster_, "127.0.0.1")}, tls, kTimeouts);
  auto status = own.status(stop);
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  if (!status)
    return Done{
        Message(Reason::LeaderNotKnown, "etcd does not answer, so it is not known who leads")};
  auto const self = status->header.member_id;
  if (status->leader != self)
    return Done{status->leader == 0
                    ? Message(Reason::LeaderNotKnown, "no member leads")
                    : Message(Reason::LeadsElsewhere, fmt::format("{} leads, not this member",
                                                                  etcd_id_text(status->leader)))};
  auto members = own.members(Consistency::local, stop);
  if (!members)
    return Done{Message(Reason::LeaderNotKnown,
                        "the members are not known: " + members.error().message.sentence())};
  std::vector<AskedMember> asked;
  for (auto const& member : members->members)
    if (member.id != self && !member.learner && member.started())
      asked.push_back({member.name, member.client_urls.front()});
  if (asked.empty()) return Done{Message(Reason::LeaderStays, "this member is the only voter")};
  auto const answers = ask_members(deps_.http, asked, tls, stop);
  auto const to = successor_of(self, members->members, answers);
  if (!to)
    return Done{Message(Reason::LeaderStays,
                        "this member leads, and no other voter is healthy enough to take over")};
  auto const name = std::ranges::find(members->members, *to, &EtcdMember::id)->name;
  if (moves_ >= kMoves)
    return Done{
        Message(Reason::LeaderStays, "this member still leads: " + name + " did not take over")
            .about(name)};
  return Needed{
      Message(Reason::LeaderToMove,
              fmt::format("move the leader to {}{}", name, moves_ == 0 ? "" : ", once more"))
          .about(fmt::format("{} {}", name, moves_)),
      [this, id = *to](std::stop_token ending) { return move_to(id, std::move(ending)); }};
}

Result<void> LeaderStep::move_to(std::uint64_t id, std::stop_token stop) {
  ++moves_;
  EtcdClient own(deps_.http, {etcd_endpoint(cluster_, "127.0.0.1")}, etcd_client_tls(deps_.root),
                 kTimeouts);
  // Whether it has moved is for the next look to say; an error here is no reason to keep the
  // volume.
  auto moved = own.move_leader(id, stop);
  if (!moved && moved.error().kind == Kind::interrupted) return moved;
  return {};
}

StopStep::StopStep(EtcdCluster cluster, EtcdDeps deps)
    : cluster_(cluster),
      deps_(std::move(deps)),
      name_(row_names::of_cluster(row_names::kStopEtcd, cluster)) {}

Result<Finding> StopStep::look(Facts& facts, std::stop_token) {
  auto unit = deps_.units.state(etcd_unit(cluster_));
  if (!unit) return std::unexpected(unit.error());
  if (!is_up(unit->phase))
    return Done{Message(Reason::EtcdEnded, etcd_unit(cluster_) + " has ended")};
  auto message = Message(Reason::EtcdToStop, "stop " + etcd_unit(cluster_));
  return Needed{
      std::move(message).about(etcd_unit(cluster_)), [this, &facts](std::stop_token stop) {
        auto stopped = deps_.units.stop(etcd_unit(cluster_), kStopDeadline, std::move(stop));
        if (stopped) facts.etcd(cluster_).member.clear();
        return stopped;
      }};
}

}  // namespace haagent::bootstrap
