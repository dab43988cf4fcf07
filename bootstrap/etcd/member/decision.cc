#include "bootstrap/etcd/member/decision.h"

#include <algorithm>

#include "bootstrap/etcd/member/decide_blank.h"
#include "bootstrap/etcd/member/decide_data.h"
#include "bootstrap/etcd/member/decide_serving.h"
#include "bootstrap/etcd/member/message.h"
#include "bootstrap/etcd/member/request_decision.h"
#include "bootstrap/etcd/member/standing.h"

namespace haagent::bootstrap {
namespace {

// etcd's start gives it everything; one that systemd starts again and again nobody would let in.
std::optional<Decision> for_the_machine(MemberInputs const& in) {
  if (in.machine.hosts) return WriteHosts{*in.machine.hosts};
  auto const& shut_out = in.machine.shut_out;
  if (!shut_out) return Unreadable{shut_out.error()};
  if (*shut_out) return LetEtcdIn{**shut_out};
  return std::nullopt;
}

Decision for_the_member(MemberInputs const& in) {
  if (in.volume.unseen) return without_volume(in);
  if (auto move = on_request(in)) return *move;
  if (in.volume.data.state == DataDir::State::member) return with_data(in);
  bool const expected = std::ranges::count(in.me.expected_members, in.me.member) > 0;
  if (!expected || in.me.expected.size() != in.me.expected_members.size())
    return Refuse{Message(Reason::MemberNotListed,
                          fmt::format("member {} is not one of {}", in.me.member,
                                      in_words(in.me.expected_members)),
                          "put the volume's tag right")
                      .about(in.me.member)};
  return without_data(in);
}

// What is right, and was just tried in vain.
Decision when_due(MemberInputs const& in, Decision decision) {
  bool const starts = std::holds_alternative<StartAsIs>(decision) ||
                      std::holds_alternative<FormNew>(decision) ||
                      std::holds_alternative<StartJoined>(decision);
  if (starts && in.etcd.starts_at)
    return StartLater{Message(
        Reason::EtcdStartFailed,
        fmt::format("{} at {}", sentence_of(decision, in), to_rfc3339(*in.etcd.starts_at)))};
  bool const changes = std::holds_alternative<AddLearner>(decision) ||
                       std::holds_alternative<RemoveStale>(decision) ||
                       std::holds_alternative<RemoveMember>(decision);
  if (changes && in.etcd.change_was_early)
    return ChangeLater{
        Message(Reason::MembersChangeEarly,
                fmt::format("{} once etcd's voters have been connected to each other for 5 s{}",
                            sentence_of(decision, in), because(missing(in))))};
  return decision;
}

}  // namespace

Decision decide(MemberInputs const& in) {
  if (auto move = for_the_machine(in)) return *std::move(move);
  auto decision = for_the_member(in);
  if (auto* serving = std::get_if<Serving>(&decision))
    return decide_serving(in, std::move(*serving));
  return when_due(in, std::move(decision));
}

AskEc2 asks_ec2(MemberInputs const& in) {
  auto const decision = for_the_member(in);
  if (auto const* wait = std::get_if<Wait>(&decision))
    return wait->ask_ec2 ? AskEc2::first : AskEc2::no;
  auto const* serving = std::get_if<Serving>(&decision);
  return serving && serving->watch_tags && in.ec2.volumes_age >= in.ec2.tags_settle / 4
             ? AskEc2::if_it_answers
             : AskEc2::no;
}

}  // namespace haagent::bootstrap
