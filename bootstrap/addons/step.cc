#include "bootstrap/addons/step.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "agent/base/messages.h"
#include "agent/base/sha256.h"

namespace haagent::bootstrap::addons {
namespace {

using namespace std::chrono_literals;

// What keeps add-ons from being as they should be: the worst first.
bool is_trouble(AddonState state) {
  return state == AddonState::failed || state == AddonState::rejected ||
         state == AddonState::conflicted || state == AddonState::held_back ||
         state == AddonState::waiting;
}

// What tells one act from the next: an act that changed nothing is seen by it.
std::string subject_of(AddonsView const& view) {
  std::string text;
  for (auto const& each : view.views) {
    if (!each.plan.is_work()) continue;
    text += each.set.name + each.set.claim.digest;
    if (each.recorded) text += each.recorded->resource_version;
    for (auto const i : each.plan.apply)
      text += to_string(each.set.objects[i].id) + each.seen[i].resource_version;
    for (auto const& entry : each.plan.prune) text += entry.uid;
  }
  return sha256_hex(text).substr(0, 12);
}

Finding settled(AddonsView const& view) {
  std::vector<AddonSummary const*> troubles;
  std::size_t objects = 0;
  std::size_t on = 0;
  for (auto const& each : view.summaries) {
    if (is_trouble(each.state)) troubles.push_back(&each);
    objects += each.objects;
    on += each.state != AddonState::off;
  }
  if (troubles.empty())
    return Done{Message(Reason::AddonsInSync,
                        fmt::format("all is as it should be: {} object{} of {} add-on{}", objects,
                                    objects == 1 ? "" : "s", on, on == 1 ? "" : "s"))};
  std::ranges::stable_sort(troubles, std::ranges::greater(), &AddonSummary::state);
  std::vector<Message> messages;
  for (auto const* each : troubles) messages.push_back(each->message);
  bool const soon = std::ranges::any_of(
      troubles, [](auto const* each) { return each->state == AddonState::waiting; });
  return Done{together(messages), soon ? std::optional<Duration>(5s) : std::nullopt};
}

}  // namespace

Result<AddonsView> AddonsLook::look(Identity const& identity, std::stop_token stop) {
  auto inventories = TRY(engine_.inventories(stop));
  std::set<std::string> in_cluster;
  for (auto const& [name, inventory] : inventories) in_cluster.insert(name);
  auto const now = clock_.steady();
  if (!asked_store_ || now - *asked_store_ >= pace_.between) {
    asked_store_ = now;
    sources_.ask_store(stop);
  }
  auto wanted = sources_.gather(identity, in_cluster, stop);

  Claims earlier;
  auto const file = root_(kClaimsFile);
  auto const bytes = TRY(read_file(file));
  // If the record cannot be read, this master writes a new one, in which every add-on starts now.
  if (auto read = bytes ? read_claims(*bytes) : Result<Claims>()) earlier = *std::move(read);

  AddonsView view;
  // What cannot be read now is remembered as it was.
  view.claims = earlier;
  for (auto& [set, trouble] : wanted) {
    if (auto const found = inventories.find(set.name);
        !trouble && found != inventories.end() && !found->second)
      trouble = Message(Reason::AddonInventoryInvalid,
                        fmt::format("{}: the ConfigMap {}/{}: {}", set.name, kInventoryNamespace,
                                    inventory_name(set.name), found->second.error().message.text))
                    .about(set.name);
    if (trouble) {
      view.summaries.push_back(summary_of(set, *std::move(trouble)));
      continue;
    }
    set.claim = view.claims[set.name] = dated(set.claim, earlier, set.name, clock_.utc());
    std::optional<Inventory> recorded;
    if (auto const found = inventories.find(set.name); found != inventories.end())
      recorded = *found->second;
    if (set.claim.origin == Origin::gone && recorded && !recorded->entries.empty() &&
        clock_.utc() - set.claim.since < pace_.gone_for) {
      view.summaries.push_back(summary_of(
          set,
          Message(Reason::AddonWaiting,
                  fmt::format("{}: no source has it; it is deleted where that stays so", set.name))
              .about(set.name)));
      view.summaries.back().state = AddonState::waiting;
      continue;
    }
    view.views.push_back(TRY(engine_.look(std::move(set), std::move(recorded), stop)));
    view.summaries.push_back(summary_of(view.views.back()));
  }
  std::ranges::sort(view.summaries, {}, &AddonSummary::name);
  view.claims_are_new = !bytes || claims_text(view.claims) != *bytes;
  return view;
}

std::vector<AddonFacts> AddonsLook::facts_of(AddonsView const& view,
                                             std::vector<AddonFacts> const& before) const {
  std::vector<AddonFacts> all;
  for (auto const& each : view.summaries) {
    AddonFacts facts{.name = each.name,
                     .state = std::string(to_string(each.state)),
                     .objects = each.objects,
                     .drifted = each.drifted,
                     .conflicted = each.conflicts.size(),
                     .rejected = each.rejected,
                     .in_sync = {}};
    if (each.state == AddonState::in_sync)
      facts.in_sync = clock_.utc();
    else if (auto const earlier = std::ranges::find(before, each.name, &AddonFacts::name);
             earlier != before.end())
      facts.in_sync = earlier->in_sync;
    all.push_back(std::move(facts));
  }
  return all;
}

Result<void> AddonsLook::carry_out(AddonsView const& view, std::stop_token stop) {
  // First: who dies in between has wanted it since then.
  if (view.claims_are_new) {
    auto const file = root_(kClaimsFile);
    TRY(make_directories(file.parent_path()));
    TRY(replace_file(file, claims_text(view.claims), {.mode = 0600}));
  }
  std::optional<Error> first;
  for (auto const& each : view.views) {
    if (!each.plan.is_work()) continue;
    auto const done = engine_.carry_out(each, stop);
    // One add-on keeps no other from its part.
    if (!done && !first) first = done.error().during(each.set.name);
  }
  if (first) return std::unexpected(*std::move(first));
  return {};
}

Result<Finding> AddonsStep::look(Facts& facts, std::stop_token stop) {
  auto const identity = TRY(facts.identity.require("identity"));
  auto found = look_.look(identity, std::move(stop));
  if (!found)
    return Done{Message(Reason::AddonsAwaitApiserver,
                        "the apiserver does not answer which objects of the add-ons exist")
                    .because_of(found.error().message),
                5s};
  facts.addons.set(look_.facts_of(*found, facts.addons.get().value_or(std::vector<AddonFacts>())));
  bool const is_work =
      std::ranges::any_of(found->views, [](AddonView const& each) { return each.plan.is_work(); });
  if (!is_work && !found->claims_are_new) return settled(*found);
  std::vector<std::string> work;
  for (auto const& each : found->views)
    if (each.plan.is_work()) work.push_back(work_of(each));
  if (work.empty()) work.emplace_back("record since when this master wants its add-ons so");
  auto message = Message(Reason::AddonDrifted, fmt::format("{}", fmt::join(work, "; ")))
                     .about(subject_of(*found));
  auto const view = std::make_shared<AddonsView>(*std::move(found));
  return Needed{std::move(message), [this, view](std::stop_token asked) {
                  return look_.carry_out(*view, std::move(asked));
                }};
}

}  // namespace haagent::bootstrap::addons
