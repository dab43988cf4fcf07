#include "bootstrap/addons/store_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/sha256.h"
#include "bootstrap/addons/since.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace haagent::bootstrap::addons {
namespace {

using namespace std::chrono_literals;

class AddonStoreSet : public testing::Test {
 protected:
  SystemClock clock_;
  test::MemoryStore store_{clock_};
  StoreSet set_{store_};
};

TEST_F(AddonStoreSet, IsEmptyAtFirst) {
  EXPECT_TRUE(set_.list({})->empty());
}

TEST_F(AddonStoreSet, HasWhatWasPushed) {
  ASSERT_TRUE(push_addons(store_, {{"a", "text a"}, {"b", "text b"}}, {}));
  auto const list = set_.list({});
  ASSERT_TRUE(list);
  EXPECT_EQ(*list, (Digests{{"a", sha256_hex("text a")}, {"b", sha256_hex("text b")}}));
  EXPECT_EQ(set_.text("a", list->at("a"), {}).value(), "text a");
  // The same again writes nothing; others stay.
  auto const writes = store_.writes();
  ASSERT_TRUE(push_addons(store_, {{"a", "text a"}}, {}));
  EXPECT_EQ(store_.writes(), writes);
  ASSERT_TRUE(push_addons(store_, {{"a", "other"}}, {}));
  EXPECT_EQ(set_.list({})->size(), 2u);
  EXPECT_EQ(set_.text("a", sha256_hex("other"), {}).value(), "other");
}

TEST_F(AddonStoreSet, IsReadOnceForEachDigest) {
  ASSERT_TRUE(push_addons(store_, {{"a", "text"}}, {}));
  auto const before = store_.calls_of(test::MemoryStore::Call::get);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(set_.text("a", sha256_hex("text"), {}));
  EXPECT_EQ(store_.calls_of(test::MemoryStore::Call::get), before + 1);
}

TEST_F(AddonStoreSet, IsNotWhatItsListDoesNotSay) {
  ASSERT_TRUE(push_addons(store_, {{"a", "text"}}, {}));
  store_.put("addons/a.yaml", "half");
  auto const half = set_.text("a", sha256_hex("text"), {});
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().message.reason, Reason::AddonDigestMismatch);
  store_.erase("addons/a.yaml");
  EXPECT_FALSE(set_.text("a", sha256_hex("text"), {}));
}

// Whoever dies in the middle leaves the list as it was.
TEST_F(AddonStoreSet, ListsAnUploadOnceAllOfItIsThere) {
  ASSERT_TRUE(push_addons(store_, {{"a", "old"}}, {}));
  store_.fail_next(test::MemoryStore::Call::replace, Kind::transient);
  EXPECT_FALSE(push_addons(store_, {{"a", "new"}, {"b", "new"}}, {}));
  EXPECT_EQ(set_.list({})->at("a"), sha256_hex("old"));
  EXPECT_FALSE(set_.list({})->contains("b"));
  ASSERT_TRUE(push_addons(store_, {{"a", "new"}, {"b", "new"}}, {}));
  EXPECT_EQ(set_.list({})->at("b"), sha256_hex("new"));
}

TEST_F(AddonStoreSet, ForgetsWhatIsRemoved) {
  ASSERT_TRUE(push_addons(store_, {{"a", "text"}, {"b", "text"}}, {}));
  ASSERT_TRUE(remove_addon(store_, "a", {}));
  EXPECT_EQ(set_.list({})->size(), 1u);
  EXPECT_FALSE(store_.objects().contains("addons/a.yaml"));
  EXPECT_FALSE(remove_addon(store_, "a", {}));
}

TEST(AddonDigests, AreReadStrictly) {
  auto const digest = std::string(64, 'a');
  EXPECT_EQ(read_digests(digests_text({{"x", digest}})).value(), (Digests{{"x", digest}}));
  for (auto const& text : std::vector<std::string>{
           "", "[]", "{}", R"({"schema":2,"addons":{}})", R"({"schema":1,"addons":[]})",
           R"({"schema":1,"addons":{"x":{}}})", R"({"schema":1,"addons":{"x":{"sha256":"abc"}}})",
           fmt::format(R"({{"schema":1,"addons":{{"../x":{{"sha256":"{}"}}}}}})", digest),
           fmt::format(
               R"({{"schema":1,"addons":{{"x":{{"sha256":"{0}"}},"x":{{"sha256":"{0}"}}}}}})",
               digest)})
    EXPECT_FALSE(read_digests(text)) << text;
}

TEST(AddonClaims, KeepSinceWhileTheContentIsTheSame) {
  auto const now = *parse_rfc3339("2026-01-15T10:15:00Z");
  Claim const first =
      dated({.origin = Origin::packaged, .version = "1", .digest = "a"}, {}, "dns", now);
  EXPECT_EQ(first.since, now);
  auto const read = read_claims(claims_text({{"dns", first}}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at("dns"), first);
  auto again = first;
  again.version = "2";
  EXPECT_EQ(dated(again, *read, "dns", now + 1h).since, now) << "another version, the same content";
  again.digest = "b";
  EXPECT_EQ(dated(again, *read, "dns", now + 1h).since, now + 1h);
  again.digest = "a";
  again.origin = Origin::store;
  EXPECT_EQ(dated(again, *read, "dns", now + 1h).since, now + 1h);
  EXPECT_EQ(dated(first, *read, "other", now + 1h).since, now + 1h);
  for (auto const* text : {"", "{}", R"({"schema":1,"addons":{"a":{}}})"})
    EXPECT_FALSE(read_claims(text)) << text;
}

}  // namespace
}  // namespace haagent::bootstrap::addons
