#include "bootstrap/etcd/member/request_decision.h"

#include <algorithm>

#include "bootstrap/etcd/member/standing.h"
#include "bootstrap/etcd/member/tags.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

// Mine among them.
std::vector<MemberAnswer const*> answers_of(MemberInputs const& in) {
  std::vector<MemberAnswer const*> answers;
  for (auto const& peer : in.others.peers)
    if (peer.reach == Reach::answers) answers.push_back(&peer);
  if (in.etcd.own.reach == Reach::answers) answers.push_back(&in.etcd.own);
  return answers;
}

bool is_too_old(MemberInputs const& in) {
  return in.store.request_age && *in.store.request_age > kRequestBegins;
}

// A request of an age that nobody knows is begun by nobody, and kept out of the way of.
bool may_begin(MemberInputs const& in) {
  return in.store.request_age && !is_too_old(in);
}

std::string subject(RecoveryRequest const& request) {
  return request.kind == RecoveryRequest::Kind::restore
             ? fmt::format("the restore of {}", request.backup)
             : fmt::format("the recovery of {}", request.volumes.front().member);
}

// Clears the place: never over a process that runs, never over data.
std::optional<Decision> make_room(MemberInputs const& in, std::string const& why) {
  if (is_up(in.etcd.unit)) return StopUnit{why, /*requested=*/true};
  if (in.volume.data.state != DataDir::State::blank) return SetAside{why, /*requested=*/true};
  return std::nullopt;
}

// The usual way, before this agent had heard of the request: as a learner of the restored cluster,
// whose volume is tagged before anything else.
bool has_joined(MemberInputs const& in, RecoveryRequest const& request) {
  auto const id = etcd_id_text(request.cluster_id);
  return in.volume.data.identity.cluster_id == request.cluster_id ||
         (in.volume.tag_cluster_id == id &&
          (in.volume.marker_cluster_id.empty() || in.volume.marker_cluster_id == id));
}

bool is_of(std::uint64_t cluster, MemberInputs const& in) {
  auto const id = etcd_id_text(cluster);
  return in.volume.data.identity.cluster_id == cluster || in.volume.tag_cluster_id == id ||
         in.volume.marker_cluster_id == id;
}

std::optional<Refuse> foreign_data(MemberInputs const& in, std::string const& why) {
  if (in.volume.data.foreign.empty()) return std::nullopt;
  return Refuse{
      Message(Reason::DataForeign,
              fmt::format("{}, and the volume holds {}, which is neither etcd's nor haagent's", why,
                          in_words(in.volume.data.foreign)),
              "look at it, and move it away")
          .about(joined(in.volume.data.foreign))};
}

std::optional<Decision> on_restore(MemberInputs const& in, RecoveryRequest const& request) {
  auto const answers = answers_of(in);
  MemberAnswer const* restored = nullptr;  // with a quorum
  std::vector<std::string> of_before;      // who serve the cluster from before, quorum or not
  MemberAnswer const* before = nullptr;    // of them, with a quorum
  for (auto const* each : answers) {
    if (each->cluster_id == request.cluster_id) {
      if (each->quorum_list) restored = each;
      continue;
    }
    of_before.push_back(each->member);
    if (each->quorum_list) before = each;
  }

  if (in.store.request_done == request.id) {
    if (request.is_void && before && !restored && is_of(request.cluster_id, in)) {
      if (auto move = make_room(in, subject(request) + " was taken back, and a quorum serves"))
        return move;
      return AdoptCluster{before->cluster_id};
    }
    if (request.closed || !before || in.etcd.own.quorum_list ||
        in.volume.data.state != DataDir::State::member)
      return std::nullopt;
    return Wait{
        Message(
            Reason::RestoreUnderWay,
            fmt::format("{} is restored, and {} still serve{} the cluster from before",
                        in.me.self.name, in_words(of_before), of_before.size() == 1 ? "s" : ""),
            !request.over_running
                ? fmt::format("they have a quorum again: run '{}' to go on all the same",
                              etcd_command(in.me.cluster, "restore --over-running-cluster"))
                : std::string("nothing to do: their agents carry the request out within half a "
                              "minute; if it stays so, see that the agent runs on their masters"))
            .about(joined(of_before))};
  }

  if (has_joined(in, request)) return std::nullopt;
  auto const why = subject(request) + " is requested";
  if (restored) {
    auto const& list = *restored->quorum_list;
    auto const me = std::ranges::find_if(
        list, [&](EtcdMember const& member) { return is_member(member, in.me.self); });
    bool const late =
        request.closed || !may_begin(in) || me == list.end() || me->started() || me->learner;
    if (late) {
      if (auto move = make_room(in, why + " and carried out by the others")) return move;
      return AdoptCluster{request.cluster_id};
    }
  } else if (request.closed || !may_begin(in) ||
             ((before || request.stale) && !request.over_running)) {
    return std::nullopt;
  }
  if (auto refuse = foreign_data(in, why)) return *refuse;
  if (auto move = make_room(in, why)) return move;
  return RestoreData{};
}

std::optional<Decision> on_recovery(MemberInputs const& in, RecoveryRequest const& request) {
  if (request.closed || request.stale || in.store.request_done == request.id || !may_begin(in))
    return std::nullopt;
  if (in.volume.data.state != DataDir::State::member ||
      in.volume.data.identity.cluster_id != request.cluster_id)
    return std::nullopt;
  // A cluster of one that answers may be what an agent that was stopped in the middle left: once
  // more does no harm, since nobody can have joined it on the loopback address.
  for (auto const* each : answers_of(in))
    if (each->quorum_list && each->quorum_list->size() > 1) return std::nullopt;
  for (auto const& peer : in.others.peers)
    if (peer.quorum_list) return std::nullopt;
  if (is_up(in.etcd.unit)) return StopUnit{subject(request) + " is requested", /*requested=*/true};
  return ForceAlone{};
}

// An agent that has just started does not know yet what its volume was restored for.
std::optional<Decision> before_it_is_known(MemberInputs const& in) {
  auto const mine = in.volume.data.identity.cluster_id;
  if (in.store.request_done.empty() || !in.volume.marker_cluster_id.empty() || mine == 0)
    return std::nullopt;
  MemberAnswer const* other = nullptr;
  for (auto const& peer : in.others.peers) {
    if (!peer.quorum_list) continue;
    if (peer.cluster_id == mine) return std::nullopt;
    other = &peer;
  }
  if (!other) return std::nullopt;
  return Wait{
      Message(Reason::RequestNotKnown,
              fmt::format("{} was restored as the request {} says, {} serves another cluster, and "
                          "what has become of that request is not known",
                          in.me.self.name, in.store.request_done, other->member),
              "nothing to do: the state store is asked; if it stays so, see that this master "
              "reaches it, and that the request stands there")
          .about(in.store.request_done)};
}

// A volume that the request does not name: it came later, or a recovery is another one's.
std::optional<Decision> on_another(MemberInputs const& in, RecoveryRequest const& request) {
  bool const restores = request.kind == RecoveryRequest::Kind::restore;
  bool const has_data = in.volume.data.state == DataDir::State::member;
  bool brought = false;  // what the request brings serves
  bool before = false;   // what it is to replace does
  for (auto const& peer : in.others.peers) {
    if (!peer.quorum_list) continue;
    bool const is = restores
                        ? peer.cluster_id == request.cluster_id
                        : std::ranges::count(*peer.quorum_list, false, &EtcdMember::learner) == 1;
    (is ? brought : before) = true;
  }
  // Anyone who became a voter of what a request replaces could leave it a quorum behind the back of
  // who carries the request out, or data that nobody has given up.
  if (before && !request.closed && !is_too_old(in) && (!has_data || in.etcd.own.learner))
    return Wait{
        Message(Reason::RequestUnderWay,
                fmt::format(
                    "{} joins no cluster while {} is requested, and neither carried out nor void",
                    in.me.self.name, subject(request)),
                fmt::format("nothing to do: it is one of the two within a minute; if it stays so, "
                            "take the request back with '{}'",
                            etcd_command(in.me.cluster, "restore --cancel")))
            .about(request.id)};
  // What a blank volume's tag says of the cluster from before keeps it from nothing.
  auto const id = etcd_id_text(request.cluster_id);
  auto of_another = [&](std::string const& text) { return !text.empty() && text != id; };
  if (!restores || !brought || before || has_data || is_up(in.etcd.unit) ||
      !in.volume.data.foreign.empty() ||
      (!of_another(in.volume.tag_cluster_id) && !of_another(in.volume.marker_cluster_id)))
    return std::nullopt;
  return AdoptCluster{request.cluster_id};
}

}  // namespace

bool is_restored_but_for_its_place(MemberInputs const& in) {
  return in.volume.data.restored && in.volume.data.state == DataDir::State::blank &&
         !is_up(in.etcd.unit) && !in.store.request_done.empty() &&
         (!in.store.request || in.store.request->id == in.store.request_done);
}

std::optional<Decision> on_request(MemberInputs const& in) {
  // Whether the store answers or not: what the volume says is enough.
  if (is_restored_but_for_its_place(in)) return RestoreData{/*but_for_its_place=*/true};
  if (!in.store.request) return before_it_is_known(in);
  if (!in.store.request->names(in.me.member, in.volume.volume_id))
    return on_another(in, *in.store.request);
  return in.store.request->kind == RecoveryRequest::Kind::restore
             ? on_restore(in, *in.store.request)
             : on_recovery(in, *in.store.request);
}

std::string request_note(MemberInputs const& in) {
  auto const& request = in.store.request;
  if (!request || request->closed || in.store.request_done == request->id ||
      !request->names(in.me.member, in.volume.volume_id) ||
      (request->kind == RecoveryRequest::Kind::restore &&
       in.etcd.own.cluster_id == request->cluster_id))
    return "";
  return fmt::format("{} is requested, and not carried out {}; '{}' takes the request back",
                     subject(*request),
                     !in.store.request_age ? "while its age is not known"
                     : is_too_old(in)      ? "any more: it is more than an hour old"
                                           : "while a quorum serves",
                     etcd_command(in.me.cluster, "restore --cancel"));
}

}  // namespace haagent::bootstrap
