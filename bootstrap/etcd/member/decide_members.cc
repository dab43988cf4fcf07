#include "bootstrap/etcd/member/decide_members.h"

#include <algorithm>

#include "agent/base/member_count.h"
#include "bootstrap/etcd/member/obstacles.h"
#include "bootstrap/etcd/member/standing.h"
#include "bootstrap/etcd/member/tags.h"

namespace haagent::bootstrap {
namespace {

// I lead, and this voter is to go: may it, now? The rest must be members by the tags, all of them
// voters that are up, unless the one that is down is the one to go.
MembersChange take_out(MemberInputs const& in, Tags const& tags,
                       std::vector<EtcdMember> const& list,
                       std::vector<EtcdMember const*> const& leaving) {
  auto const voters = voters_of(list, in);
  auto down = [&](EtcdMember const* member) {
    return std::ranges::find(voters.down, member) != voters.down.end();
  };
  for (auto const* each : voters.down)
    if (std::ranges::find(leaving, each) == leaving.end())
      return {.note = fmt::format("no member is removed while {} is down: bring it back",
                                  name_of(*each)),
              .about = name_of(*each) + " is down"};
  // A learner has no vote and one that is down gives none: those first, no matter who else is to
  // come.
  auto const* target = leaving.back();
  for (auto const* each : leaving)
    if (down(each)) target = each;
  for (auto const* each : leaving)
    if (each->learner) target = each;
  bool const harmless = down(target) || target->learner;
  for (auto const& member : list)
    if (!harmless && member.learner)
      return {.note = fmt::format("{} joins first: nothing to do", name_of(member)),
              .about = name_of(member) + " joins"};
  if (!harmless) {
    if (auto absent = absent_of(in, tags, list); !absent.empty())
      return {.note = fmt::format("{} must vote first: start the master{}", in_words(absent),
                                  absent.size() == 1 ? "" : "s"),
              .about = "absent " + joined(absent)};
  }
  auto const rest = voters.all.size() - (target->learner ? 0u : 1u);
  auto const up =
      voters.all.size() - voters.down.size() - (target->learner || down(target) ? 0u : 1u);
  if (rest == 0 || up < rest / 2 + 1)
    return {.note = "it stays, since the others would have no quorum without it",
            .about = "quorum"};
  auto const why = fmt::format("the tags of all volumes list {} alone", in_words(tags.listed()));
  if (target->id != in.etcd.own.member_id)
    return {RemoveMember{target->id, name_of(*target), why, !target->learner}, ""};
  for (auto const* each : voters.all)
    if (each != target && is_wanted(*each, in, tags))
      return {MoveLeader{each->id, name_of(*each), why}, ""};
  return {.note = "no member that stays votes yet", .about = "voters"};
}

}  // namespace

MembersChange reconfigure(MemberInputs const& in) {
  if (!in.ec2.volumes) return {};
  auto const& list = *in.etcd.own.quorum_list;
  auto const tags = tags_of(in);
  if (tags.state == Tags::State::none) return {};
  if (tags.state == Tags::State::disagree)
    return {
        .note = fmt::format("no member is added or removed while the volumes' tags disagree about "
                            "the members ({}): put them right",
                            tags.words),
        .about = "tags " + tags.words};
  if (!tags.names_known(in)) return {};
  std::vector<EtcdMember const*> leaving;
  for (auto const& member : list)
    if (!is_wanted(member, in, tags)) leaving.push_back(&member);
  std::ranges::sort(leaving, {}, [](auto const* each) { return name_of(*each); });
  if (leaving.empty()) {
    auto const absent = absent_of(in, tags, list);
    if (absent.empty()) return {};
    return {.note = fmt::format(
                "{} {} listed by the tags and not yet {}: start the master{}, each adds "
                "itself",
                in_words(absent), absent.size() == 1 ? "is" : "are",
                absent.size() == 1 ? "a member" : "members", absent.size() == 1 ? "" : "s"),
            .about = "absent " + joined(absent)};
  }
  std::vector<std::string> names;
  for (auto const* each : leaving) names.push_back(name_of(*each));
  auto const who =
      fmt::format("the tags of all volumes list {} alone, so {} {} to go", in_words(tags.listed()),
                  in_words(names), names.size() == 1 ? "is" : "are");
  bool const leads = in.etcd.own.leader_id == in.etcd.own.member_id;
  auto held = [&](std::string_view held_by, std::string const& why) {
    return MembersChange{.note = fmt::format("{}; {}", who, why),
                         .watch_tags = leads,
                         .about = fmt::format("leaving {}: {}", joined(names), held_by)};
  };
  if (auto count = check_member_count(tags.wanted.size()); !count)
    return held("count",
                fmt::format("they stay: {}: put the tags right", count.error().message.sentence()));
  if (tags.state == Tags::State::partial)
    return held("volumes " + joined(tags.without_volume),
                fmt::format("not before {} {} a volume: see why EC2 shows none",
                            in_words(tags.without_volume),
                            tags.without_volume.size() == 1 ? "has" : "have"));
  if (!leads)
    return held("leader",
                "the agent of etcd's leader takes one out after the other: nothing to do");
  if (in.ec2.tags_agree_for < in.ec2.tags_settle)
    return held("settling",
                fmt::format("nothing to do: it is taken out once EC2 has said so for {}",
                            to_words(in.ec2.tags_settle)));
  auto change = take_out(in, tags, list, leaving);
  if (!change.move) return held(change.about, change.note);
  if (is_stale(in)) return {ask_ec2(in), ""};
  return change;
}

std::optional<Decision> evict_silent_learner(MemberInputs const& in) {
  if (in.etcd.own.leader_id != in.etcd.own.member_id ||
      in.others.learner_still < 2 * in.others.learner_patience)
    return std::nullopt;
  for (auto const& member : *in.etcd.own.quorum_list) {
    if (!member.learner || is_well(member.id, in)) continue;
    return RemoveMember{member.id, name_of(member),
                        fmt::format("it is a learner that has been silent for {}, and others "
                                    "cannot join before it",
                                    to_words(2 * in.others.learner_patience))};
  }
  return std::nullopt;
}

}  // namespace haagent::bootstrap
