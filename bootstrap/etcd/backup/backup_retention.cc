#include "bootstrap/etcd/backup/backup_retention.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/base/store_clock.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAllOf = 24h;
constexpr Duration kHourlyOf = 7 * 24h;
constexpr Duration kLeftoverAge = 24h;

// Of these, oldest first by the times given, those whose class is over; and why.
std::map<std::string_view, std::string> outlived(std::vector<BackupEntry const*> entries,
                                                 UtcTime (*time)(BackupEntry const&),
                                                 EtcdBackupConfig const& config, UtcTime now) {
  std::ranges::stable_sort(entries, {}, [&](BackupEntry const* entry) { return time(*entry); });
  std::map<std::string_view, std::string> gone;
  // The first of an hour or a day stays, so that what is kept once is kept on.
  std::set<std::chrono::sys_time<std::chrono::hours>> hours;
  std::set<std::chrono::sys_days> days;
  for (auto const* entry : entries) {
    auto const age = now - time(*entry);
    if (age > config.keep_for) {
      gone[entry->name] = fmt::format("older than {} h", config.keep_for / std::chrono::hours(1));
      continue;
    }
    if (age <= kAllOf) continue;
    bool const hourly = age <= kHourlyOf;
    bool const first =
        hourly ? hours.insert(std::chrono::floor<std::chrono::hours>(time(*entry))).second
               : days.insert(std::chrono::floor<std::chrono::days>(time(*entry))).second;
    if (!first) gone[entry->name] = hourly ? "one an hour is kept" : "one a day is kept";
  }
  return gone;
}

}  // namespace

std::size_t most_of_a_sweep(std::size_t complete) {
  return std::max<std::size_t>(2, complete / 20);
}

std::optional<Duration> age_of_newest(BackupInventory const& inventory, UtcTime now) {
  for (auto entry = inventory.entries.rbegin(); entry != inventory.entries.rend(); ++entry)
    if (entry->complete() && !entry->imported() && entry->stored <= now + kStoreDisagrees)
      return std::max(Duration(0), std::chrono::duration_cast<Duration>(now - entry->stored));
  return std::nullopt;
}

BackupSweep backups_to_remove(BackupInventory const& inventory,
                              std::optional<std::string> const& newest_good,
                              EtcdBackupConfig const& config, UtcTime now) {
  auto const from_the_future = std::ranges::count_if(
      inventory.entries,
      [&](BackupEntry const& entry) { return entry.stored > now + kStoreDisagrees; });
  if (from_the_future > 0)
    return {
        .removals = {},
        .held_back = 0,
        .why_none = fmt::format(
            "no old backups are removed: by the state store's own word it is {}, and {} of "
            "them {} stored after that: set the clock of the store, and 'touch' what was stored "
            "while it was wrong",
            to_rfc3339(now), from_the_future, from_the_future == 1 ? "was" : "were")};

  std::vector<BackupEntry const*> complete;  // oldest first
  for (auto const& entry : inventory.entries)
    if (entry.complete() && !entry.imported()) complete.push_back(&entry);
  auto const* good = newest_good ? inventory.find(*newest_good) : nullptr;
  auto const by_stored =
      outlived(complete, [](BackupEntry const& entry) { return entry.stored; }, config, now);
  auto const by_taken =
      outlived(complete, [](BackupEntry const& entry) { return entry.taken(); }, config, now);

  std::vector<BackupRemoval> removals;
  std::vector<BackupRemoval> leftovers;
  std::uint64_t older = complete.size();  // complete ones from here on, this one included
  bool before_good = good != nullptr;
  for (auto const& entry : inventory.entries) {
    if (!entry.complete()) {
      // A manifest without its snapshot is reported, and left: who took the snapshot may put it
      // back.
      if (entry.has_data && now - entry.stored > kLeftoverAge)
        leftovers.push_back({entry.name, "an upload that was never finished"});
      continue;
    }
    if (&entry == good) before_good = false;
    if (entry.imported()) continue;  // who has brought it takes it away
    bool const among_newest = older-- <= config.keep_at_least;
    if (!before_good || among_newest) continue;
    auto const stored = by_stored.find(entry.name);
    auto const taken = by_taken.find(entry.name);
    if (stored != by_stored.end() && taken != by_taken.end())
      removals.push_back({entry.name, stored->second});
  }
  BackupSweep sweep;
  auto const most = most_of_a_sweep(complete.size());
  for (auto* all : {&removals, &leftovers})
    for (auto& removal : *all) {
      if (sweep.removals.size() < most)
        sweep.removals.push_back(std::move(removal));
      else
        ++sweep.held_back;
    }
  return sweep;
}

}  // namespace haagent::bootstrap
