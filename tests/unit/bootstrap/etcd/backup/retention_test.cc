#include "bootstrap/etcd/backup/backup_retention.h"

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
          .stored = created};
}

BackupInventory of(std::vector<BackupEntry> entries) {
  std::ranges::sort(entries, {}, &BackupEntry::stored);
  return {.entries = std::move(entries), .strangers = {}};
}

std::set<std::string> names(BackupSweep const& sweep) {
  std::set<std::string> all;
  for (auto const& removal : sweep.removals) all.insert(removal.name);
  return all;
}

// What goes in the end: sweep after sweep, at one moment.
std::set<std::string> names_of_all(BackupInventory inventory,
                                   std::optional<std::string> const& good,
                                   EtcdBackupConfig const& config, UtcTime now) {
  std::set<std::string> all;
  for (;;) {
    auto const some = names(backups_to_remove(inventory, good, config, now));
    if (some.empty()) return all;
    all.insert(some.begin(), some.end());
    std::erase_if(inventory.entries, [&](auto const& entry) { return some.contains(entry.name); });
  }
}

EtcdBackupConfig const kFew{.keep_for = 90 * 24h, .keep_at_least = 1};

TEST(BackupRetention, ThinsToHoursAfterADayAndToDaysAfterAWeek) {
  std::vector<BackupEntry> entries;
  for (auto age = 0h; age < 100 * 24h; age += 1h)
    for (auto minutes : {5min, 20min, 35min, 50min}) entries.push_back(backup(age + minutes));
  auto const inventory = of(entries);
  auto const gone = names_of_all(inventory, inventory.entries.back().name, kFew, kNow);
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
  auto const first = names_of_all(inventory, newest, kFew, kNow);
  std::erase_if(inventory.entries, [&](auto const& entry) { return first.contains(entry.name); });
  EXPECT_TRUE(names(backups_to_remove(inventory, newest, kFew, kNow)).empty());
}

TEST(BackupRetention, TheNewestGoodOneStaysHoweverOld) {
  auto const inventory = of({backup(400 * 24h), backup(300 * 24h), backup(200 * 24h)});
  EXPECT_EQ(names(backups_to_remove(inventory, inventory.entries[1].name, kFew, kNow)),
            std::set<std::string>{inventory.entries[0].name});
}

TEST(BackupRetention, WithoutAGoodOneNothingGoes) {
  auto const inventory = of({backup(400 * 24h), backup(300 * 24h), backup(200 * 24h)});
  EXPECT_TRUE(names(backups_to_remove(inventory, std::nullopt, kFew, kNow)).empty());
  EXPECT_TRUE(names(backups_to_remove(inventory, "20200101T000000.000Z-gone", kFew, kNow)).empty());
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
  written_late.stored = kNow - 1h;
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
          backup(std::chrono::minutes(below(200 * 24 * 60)), below(5) != 0, below(6) != 0));
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
    auto const gone = names_of_all(inventory, good, config, kNow);
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

// A clock two years ahead took 311 of 321 backups in one sweep.
TEST(BackupRetentionClock, ASweepTakesASmallShareAndSaysWhatItLeaves) {
  std::vector<BackupEntry> entries;
  for (auto age = 1h; age <= 321h; age += 1h) entries.push_back(backup(age));
  auto const inventory = of(entries);
  auto const newest = inventory.entries.back().name;
  auto const sweep = backups_to_remove(inventory, newest, kFew, kNow + 2 * 365 * 24h);
  EXPECT_EQ(sweep.removals.size(), 16u);
  EXPECT_EQ(sweep.held_back, 321u - 1 - 16);
  EXPECT_EQ(sweep.removals.front().name, inventory.entries.front().name) << "the oldest first";
  EXPECT_EQ(most_of_a_sweep(0), 2u);
  EXPECT_EQ(most_of_a_sweep(59), 2u);
  EXPECT_EQ(most_of_a_sweep(60), 3u);
}

TEST(BackupRetentionClock, WhatWasNamedAheadAgesFromWhenItWasStored) {
  auto ahead = backup(100 * 24h);
  ahead.created = kNow + 2 * 365 * 24h;
  ahead.name = backup_name(ahead.created, "etcd-b");
  auto const inventory = of({ahead, backup(2h), backup(1h)});
  EXPECT_EQ(names(backups_to_remove(inventory, inventory.entries.back().name, kFew, kNow)),
            std::set<std::string>{ahead.name});
  EXPECT_EQ(age_of_newest(inventory, kNow), Duration(1h));
  EXPECT_EQ(inventory.newest()->name, inventory.entries.back().name);
}

TEST(BackupRetentionClock, WhatWasNamedBehindIsNotOldForIt) {
  auto behind = backup(3h);
  behind.created = *parse_rfc3339("1999-12-31T23:00:00Z");
  behind.name = backup_name(behind.created, "etcd-b");
  auto const inventory = of({behind, backup(2h), backup(1h)});
  EXPECT_TRUE(
      names(backups_to_remove(inventory, inventory.entries.back().name, kFew, kNow)).empty());
}

// `aws s3 sync` to another bucket: everything was stored on one day.
TEST(BackupRetentionClock, ACopyOfAStoreLosesNothingThatTheFirstWouldKeep) {
  std::vector<BackupEntry> first;
  for (auto age = 31h; age < 80 * 24h; age += 1h) first.push_back(backup(age));
  auto const original = of(first);
  auto const newest = original.entries.back().name;
  auto const gone = names_of_all(original, newest, kFew, kNow);
  auto copy = original;
  auto stored = kNow - 30h;
  for (auto& entry : copy.entries) entry.stored = stored += 100ms;
  for (auto const& name : names_of_all(copy, newest, kFew, kNow))
    EXPECT_TRUE(gone.contains(name)) << name;
}

TEST(BackupRetentionClock, AStoreThatContradictsItselfLosesNothing) {
  auto future = backup(-1h);
  auto const inventory = of({backup(400 * 24h), backup(300 * 24h), backup(1h), future});
  auto const sweep = backups_to_remove(inventory, future.name, kFew, kNow);
  EXPECT_TRUE(sweep.removals.empty());
  EXPECT_NE(sweep.why_none, "");
  EXPECT_EQ(age_of_newest(inventory, kNow), Duration(1h)) << "it silences nothing either";
  EXPECT_FALSE(age_of_newest(of({future}), kNow));
}

}  // namespace
}  // namespace haagent::bootstrap
