#include "bootstrap/etcd/backup/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/base/sha256.h"
#include "bootstrap/etcd/disk/bolt.h"
#include "tests/support/bolt_bytes.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using testing::HasSubstr;

class Importing : public testing::Test {
 protected:
  ImportFile file(std::string const& bytes, bool skip = false) {
    test::write_bytes(folder_ / "given.db", bytes);
    return {.path = folder_ / "given.db", .name = "given.db", .skip_hash_check = skip};
  }
  std::string why(std::string const& bytes, bool skip = false) {
    auto const seen = look_at_snapshot(file(bytes, skip));
    if (seen) return "";
    EXPECT_EQ(seen.error().kind, Kind::invalid);
    EXPECT_THAT(seen.error().message.text, HasSubstr("given.db"));
    return seen.error().message.text;
  }
  test::TemporaryDirectory folder_;
  std::string const database_ =
      test::bolt_database({{"cluster", {{"clusterVersion", "3.5.0"}}},
                           {"meta", {{"confState", "x"}, {"storageVersion", "3.6.0"}}}});
};

TEST_F(Importing, ASnapshotIsKnownByItsHashAndSaysItsVersion) {
  auto const seen = look_at_snapshot(file(database_ + sha256(database_)));
  ASSERT_TRUE(seen) << seen.error().message.text;
  EXPECT_TRUE(seen->has_hash);
  EXPECT_EQ(seen->database, database_.size());
  EXPECT_EQ(seen->etcd_version, "3.6.0") << "the later of the two";
  auto const old = test::bolt_database({{"key", {}}});
  EXPECT_EQ(look_at_snapshot(file(old + sha256(old)))->etcd_version, "");
}

TEST_F(Importing, ABareDatabaseIsTakenOnlyOnRequest) {
  EXPECT_THAT(why(database_), HasSubstr("--skip-hash-check"));
  auto const seen = look_at_snapshot(file(database_, /*skip=*/true));
  ASSERT_TRUE(seen) << seen.error().message.text;
  EXPECT_FALSE(seen->has_hash);
  EXPECT_EQ(seen->database, database_.size());
}

TEST_F(Importing, AnotherHashIsTakenOnlyOnRequest) {
  auto bytes = database_ + sha256(database_);
  bytes[3 * 4096 + 2000] = 'x';  // of no page's content
  EXPECT_THAT(why(bytes), HasSubstr("--skip-hash-check"));
  auto const seen = look_at_snapshot(file(bytes, /*skip=*/true));
  ASSERT_TRUE(seen) << seen.error().message.text;
  EXPECT_FALSE(seen->has_hash);
  EXPECT_EQ(seen->database, database_.size());
}

TEST_F(Importing, WhatIsCutOffIsNotTakenOnRequestEither) {
  auto const whole = database_ + sha256(database_);
  for (auto const length : {std::size_t{100}, std::size_t{4096}, std::size_t{8192},
                            whole.size() - 4096, whole.size() - 33, whole.size() - 1})
    for (bool skip : {false, true}) EXPECT_NE(why(whole.substr(0, length), skip), "") << length;
  EXPECT_NE(why(whole + "tail", true), "");
}

// Each kind of file in words of its own.
TEST_F(Importing, WhatIsNoSnapshotIsNamed) {
  std::set<std::string> words;
  for (std::string const& bytes :
       {std::string(), std::string(R"({"apiVersion": "v1", "kind": "List", "items": []})"),
        std::string("<?xml version=\"1.0\"?><Error>AccessDenied</Error>"),
        std::string("SQLite format 3\0", 16) + std::string(4096, 'x'),
        std::string(257, 'n') + "ustar" + std::string(300, 'n'),
        "\x28\xb5\x2f\xfd" + std::string(300, 'n'), std::string(4096, '\0')})
    EXPECT_TRUE(words.insert(why(bytes)).second) << why(bytes);
  EXPECT_FALSE(words.contains(""));
}

TEST_F(Importing, ADamagedFirstPageIsReadFromTheSecond) {
  auto bytes = database_;
  bytes[20] = 'x';
  test::write_bytes(folder_ / "db", bytes);
  auto const file = BoltFile::open(folder_ / "db");
  ASSERT_TRUE(file) << file.error().message.text;
  EXPECT_EQ(file->get("cluster", "clusterVersion").value(), "3.5.0");
  EXPECT_FALSE(file->get("cluster", "nothing").value());
  EXPECT_FALSE(file->get("nothing", "clusterVersion").value());
  bytes[4096 + 20] = 'x';
  test::write_bytes(folder_ / "db", bytes);
  EXPECT_FALSE(BoltFile::open(folder_ / "db"));
}

TEST_F(Importing, TheLastKeyOfABucketIsFound) {
  test::write_bytes(folder_ / "db", database_);
  auto const file = BoltFile::open(folder_ / "db");
  ASSERT_TRUE(file) << file.error().message.text;
  EXPECT_EQ(file->last_key("meta").value(), "storageVersion");
  EXPECT_FALSE(file->last_key("nothing").value());
}

// Whatever a byte is, it is an answer or an error.
TEST_F(Importing, NoByteOfADatabaseIsTrusted) {
  for (std::size_t at = 0; at < database_.size(); ++at) {
    if (at % 4096 > 300) continue;
    auto bytes = database_;
    bytes[at] = static_cast<char>(bytes[at] ^ 0xff);
    test::write_bytes(folder_ / "db", bytes);
    auto const file = BoltFile::open(folder_ / "db");
    if (file) (void)file->get("meta", "storageVersion");
    if (file) (void)file->last_key("meta");
  }
}

TEST(ImportNames, AreKnownAndSafe) {
  UtcTime const now = *parse_rfc3339("2026-01-15T10:15:00Z");
  for (auto const& [file, name] :
       {std::pair<std::string, std::string>{"etcd-snapshot-ip-10-0-0-1-1760000000.zip",
                                            "imported-etcd-snapshot-ip-10-0-0-1-1760000000.zip"},
        {"../../etc/passwd", "imported-..-..-etc-passwd"},
        {"my snapshot (2).db", "imported-my-snapshot-2-.db"},
        {"", "imported"},
        {"---", "imported"}}) {
    auto const made = import_name(now, file);
    EXPECT_EQ(made, "20260115T101500.000Z-" + name);
    EXPECT_TRUE(is_import(made));
    EXPECT_TRUE(backup_time(made)) << made;
    EXPECT_TRUE(check_key(backup_data_key(EtcdCluster::main, made))) << made;
  }
  EXPECT_FALSE(is_import("20260115T101500.000Z-etcd-a"));
  EXPECT_FALSE(is_import("20260115T101500.000Z-importedly"));
}

}  // namespace
}  // namespace haagent::bootstrap
