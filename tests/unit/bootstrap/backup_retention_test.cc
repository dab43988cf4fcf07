#include "bootstrap/etcd/backup_retention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

UtcTime const kNow = *parse_rfc3339("2026-06-15T10:20:00Z");

BackupEntry backup(Duration age, bool manifest = true, bool data = true) {
  auto const created = std::chrono::floor<std::chrono::milliseconds>(kNow - age);
  return {.name = backup_name(created, "etcd-a"),
          .created = created,
          .has_manifest = manifest,
          .has_data = data,
          .data_size = 1,
          .modified = created};
}

BackupInventory of(std::vector<BackupEntry> entries) {
  std::ranges::sort(entries, {}, &BackupEntry::name);
  return {.entries = std::move(entries), .strangers = {}};
}

std::set<std::string> names(std::vector<BackupRemoval> const& removals) {
  std::set<std::string> all;
  for (auto const& removal : removals) all.insert(removal.name);
  return all;
}

EtcdBackupConfig const kFew{.keep_for = 90 * 24h, .keep_at_least = 1};

TEST(BackupRetention, ThinsToHoursAfterADayAndToDaysAfterAWeek) {
  std::vector<BackupEntry> entries;
  for (auto age = 0h; age < 100 * 24h; age += 1h)
    for (auto minutes : {5min, 20min, 35min, 50min}) entries.push_back(backup(age + minutes));
  auto const inventory = of(entries);
  auto const gone = names(backups_to_remove(inventory, inventory.entries.back().name, kFew, kNow));
  std::map<std::string, int> kept;
  for (auto const& entry : inventory.entries) {
    if (gone.contains(entry.name)) continue;
    auto const age = kNow - entry.created;
    EXPECT_LE(age, 90 * 24h);
    ++kept[age <= 24h ? "all" : age <= 7 * 24h ? "hourly" : "daily"];
  }
  EXPECT_EQ(kept["all"], 24 * 4);
  EXPECT_NEAR(kept["hourly"], 6 * 24, 2);
  EXPECT_NEAR(kept["daily"], 83, 2);
}

// What is kept once is kept until its class ends: a run later does not pick another of its hour.
TEST(BackupRetention, IsStable) {
  std::vector<BackupEntry> entries;
  for (auto age = 0min; age < 20 * 24h; age += 15min) entries.push_back(backup(age));
  auto inventory = of(entries);
  auto const newest = inventory.entries.back().name;
  auto const first = names(backups_to_remove(inventory, newest, kFew, kNow));
  std::erase_if(inventory.entries, [&](auto const& entry) { return first.contains(entry.name); });
  EXPECT_TRUE(backups_to_remove(inventory, newest, kFew, kNow).empty());
}

TEST(BackupRetention, TheNewestGoodOneStaysHoweverOld) {
  auto const inventory = of({backup(400 * 24h), backup(300 * 24h), backup(200 * 24h)});
  EXPECT_EQ(names(backups_to_remove(inventory, inventory.entries[1].name, kFew, kNow)),
            std::set<std::string>{inventory.entries[0].name});
}

TEST(BackupRetention, WithoutAGoodOneNothingGoes) {
  auto const inventory = of({backup(400 * 24h), backup(300 * 24h), backup(200 * 24h)});
  EXPECT_TRUE(backups_to_remove(inventory, std::nullopt, kFew, kNow).empty());
  EXPECT_TRUE(backups_to_remove(inventory, "20200101T000000.000Z-gone", kFew, kNow).empty());
}

TEST(BackupRetention, CountOutweighsAge) {
  auto const inventory = of({backup(400 * 24h), backup(300 * 24h), backup(200 * 24h)});
  auto config = kFew;
  config.keep_at_least = 2;
  EXPECT_EQ(names(backups_to_remove(inventory, inventory.entries[2].name, config, kNow)),
            std::set<std::string>{inventory.entries[0].name});
}

TEST(BackupRetention, LeftoversGoAfterADayAndManifestsAloneStay) {
  auto young = backup(2h, /*manifest=*/false);
  auto old = backup(25h, /*manifest=*/false);
  auto written_late = backup(30h, /*manifest=*/false);
  written_late.modified = kNow - 1h;
  auto alone = backup(500 * 24h, /*manifest=*/true, /*data=*/false);
  EXPECT_EQ(
      names(backups_to_remove(of({young, old, written_late, alone}), std::nullopt, kFew, kNow)),
      std::set<std::string>{old.name});
}

TEST(BackupRetention, WhateverTheSettingsAGoodOneIsLeft) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    auto below = [&](unsigned n) { return random() % n; };
    std::vector<BackupEntry> entries;
    for (unsigned i = below(60); i > 0; --i)
      entries.push_back(
          backup(std::chrono::minutes(below(200 * 24 * 60)) - 60min, below(5) != 0, below(6) != 0));
    std::ranges::sort(entries, {}, &BackupEntry::name);
    auto const twice = std::ranges::unique(entries, {}, &BackupEntry::name);
    entries.erase(twice.begin(), twice.end());
    auto const inventory = of(entries);
    std::vector<std::string> complete;
    for (auto const& entry : inventory.entries)
      if (entry.complete()) complete.push_back(entry.name);
    std::optional<std::string> good;
    if (!complete.empty() && below(4) != 0) good = complete[below(unsigned(complete.size()))];
    EtcdBackupConfig const config{.keep_for = std::chrono::hours(below(24 * 100)),
                                  .keep_at_least = static_cast<unsigned>(below(12))};
    auto const gone = names(backups_to_remove(inventory, good, config, kNow));
    for (auto const& entry : inventory.entries) {
      if (!gone.contains(entry.name)) continue;
      if (entry.complete()) {
        ASSERT_TRUE(good) << "seed " << seed;
        EXPECT_LT(entry.name, *good) << "seed " << seed;
      } else {
        EXPECT_FALSE(entry.has_manifest) << "seed " << seed;
        EXPECT_GT(kNow - entry.created, 24h) << "seed " << seed;
      }
    }
    auto const kept =
        std::ranges::count_if(complete, [&](auto& name) { return !gone.contains(name); });
    EXPECT_GE(kept, std::min<long>(long(config.keep_at_least), long(complete.size()))) << seed;
  }
}

}  // namespace
}  // namespace haagent::bootstrap
