#include "bootstrap/addons/plan.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

namespace haagent::bootstrap::addons {
namespace {

std::vector<unsigned> numbers_of(std::string_view text) {
  std::vector<unsigned> numbers;
  while (true) {
    auto const begin = text.find_first_of("0123456789");
    if (begin == text.npos) return numbers;
    unsigned number = 0;
    auto const [end, error] =
        std::from_chars(text.data() + begin, text.data() + text.size(), number);
    numbers.push_back(error == std::errc() ? number : ~0u);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

// Both come with a package, or would.
bool is_of_a_package(Origin origin) {
  return origin == Origin::built_in || origin == Origin::packaged || origin == Origin::gone;
}

bool is_settled_with(Seen const& seen) {
  return seen.sight == Sight::in_sync || seen.sight == Sight::conflicted;
}

// Whether it is applied now, or has to wait for what it needs.
bool may_apply(WantedObject const& wanted, std::vector<WantedObject> const& all,
               std::vector<Seen> const& seen) {
  if (turn_of(wanted.id) != Turn::hooks) return true;
  // What answers a webhook comes before it: a hook that nobody answers would stop the rest.
  for (std::size_t i = 0; i < all.size(); ++i)
    if (turn_of(all[i].id) != Turn::hooks && seen[i].sight != Sight::absent &&
        seen[i].sight != Sight::differs && !is_settled_with(seen[i]))
      return false;
  return true;
}

}  // namespace

std::strong_ordering compare_versions(std::string_view one, std::string_view other) {
  return numbers_of(one) <=> numbers_of(other);
}

Standing decide_standing(std::optional<Claim> const& recorded, Claim const& mine) {
  if (!recorded) return Standing::take;
  bool const have_versions = is_of_a_package(recorded->origin) && is_of_a_package(mine.origin) &&
                             !recorded->version.empty() && !mine.version.empty();
  auto const version = have_versions ? compare_versions(mine.version, recorded->version)
                                     : std::strong_ordering::equal;
  if (recorded->digest == mine.digest) {
    // The same content under a newer version keeps older ones away from then on.
    bool const is_news = version > 0 || (version == 0 && recorded->origin != mine.origin &&
                                         mine.since > recorded->since);
    return is_news ? Standing::take : Standing::same;
  }
  if (version != 0) return version > 0 ? Standing::take : Standing::held_back;
  return mine.since > recorded->since ? Standing::take : Standing::held_back;
}

std::vector<InventoryEntry> recorded_and_unwanted(std::vector<WantedObject> const& wanted,
                                                  std::optional<Inventory> const& recorded) {
  std::vector<InventoryEntry> unwanted;
  if (!recorded) return unwanted;
  std::set<ObjectId> ids;
  for (auto const& each : wanted) ids.insert(each.id);
  for (auto const& entry : recorded->entries)
    if (!ids.contains(entry.id) && !is_namespace(entry.id) && !is_definition(entry.id))
      unwanted.push_back(entry);
  return unwanted;
}

Plan plan(std::string const& addon, Claim const& mine, std::vector<WantedObject> const& wanted,
          std::vector<Seen> const& seen, std::optional<Inventory> const& recorded,
          std::vector<Left> const& left) {
  Plan plan;
  if (!recorded && wanted.empty()) return plan;
  plan.standing = decide_standing(recorded ? std::optional(recorded->claim) : std::nullopt, mine);
  if (plan.standing == Standing::held_back) return plan;

  Inventory record{.addon = addon,
                   .claim = plan.standing == Standing::take ? mine : recorded->claim,
                   .entries = {},
                   .resource_version = recorded ? recorded->resource_version : ""};
  std::set<std::string> uids;
  bool all_there = true;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto const& [object, sight] = std::tie(wanted[i], seen[i].sight);
    if (!seen[i].uid.empty()) uids.insert(seen[i].uid);
    all_there = all_there && is_settled_with(seen[i]) &&
                (!is_definition(object.id) || seen[i].is_established);
    bool const is_due = sight == Sight::absent || sight == Sight::differs;
    if (is_due && may_apply(object, wanted, seen))
      plan.apply.push_back(i);
    else if (is_due || sight == Sight::unserved || sight == Sight::deleting)
      plan.wait.push_back(i);
    if (object.mode == Mode::ensure_exists) continue;
    // What somebody else has made and haagent has never applied is not its to delete later.
    bool const is_anothers = !seen[i].uid.empty() && !seen[i].is_ours && !is_due;
    if (is_anothers) continue;
    InventoryEntry entry{
        .id = object.id, .version = object.version, .uid = seen[i].is_ours ? seen[i].uid : ""};
    // Of what cannot be seen now, what was known.
    if (sight == Sight::unknown && seen[i].uid.empty() && recorded)
      if (auto const was = std::ranges::find(recorded->entries, object.id, &InventoryEntry::id);
          was != recorded->entries.end())
        entry.uid = was->uid;
    record.entries.push_back(std::move(entry));
  }
  std::ranges::stable_sort(plan.apply, {}, [&](auto i) { return turn_of(wanted[i].id); });

  for (auto const& [entry, remains] : left) {
    if (remains == Remains::gone || remains == Remains::somebody_elses) continue;
    // One object under two names: a kind that has moved to another group.
    if (uids.contains(entry.uid)) continue;
    record.entries.push_back(entry);
    if (remains == Remains::ours && all_there) plan.prune.push_back(entry);
  }
  std::ranges::sort(record.entries);
  std::ranges::stable_sort(plan.prune, std::ranges::greater(),
                           [](auto const& entry) { return turn_of(entry.id); });
  if (!recorded || recorded->claim != record.claim || recorded->entries != record.entries)
    plan.record = std::move(record);
  return plan;
}

}  // namespace haagent::bootstrap::addons
