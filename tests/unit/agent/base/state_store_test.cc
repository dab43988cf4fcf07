#include "agent/base/state_store.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using Call = test::MemoryStore::Call;

TEST(StateKeys, PartsJoinedBySlashes) {
  for (auto good : {"a", "pki/etcd.json", "backups/main/00000000000000000042-20260115T101500Z-a.db",
                    "a/b/c/d", "x..y", "~+=@:,!'()*&$;"})
    EXPECT_TRUE(check_key(good).has_value()) << good;
  for (auto bad : {"", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../x", "a/../../x", "a/.",
                   "a/.hidden", "a b", "a\nb", "a\\b", "caf\xc3\xa9", "a/\x7f"}) {
    auto answer = check_key(bad);
    ASSERT_FALSE(answer.has_value()) << bad;
    EXPECT_EQ(answer.error().kind, Kind::invalid);
  }
  EXPECT_TRUE(check_key(std::string(255, 'a') + "/" + std::string(255, 'b')).has_value());
  EXPECT_FALSE(check_key(std::string(256, 'a')).has_value());
  EXPECT_FALSE(
      check_key(std::string(250, 'a') + "/" + std::string(250, 'b') + "/" + std::string(20, 'c')));
  EXPECT_FALSE(check_key(std::string_view("a\0b", 3)));
}

struct MemoryStoreTest : testing::Test {
  test::FakeClock clock;
  test::MemoryStore store{clock};
};

TEST_F(MemoryStoreTest, OneCreateWinsAndReplaceNeedsTheVersion) {
  EXPECT_TRUE(store.create("pki/ca", "one", {}).value());
  EXPECT_FALSE(store.create("pki/ca", "two", {}).value());
  auto read = store.get("pki/ca", {}).value();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->bytes, "one");
  EXPECT_TRUE(store.replace("pki/ca", "two", read->version, {}).value());
  EXPECT_TRUE(store.replace("pki/ca", "one", store.get("pki/ca", {}).value()->version, {}).value());
  // The same bytes again, and yet another version.
  EXPECT_FALSE(store.replace("pki/ca", "three", read->version, {}).value());
  EXPECT_FALSE(store.replace("pki/gone", "three", read->version, {}).value());
  EXPECT_EQ(store.writes(), 3);
}

TEST_F(MemoryStoreTest, FailuresAndLostAnswers) {
  store.fail_next(Call::create, Kind::transient);
  EXPECT_EQ(store.create("a", "1", {}).error().kind, Kind::transient);
  EXPECT_TRUE(store.objects().empty());
  store.lose_next_answer(Call::create);
  EXPECT_EQ(store.create("a", "1", {}).error().kind, Kind::transient);
  EXPECT_EQ(store.objects(), (std::map<std::string, std::string>{{"a", "1"}}));
  EXPECT_FALSE(store.create("a", "1", {}).value());

  store.fail_all(Kind::denied);
  EXPECT_EQ(store.list("", {}).error().kind, Kind::denied);
  store.fail_all(std::nullopt);
  EXPECT_EQ(store.list("", {}).value().size(), 1u);
  EXPECT_EQ(store.calls_of(Call::create), 3);
  EXPECT_EQ(store.writes(), 1);
}

TEST_F(MemoryStoreTest, FilesAndLists) {
  test::TemporaryDirectory here;
  test::write_bytes(here / "in", "snapshot");
  EXPECT_TRUE(store.upload("backups/b", here / "in", {}).has_value());
  clock.advance(std::chrono::seconds(5));
  store.put("backups/a", "x");
  store.put("other", "x");
  auto all = store.list("backups/", {}).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].key, "backups/a");
  EXPECT_EQ(all[1].size, 8u);
  EXPECT_EQ(all[0].modified - all[1].modified, std::chrono::seconds(5));
  EXPECT_TRUE(store.download("backups/b", here / "out", {}).has_value());
  EXPECT_EQ(test::bytes_of(here / "out"), "snapshot");
  EXPECT_FALSE(store.download("backups/none", here / "out", {}).has_value());
  EXPECT_TRUE(store.remove("backups/b", {}).has_value());
  EXPECT_TRUE(store.remove("backups/b", {}).has_value());
  EXPECT_FALSE(store.get("backups/b", {}).value().has_value());
}

}  // namespace
}  // namespace haagent
