#include "bootstrap/etcd/member/decide_serving.h"

#include <algorithm>

#include "bootstrap/etcd/member/obstacles.h"
#include "bootstrap/etcd/member/restart.h"
#include "bootstrap/etcd/member/successor.h"

namespace haagent::bootstrap {
namespace {

constexpr int kLeadPasses = 2;

// The lead goes first, so that the restart costs no election. Nothing where this member does not
// lead, or where nobody takes it over.
std::optional<Decision> pass_lead(MemberInputs const& in) {
  auto const& own = in.etcd.own;
  if (own.leader_id != own.member_id || in.serving.lead_passes >= kLeadPasses) return std::nullopt;
  auto const to = successor_of(own.member_id, *own.quorum_list, in.others.peers);
  if (!to) return std::nullopt;
  return PassLead{*to, std::ranges::find(*own.quorum_list, *to, &EtcdMember::id)->name,
                  in.serving.lead_passes > 0};
}

// Learners too.
bool every_member_serves(MemberInputs const& in) {
  return std::ranges::all_of(*in.etcd.own.quorum_list, [&](EtcdMember const& member) {
    return member.id == in.etcd.own.member_id ||
           std::ranges::any_of(in.others.peers, [&](MemberAnswer const& peer) {
             return peer.member_id == member.id && peer.quorum_list;
           });
  });
}

// While one of three is being replaced, two are listed, and each is needed.
bool others_have_a_quorum(MemberInputs const& in) {
  auto const voters = std::ranges::count(*in.etcd.own.quorum_list, false, &EtcdMember::learner);
  return voters - 1 >= voters / 2 + 1;
}

// What must not be started must not be stopped for.
std::string refusal_of(MemberInputs const& in) {
  if (in.serving.restart->version.empty()) return "";
  auto const refusal = version_refusal(version_facts(in));
  return refusal ? fmt::format("{}; {}", refusal->why, refusal->instead) : "";
}

}  // namespace

void add_note(Serving& serving, Message const& note) {
  auto& message = serving.message;
  message.text += "; " + note.sentence();
  if (message.reason == Reason::EtcdServing) {
    message.reason = note.reason;
    message.subject = note.subject;
  } else {
    message.subject += fmt::format(";{} {}", to_string(note.reason), note.subject);
  }
}

std::optional<ServedBy> new_served_by(MemberInputs const& in) {
  auto const& versions = in.serving.versions;
  auto data = data_version_of(versions.cluster, versions.storage);
  if (data.empty() || (versions.server == in.volume.served_by && data == in.volume.data_version))
    return std::nullopt;
  return ServedBy{versions.server, std::move(data)};
}

// A changed configuration is brought in by a restart, once it is this master's turn. So are
// authorities that it does not trust yet, or no longer should.
Decision decide_serving(MemberInputs const& in, Serving serving) {
  auto const& now = in.serving;
  if (auto served = new_served_by(in)) return WriteVersion{*std::move(served)};
  if (!now.stale_leases) return Unreadable{now.stale_leases.error()};
  if (!now.stale_leases->empty()) return EraseLeases{*now.stale_leases};
  if (now.leftovers) return DropLeftovers{};
  if (!now.restart) return Unreadable{now.restart.error()};
  if (!now.warnings.empty())
    add_note(serving, Message(Reason::EtcdVersionDefective,
                              fmt::format("etcd {}: {}", in.me.version, now.warnings))
                          .about(in.me.version));
  serving.restart_held = refusal_of(in);
  bool const alone = in.etcd.own.quorum_list->size() == 1;
  auto const decided =
      decide_restart({.configuration = now.restart->configuration,
                      .version = now.restart->version,
                      .refusal = serving.restart_held,
                      .trust = now.restart->trust,
                      .all_serve = every_member_serves(in) && (alone || others_have_a_quorum(in)),
                      .alone = alone,
                      .my_turn = now.turn.asked && now.turn.mine,
                      .turn = now.turn.holder});
  if (auto const* stays = std::get_if<StaysUp>(&decided)) {
    serving.asks_for_turn = stays->asks_for_turn;
    if (stays->why) add_note(serving, *stays->why);
    return serving;
  }
  if (auto first = pass_lead(in)) return *std::move(first);
  return RestartEtcd{std::get<RestartsNow>(decided)};
}

}  // namespace haagent::bootstrap
