#include "bootstrap/etcd/backup_retention.h"

#include <algorithm>
#include <set>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAllOf = 24h;
constexpr Duration kHourlyOf = 7 * 24h;
constexpr Duration kLeftoverAge = 24h;

}  // namespace

std::vector<BackupRemoval> backups_to_remove(BackupInventory const& inventory,
                                             std::optional<std::string> const& newest_good,
                                             EtcdBackupConfig const& config, UtcTime now) {
  std::vector<BackupRemoval> removals;
  auto const* good = newest_good ? inventory.find(*newest_good) : nullptr;

  std::uint64_t complete = 0;
  for (auto const& entry : inventory.entries) complete += entry.complete() ? 1 : 0;
  std::uint64_t older = complete;  // complete ones from here on, this one included
  // Oldest first: the first of an hour or a day stays, so that what is kept once is kept on.
  std::set<std::chrono::sys_time<std::chrono::hours>> hours;
  std::set<std::chrono::sys_days> days;
  for (auto const& entry : inventory.entries) {
    if (!entry.complete()) {
      // A manifest without its snapshot is told, and left: who took the snapshot may put it back.
      if (entry.has_data && now - std::max(entry.modified, entry.created) > kLeftoverAge)
        removals.push_back({entry.name, "an upload that was never finished"});
      continue;
    }
    bool const among_newest = older-- <= config.keep_at_least;
    if (!good || among_newest || entry.name >= good->name) continue;
    auto const age = now - entry.created;
    if (age <= kAllOf && age <= config.keep_for) continue;
    if (age > config.keep_for) {
      removals.push_back(
          {entry.name, fmt::format("older than {} h", config.keep_for / std::chrono::hours(1))});
      continue;
    }
    bool const first =
        age <= kHourlyOf
            ? hours.insert(std::chrono::floor<std::chrono::hours>(entry.created)).second
            : days.insert(std::chrono::floor<std::chrono::days>(entry.created)).second;
    if (!first)
      removals.push_back(
          {entry.name, age <= kHourlyOf ? "one an hour is kept" : "one a day is kept"});
  }
  return removals;
}

}  // namespace haagent::bootstrap
