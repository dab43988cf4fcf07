#include "bootstrap/etcd/backup/snapshot.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "agent/base/sha256.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

std::string hash_of(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.digest();
}

std::string snapshot(std::size_t pages) {
  std::string database;
  for (std::size_t i = 0; i < pages * 512; ++i) database += static_cast<char>(i * 7 % 251);
  return database + hash_of(database);
}

class SnapshotFileTest : public testing::Test {
 protected:
  Result<SnapshotFile> check(std::string_view bytes) {
    test::write_bytes(folder_ / "s.db", bytes);
    return check_snapshot_file(folder_ / "s.db");
  }
  test::TemporaryDirectory folder_;
};

TEST_F(SnapshotFileTest, AWholeOneIsGood) {
  // The second one is longer than what is read at once, and ends in the middle of a read.
  for (std::size_t pages : {1u, 4100u}) {
    auto const bytes = snapshot(pages);
    auto file = check(bytes);
    ASSERT_TRUE(file) << file.error().message.text;
    EXPECT_EQ(file->size, bytes.size());
    EXPECT_EQ(file->sha256, sha256_hex(bytes));
  }
}

// Every length that a connection or a disk may cut it to.
TEST_F(SnapshotFileTest, CutOffIsFound) {
  auto const bytes = snapshot(3);
  for (std::size_t length : {0u, 1u, 31u, 32u, 33u, 512u, 544u, 1056u, 1536u, 1567u}) {
    auto file = check(std::string_view(bytes).substr(0, length));
    ASSERT_FALSE(file) << length;
    EXPECT_EQ(file.error().kind, Kind::invalid);
  }
}

TEST_F(SnapshotFileTest, OneBitIsFound) {
  for (std::size_t at : {0u, 700u, 1535u, 1536u, 1567u}) {
    auto bytes = snapshot(3);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    EXPECT_FALSE(check(bytes)) << at;
  }
}

TEST(SnapshotStatus, IsReadAsEtcdPrintsIt) {
  auto content =
      parse_snapshot_status(R"({"hash":293477138,"revision":4,"totalKey":7,"totalSize":20480})");
  ASSERT_TRUE(content);
  EXPECT_EQ(content->revision, 4u);
  EXPECT_EQ(content->total_keys, 7u);
  for (auto const* text : {"", "[]", "{}", R"({"revision":4})", R"({"revision":-1,"totalKey":7})",
                           "Error: snapshot file integrity check failed"})
    EXPECT_FALSE(parse_snapshot_status(text)) << text;
}

TEST(SnapshotTools, WhichVersionsBumpTheRevision) {
  for (auto version : {EtcdVersion{3, 4, 27}, {3, 4, 45}, {3, 5, 10}, {3, 6, 0}, {3, 7, 1}})
    EXPECT_TRUE(can_bump_revision(version)) << to_string(version);
  for (auto version : {EtcdVersion{3, 3, 99}, {3, 4, 23}, {3, 4, 26}, {3, 5, 0}, {3, 5, 9}})
    EXPECT_FALSE(can_bump_revision(version)) << to_string(version);
}

TEST(SnapshotTools, AMissingToolSaysWhatToDo) {
  SystemProcess process;
  SnapshotTools tools(process, "/nowhere", {});
  auto version = tools.version({});
  ASSERT_FALSE(version);
  EXPECT_TRUE(version.error().message.text.contains("/nowhere/etcdctl"))
      << version.error().message.text;
  EXPECT_TRUE(version.error().message.text.contains("etcd.backups.tools"))
      << version.error().message.text;
}

}  // namespace
}  // namespace haagent::bootstrap
