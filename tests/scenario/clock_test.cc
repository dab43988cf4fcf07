// A master whose own clock is wrong, in a world whose time is the state store's: ahead, behind, and
// set while it works. What it must not do, and that it comes back.
#include <gtest/gtest.h>

#include "agent/boot/clock_step.h"
#include "tests/scenario/backup_world.h"

namespace haagent::scenario {
namespace {

// Hours, days and years, both ways.
constexpr Duration kWrong[] = {Duration(5min),  Duration(26h),  Duration(17'520h),
                               Duration(-5min), Duration(-26h), Duration(-17'520h)};

std::string names_of(BackupWorld const& world) {
  std::string names;
  for (auto const& [key, bytes] : world.memory.objects()) names += key + "\n";
  return names;
}

// A backup of another master, as an older haagent has left it: named by that machine's clock.
void add_named(BackupWorld& world, UtcTime named, UtcTime stored, std::uint64_t revision) {
  std::string const database(4096, 'd');
  auto const bytes = database + sha256(database);
  auto const name = bootstrap::backup_name(std::chrono::floor<Duration>(named), "etcd-b");
  bootstrap::BackupManifest const manifest{.name = name,
                                           .cluster = "prod.example.com",
                                           .cluster_id = "7",
                                           .member = "etcd-b",
                                           .revision = revision,
                                           .size = bytes.size(),
                                           .sha256 = sha256_hex(bytes),
                                           .etcd_version = "3.5.33",
                                           .haagent_version = "0.0.1",
                                           .created_at = std::chrono::floor<Duration>(named),
                                           .verified_at = std::chrono::floor<Duration>(named)};
  world.memory.put_at(stored, bootstrap::backup_data_key(EtcdCluster::main, name), bytes);
  world.memory.put_at(stored, bootstrap::backup_manifest_key(EtcdCluster::main, name),
                      bootstrap::manifest_json(manifest));
}

TEST(BackupClock, AWrongClockTakesAndSweepsNothingAndComesBack) {
  for (auto const ahead : kWrong) {
    SCOPED_TRACE(ahead.count());
    BackupWorld world;
    world.live({});
    world.clock.advance(48h);  // one is due, and the next sweep would take the first
    auto const before = names_of(world);
    world.own.set_ahead(ahead);
    world.live({});
    EXPECT_EQ(names_of(world), before);
    Backups backups(EtcdCluster::main, world.parts());
    EXPECT_FALSE(backups.take("http://127.0.0.1:2379", bootstrap::BackupReason::manual, {}));
    EXPECT_FALSE(backups.sweep({}));
    EXPECT_EQ(names_of(world), before);
    world.own.set_ahead(0min);
    world.live({});
    EXPECT_EQ(world.good().size(), 1u) << "the new one; the old one was swept";
    EXPECT_NE(names_of(world), before);
  }
}

TEST(BackupClock, WhatIsDueAndNotTakenIsAnErrorAndWhatIsNotDueIsNone) {
  BackupWorld world;
  world.live({});
  bootstrap::BackupStep step(EtcdCluster::main, world.parts());
  Facts facts;
  ASSERT_TRUE(step.look(facts, {}));
  world.own.set_ahead(26h);
  auto const young = step.look(facts, {});
  ASSERT_TRUE(young);
  EXPECT_TRUE(std::holds_alternative<Done>(*young)) << "another machine's clock is right";
  world.clock.advance(48h);
  auto const due = step.look(facts, {});
  ASSERT_FALSE(due);
  EXPECT_TRUE(due.error().message.text.contains("26 h")) << due.error().message.text;
  world.own.set_ahead(0h);
  auto const again = step.look(facts, {});
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::holds_alternative<Needed>(*again));
}

// The clock is set while an agent works: what it goes by does not move.
TEST(BackupClock, StepsOfTheOwnClockMakeNoBackupDue) {
  BackupWorld world;
  world.live({});
  bootstrap::BackupStep step(EtcdCluster::main, world.parts());
  Facts facts;
  ASSERT_TRUE(step.look(facts, {}));
  for (auto const ahead : {90s, -90s, 60s, -60s, 0s}) {
    world.own.set_ahead(ahead);
    auto const found = step.look(facts, {});
    ASSERT_TRUE(found);
    EXPECT_TRUE(std::holds_alternative<Done>(*found)) << sentence_of(*found);
  }
}

// One backup dated in the future silenced all backups until that time.
TEST(BackupClock, AManifestFromTheFutureSilencesNothing) {
  for (auto const ahead : {Duration(26h), Duration(17'520h)}) {
    BackupWorld world;
    add_named(world, world.clock.utc() + ahead, world.clock.utc(), 4);
    world.live({});
    EXPECT_EQ(world.good().size(), 1u) << "it is young, whatever its name says";
    world.clock.advance(1h);
    world.live({});
    auto const good = world.list().backups;
    ASSERT_EQ(good.size(), 2u) << "and an hour old an hour later";
    Facts facts;
    bootstrap::BackupStep step(EtcdCluster::main, world.parts());
    ASSERT_TRUE(step.look(facts, {}));
    ASSERT_TRUE(step.look(facts, {}));
    auto const newest = facts.main.backup_duty.get()->newest;
    ASSERT_TRUE(newest);
    EXPECT_LT(std::chrono::abs(world.clock.utc() - *newest), 10min) << "status and metrics too";
    auto const best = Backups(EtcdCluster::main, world.parts()).best({});
    ASSERT_TRUE(best && *best);
    EXPECT_EQ((*best)->member, "etcd-a") << "the higher revision of the same cluster";
  }
}

TEST(RestoreClock, WithoutANameTheHighestRevisionOfTheClusterThatLivedLastIsTaken) {
  BackupWorld world;
  auto const now = world.clock.utc();
  auto best = [&] { return Backups(EtcdCluster::main, world.parts()).best({}).value(); };
  EXPECT_FALSE(best());
  add_named(world, now - 10h, now - 10h, 100);
  add_named(world, now - 8h, now - 8h, 300);
  add_named(world, now - 26 * 8760h, now - 7h, 400);  // by a clock that was behind
  add_named(world, now + 17'520h, now - 9h, 200);     // by one that was ahead
  ASSERT_TRUE(best());
  EXPECT_EQ(best()->revision, 400u);
  EXPECT_LE(best()->created_at, now);
  for (auto const& each : world.list().backups)
    EXPECT_LE(each.manifest->created_at, now) << "what is shown is no time to come";
}

TEST(RestoreClock, AClusterThatCameLaterIsTakenThoughItsRevisionsAreLower) {
  BackupList list;
  UtcTime const now = test::FakeClock().utc();
  auto add = [&](std::string const& id, std::uint64_t revision, UtcTime named, UtcTime stored) {
    bootstrap::BackupManifest manifest{.name = id + std::to_string(revision)};
    manifest.cluster_id = id;
    manifest.revision = revision;
    list.backups.push_back({.entry = {.name = manifest.name, .created = named, .stored = stored},
                            .manifest = manifest,
                            .problem = {}});
  };
  add("a", 900, now - 48h, now - 48h);
  add("b", 20, now - 2h, now - 2h);
  add("b", 10, now - 3h, now - 1h);  // of a member that lagged
  EXPECT_EQ(bootstrap::best_backup(list)->name, "b20");
  // One of the old cluster that its master named after a time to come counts from when it was
  // stored.
  add("a", 901, now + 8760h, now - 47h);
  EXPECT_EQ(bootstrap::best_backup(list)->name, "b20");
  list.backups[1].problem = "its snapshot is gone";
  EXPECT_EQ(bootstrap::best_backup(list)->name, "b10");
}

TEST(ClockRow, IsDegradedWhileTheClockIsWrongAndHoldsNoBootUp) {
  BackupWorld world;
  Facts facts;
  auto const time = std::make_shared<StoreClock>(world.store, world.own);
  ClockStep step(time);
  world.own.set_ahead(26h);
  ASSERT_TRUE(step.look(facts, {})) << "the boot asks nobody";
  EXPECT_FALSE(facts.clock.get()->wrong);
  for (auto const ahead : kWrong) {
    world.own.set_ahead(ahead);
    auto const found = step.look(facts, {});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, Kind::transient) << "it comes back";
    EXPECT_TRUE(facts.clock.get()->wrong);
    EXPECT_EQ(facts.clock.get()->ahead, ahead);
    world.own.set_ahead(0h);
    ASSERT_TRUE(step.look(facts, {}));
    EXPECT_FALSE(facts.clock.get()->wrong);
  }
  world.memory.fail_all(Kind::transient);
  EXPECT_TRUE(step.look(facts, {})) << "that is told by the rows that need the store";
}

}  // namespace
}  // namespace haagent::scenario
