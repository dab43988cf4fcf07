#include "bootstrap/addons/summary.h"

#include <fmt/ranges.h>

namespace haagent::bootstrap::addons {
namespace {

// The places of those that were seen so.
std::vector<std::size_t> seen_as(AddonView const& view, std::initializer_list<Sight> sights) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < view.seen.size(); ++i)
    for (auto const sight : sights)
      if (view.seen[i].sight == sight) places.push_back(i);
  return places;
}

std::string first_of(std::vector<std::string> const& all) {
  return all.size() == 1 ? all.front() : fmt::format("{} and {} more", all.front(), all.size() - 1);
}

std::string names_at(AddonView const& view, std::vector<std::size_t> const& places) {
  std::vector<std::string> names;
  for (auto const i : places) names.push_back(to_string(view.set.objects[i].id));
  return first_of(names);
}

void say(AddonSummary& summary, AddonState state, Reason reason, std::string text) {
  summary.state = state;
  summary.message = Message(reason, fmt::format("{}: {}", summary.name, text)).about(summary.name);
}

std::string why_unseen(AddonView const& view, std::size_t place) {
  auto const& seen = view.seen[place];
  return seen.sight == Sight::unserved   ? "the apiserver does not know its kind"
         : seen.sight == Sight::deleting ? "it is being deleted"
         : seen.text.empty()             ? "it comes after others"
                                         : seen.text;
}

}  // namespace

std::string work_of(AddonView const& view) {
  std::vector<std::string> parts;
  if (!view.plan.apply.empty())
    parts.push_back(fmt::format("apply {}", names_at(view, view.plan.apply)));
  if (!view.plan.prune.empty()) {
    std::vector<std::string> names;
    for (auto const& entry : view.plan.prune) names.push_back(to_string(entry.id));
    parts.push_back(fmt::format("delete {}", first_of(names)));
  }
  if (parts.empty()) parts.emplace_back("record what is there");
  return fmt::format("{} of {}", fmt::join(parts, ", "), view.set.name);
}

AddonSummary summary_of(AddonView const& view) {
  AddonSummary summary{.name = view.set.name,
                       .claim = view.set.claim,
                       .objects = view.set.objects.size(),
                       .message = {},
                       .drifted = view.plan.apply.size() + view.plan.prune.size(),
                       .rejected = seen_as(view, {Sight::rejected}).size()};
  auto const conflicted = seen_as(view, {Sight::conflicted});
  for (auto const i : conflicted)
    summary.conflicts.push_back({view.set.objects[i].id, view.seen[i].conflicts});
  if (view.plan.standing == Standing::held_back) {
    auto const& theirs = view.recorded->claim;
    say(summary, AddonState::held_back, Reason::AddonHeldBack,
        fmt::format("the cluster has content of {}{}, wanted since {}", to_string(theirs.origin),
                    theirs.version.empty() ? "" : " " + theirs.version, to_rfc3339(theirs.since)));
  } else if (auto const rejected = seen_as(view, {Sight::rejected}); !rejected.empty()) {
    say(summary, AddonState::rejected, Reason::AddonRejected,
        fmt::format("{}: {}", names_at(view, rejected), view.seen[rejected.front()].text));
  } else if (!conflicted.empty()) {
    auto const& first = summary.conflicts.front();
    say(summary, AddonState::conflicted, Reason::AddonConflicted,
        fmt::format(
            "{}: {}{}", to_string(first.id), to_string(first.conflicts),
            conflicted.size() == 1 ? "" : fmt::format(", and {} more", conflicted.size() - 1)));
  } else if (view.plan.is_work()) {
    say(summary, AddonState::drifted, Reason::AddonDrifted, work_of(view));
  } else if (auto waits = view.plan.wait;
             !waits.empty() || !seen_as(view, {Sight::unknown}).empty()) {
    if (waits.empty()) waits = seen_as(view, {Sight::unknown});
    say(summary, AddonState::waiting, Reason::AddonWaiting,
        fmt::format("{}: {}", names_at(view, waits), why_unseen(view, waits.front())));
  } else if (view.set.claim.origin == Origin::off || view.set.claim.origin == Origin::gone) {
    say(summary, AddonState::off, Reason::AddonOff,
        view.set.claim.origin == Origin::off ? "the configuration does not want it"
                                             : "no source has it");
  } else {
    say(summary, AddonState::in_sync, Reason::AddonsInSync,
        summary.objects == 1 ? "its object is as it should be"
                             : fmt::format("{} objects are as they should be", summary.objects));
  }
  return summary;
}

AddonSummary summary_of(AddonSet const& set, Message trouble) {
  return {.name = set.name,
          .claim = set.claim,
          .objects = set.objects.size(),
          .state = AddonState::failed,
          .message = std::move(trouble)};
}

}  // namespace haagent::bootstrap::addons
