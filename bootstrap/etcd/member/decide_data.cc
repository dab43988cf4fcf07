#include "bootstrap/etcd/member/decide_data.h"

#include <algorithm>

#include "bootstrap/etcd/member/decide_running.h"
#include "bootstrap/etcd/member/obstacles.h"
#include "bootstrap/etcd/member/standing.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

// My data are a copy, and nobody has started them here.
Decision with_a_copy(MemberInputs const& in, MemberAnswer const* peer) {
  auto const what =
      fmt::format("the data on {} are a copy of {}", in.volume.volume_id, in.volume.copy_of);
  if (peer) {
    for (auto const& other : in.others.peers)
      if (other.member_id == in.volume.data.identity.member_id && other.reach == Reach::answers)
        return Refuse{Message(Reason::MemberServedTwice,
                              fmt::format("{}, and {} is served by the instance of {} already",
                                          what, in.me.self.name, other.member),
                              "terminate one of the two, or give this volume's tag another member")
                          .about(other.member)};
    if (auto stop = not_to_join(in, peer->member, "; its data stays on this volume")) return *stop;
    return SetAside{what + ", older than what the others have: it joins as a new learner"};
  }
  return Wait{
      Message(Reason::DataIsCopy,
              fmt::format("{}, and an older copy must not be started as it is: it may lack what it "
                          "confirmed; no quorum answers{}",
                          what, because(missing(in))),
              "bring the others back, and it joins them; if every volume was replaced by a copy, "
              "run 'haagent etcd adopt-volume' on one master")
          .about(in.volume.copy_of)};
}

}  // namespace

Decision without_volume(MemberInputs const& in) {
  auto const& unseen = *in.volume.unseen;
  auto const* peer = quorum_peer(in);
  if (unseen.failed && is_up(in.etcd.unit) && peer) {
    auto const voters = voters_of(*peer->quorum_list, in);
    auto const stay = std::ranges::count_if(voters.all, [&](EtcdMember const* each) {
      return !is_mine(*each, in) && std::ranges::find(voters.down, each) == voters.down.end();
    });
    if (static_cast<std::size_t>(stay) >= voters.all.size() / 2 + 1)
      return StopUnit{unseen.message.text + ", and the others have a quorum without it"};
  }
  return Wait{
      Message(Reason::VolumeNotSeen,
              fmt::format(
                  "{}{}; without it no member is added, removed or started", unseen.message.text,
                  is_up(in.etcd.unit) ? fmt::format(", and {} still runs", in.me.self.name) : ""))
          .because_of(unseen.message)};
}

Decision with_data(MemberInputs const& in) {
  if (auto refuse = other_cluster(in)) return *refuse;
  auto const* peer = quorum_peer(in);
  if (peer) {
    auto const id = in.volume.data.identity.member_id;
    auto const listed = std::ranges::find_if(*peer->quorum_list, [&](EtcdMember const& member) {
      return id != 0 ? member.id == id : is_mine(member, in);
    });
    if (listed == peer->quorum_list->end()) {
      auto why =
          fmt::format("the quorum that {} belongs to has removed member {:x}", peer->member, id);
      if (is_up(in.etcd.unit)) return StopUnit{why};
      if (auto stop = not_to_join(in, peer->member, "; its data stays on this volume"))
        return *stop;
      return SetAside{why};
    }
    if (listed->learner && !is_up(in.etcd.unit) && in.etcd.failed_starts >= kLearnerStarts)
      return RemoveStale{listed->id, fmt::format("it is a learner that failed {} times ({})",
                                                 in.etcd.failed_starts, in.etcd.unit_detail)};
  }
  if (is_up(in.etcd.unit)) return with_running_unit(in);
  if (!in.volume.copy_of.empty()) return with_a_copy(in, peer);
  if (auto refuse = version_skew(in)) return *refuse;
  return StartAsIs{};
}

}  // namespace haagent::bootstrap
