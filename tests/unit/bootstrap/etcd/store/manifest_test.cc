#include "bootstrap/etcd/store/manifest.h"

#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/support/golden.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

UtcTime const kTime = *parse_rfc3339("2026-01-15T10:15:00.123Z");
std::string const kName = "20260115T101500.123Z-etcd-a";

BackupManifest good() {
  return {.name = kName,
          .cluster = "prod.example.com",
          .etcd = EtcdCluster::main,
          .cluster_id = "cdf818194e3a8c32",
          .member = "etcd-a",
          .revision = 9'007'199'254'740'993ull,  // no double holds it
          .total_keys = 7,
          .size = 20512,
          .sha256 = std::string(64, 'a'),
          .etcd_version = "3.5.30",
          .haagent_version = "0.1.0",
          .created_at = kTime,
          .verified_at = kTime + 2s,
          .reason = BackupReason::before_change};
}

TEST(BackupManifest, Golden) {
  EXPECT_TRUE(test::matches_golden("etcd/backup_manifest.json", manifest_json(good())));
}

TEST(BackupManifest, ReadsWhatItWrote) {
  auto again = parse_manifest(kName, manifest_json(good()));
  ASSERT_TRUE(again) << again.error().message.text;
  EXPECT_EQ(*again, good());
  auto without = good();
  without.total_keys.reset();
  without.etcd = EtcdCluster::events;
  EXPECT_EQ(*parse_manifest(kName, manifest_json(without)), without);
}

struct Spoilt {
  std::string what;
  std::function<void(Tree&)> how;
  std::string said;
};
class BackupManifestRefuses : public testing::TestWithParam<Spoilt> {};
TEST_P(BackupManifestRefuses, NamingTheField) {
  auto tree = *json::parse(manifest_json(good()));
  GetParam().how(tree);
  auto parsed = parse_manifest(kName, json::print(tree));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, Kind::invalid);
  EXPECT_TRUE(parsed.error().message.text.contains(GetParam().said)) << parsed.error().message.text;
}
std::vector<Spoilt> const kSpoilt = {
    {"newer", [](Tree& t) { t.set("schema", 2); }, "'schema'"},
    {"no_hash", [](Tree& t) { t.erase("sha256"); }, "'sha256'"},
    {"short_hash", [](Tree& t) { t.set("sha256", "ab"); }, "'sha256'"},
    {"upper_hash", [](Tree& t) { t.set("sha256", std::string(64, 'A')); }, "'sha256'"},
    Spoilt{"no_size", [](Tree& t) { t.erase("size"); }, "'size'"},
    {"negative", [](Tree& t) { t.set("revision", -1); }, "'revision'"},
    {"cluster", [](Tree& t) { t.set("etcd", "logs"); }, "'etcd'"},
    {"reason", [](Tree& t) { t.set("reason", "whim"); }, "'reason'"},
    {"time", [](Tree& t) { t.set("createdAt", "yesterday"); }, "'createdAt'"},
    {"terminal", [](Tree& t) { t.set("member", "\033[2J"); }, "'member'"},
    {"id", [](Tree& t) { t.set("clusterId", "0x12"); }, "'clusterId'"}};
INSTANTIATE_TEST_SUITE_P(Fields, BackupManifestRefuses, testing::ValuesIn(kSpoilt),
                         [](auto const& spoilt) { return spoilt.param.what; });

TEST(BackupName, SortsByTimeAndGivesItBack) {
  EXPECT_EQ(backup_name(kTime, "etcd-a"), kName);
  EXPECT_EQ(backup_time(kName), kTime);
  EXPECT_LT(backup_name(kTime, "etcd-c"), backup_name(kTime + 1ms, "etcd-a"));
  for (auto const* name : {"", "latest", "20260115T101500.123Z", "20260115T101500.123Z-",
                           "20261315T101500.123Z-etcd-a", "2026-0115T101500.12Z-etcd-a",
                           "20260115T101500.123Z-a/b", "20260115T101500.123Z-a b"})
    EXPECT_EQ(backup_time(name), std::nullopt) << name;
}

TEST(BackupInventory, OnlyAManifestMakesABackup) {
  auto const later = backup_name(kTime + 1h, "etcd-b");
  auto const listed = std::vector<StoredEntry>{
      {"backups/main/" + kName + ".db", 20512, kTime},
      {"backups/main/" + kName + ".json", 300, kTime + 1s},
      {"backups/main/" + later + ".db", 10, kTime + 1h},
      {"backups/main/notes.txt", 10, kTime},
      {"backups/events/" + later + ".json", 10, kTime},
  };
  auto const inventory = backup_inventory(EtcdCluster::main, listed);
  ASSERT_EQ(inventory.entries.size(), 2u);
  ASSERT_NE(inventory.newest(), nullptr);
  EXPECT_EQ(inventory.newest()->name, kName);
  EXPECT_EQ(inventory.newest()->data_size, 20512u);
  EXPECT_EQ(inventory.newest()->stored, kTime + 1s);
  EXPECT_FALSE(inventory.find(later)->complete());
  EXPECT_EQ(inventory.strangers, (std::vector<std::string>{"backups/main/notes.txt",
                                                           "backups/events/" + later + ".json"}));
}

}  // namespace
}  // namespace haagent::bootstrap
