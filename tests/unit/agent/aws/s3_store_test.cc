#include "agent/aws/s3_store.h"

#include <gtest/gtest.h>

#include "agent/aws/sigv4.h"
#include "agent/base/sha256.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace haagent::aws {
namespace {

// One bucket in memory. Calls fail, or lose their answers, as often as a test wants.
class BucketInMemory final : public S3 {
 public:
  struct Faults {
    int fail = 0;  // do nothing
    int lose = 0;  // do it, and say nothing
  };
  std::map<std::string, std::string> objects;
  std::map<std::string, std::string> checksums;
  std::map<std::string, std::string> writers;
  bool resends = false;  // a put whose answer is lost is sent again at once, as libcurl does it
  std::map<std::string, std::map<int, std::string>> uploads;
  std::map<std::string, Faults> faults;
  int writes_by_others = 0;  // after each range that is read
  int aborted = 0;
  std::size_t largest = 0;

  std::optional<UtcTime> time;        // as the last answer had it
  std::optional<UtcTime> next_heads;  // what the answer to a HEAD has

  std::string const& bucket() const override { return name_; }
  std::optional<UtcTime> now() const override { return time; }
  Result<std::optional<S3Object>> get(std::string const& key, std::optional<S3Range> range,
                                      std::string const& etag, std::stop_token) override {
    if (auto fault = failing("get")) return std::unexpected(*fault);
    if (!objects.contains(key)) return std::nullopt;
    auto const& all = objects[key];
    if (!etag.empty() && etag != tag(all)) return fail(Kind::conflict, "changed");
    if (range && range->first >= all.size()) return fail(Kind::conflict, "range");
    S3Object object{range ? all.substr(range->first, range->length) : all, tag(all), all.size()};
    largest = std::max(largest, object.bytes.size());
    if (writes_by_others > 0 && writes_by_others-- > 0) objects[key] += "!";
    return object;
  }
  Result<std::optional<S3Head>> head(std::string const& key, std::stop_token) override {
    if (next_heads) time = next_heads;
    if (auto fault = failing("head")) return std::unexpected(*fault);
    if (!objects.contains(key)) return std::nullopt;
    return S3Head{tag(objects[key]), objects[key].size(), checksums[key], writers[key]};
  }
  Result<bool> put(std::string const& key, std::string bytes, S3Condition const& condition,
                   std::stop_token) override {
    if (auto fault = failing("put")) return std::unexpected(*fault);
    bool const is_there = objects.contains(key);
    if (condition.absent && is_there) return false;
    if (!condition.etag.empty() && (!is_there || tag(objects[key]) != condition.etag)) return false;
    largest = std::max(largest, bytes.size());
    objects[key] = std::move(bytes);
    writers[key] = condition.writer;
    if (auto fault = lost("put")) {
      if (resends) return false;  // the condition held for the first one
      return std::unexpected(*fault);
    }
    return true;
  }
  Result<void> remove(std::string const& key, std::stop_token) override {
    objects.erase(key);
    return {};
  }
  Result<S3Page> list(std::string const& prefix, std::string const& token,
                      std::stop_token) override {
    if (auto fault = failing("list")) return std::unexpected(*fault);
    S3Page page;
    for (auto const& [key, bytes] : objects) {
      if (!key.starts_with(prefix) || key <= token) continue;
      if (page.entries.size() == 2) {
        page.next_token = page.entries.back().key;
        break;
      }
      page.entries.push_back({key, bytes.size(), {}});
    }
    return page;
  }
  Result<std::string> begin_upload(std::string const&, std::stop_token) override {
    uploads["u"];
    return "u";
  }
  Result<S3Part> upload_part(std::string const&, std::string const& upload, int number,
                             std::string bytes, std::stop_token) override {
    if (auto fault = failing("part")) return std::unexpected(*fault);
    largest = std::max(largest, bytes.size());
    S3Part part{number, tag(bytes), sha256(bytes)};
    uploads[upload][number] = std::move(bytes);
    return part;
  }
  Result<bool> complete_upload(std::string const& key, std::string const& upload,
                               std::vector<S3Part> const& parts, std::stop_token) override {
    if (auto fault = failing("complete")) return std::unexpected(*fault);
    if (!uploads.contains(upload)) return false;
    std::string all;
    for (auto const& part : parts) all += uploads[upload][part.number];
    objects[key] = std::move(all);
    checksums[key] = s3_checksum_of(parts);
    uploads.erase(upload);
    if (auto fault = lost("complete")) return std::unexpected(*fault);
    return true;
  }
  Result<void> abort_upload(std::string const&, std::string const& upload,
                            std::stop_token) override {
    uploads.erase(upload);
    ++aborted;
    return {};
  }

 private:
  static std::string tag(std::string const& bytes) { return "\"" + sha256_hex(bytes) + "\""; }
  std::optional<Error> failing(std::string const& call) {
    if (faults[call].fail == 0) return {};
    --faults[call].fail;
    return Error{Kind::transient, "503", {}};
  }
  std::optional<Error> lost(std::string const& call) {
    if (faults[call].lose == 0) return {};
    --faults[call].lose;
    return Error{Kind::transient, "no answer", {}};
  }
  std::string name_ = "b";
};

struct S3StoreTest : testing::Test {
  std::string large_file(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13u);
    test::write_bytes(here / "in", bytes);
    return bytes;
  }
  test::FakeClock clock;
  test::TemporaryDirectory here;
  BucketInMemory* s3 = new BucketInMemory;
  CallCounts counts;
  S3Store store{std::unique_ptr<S3>(s3), "prod", clock, &counts};
};

TEST_F(S3StoreTest, KeysStandBelowThePrefix) {
  EXPECT_EQ(store.where(), "s3://b/prod");
  ASSERT_TRUE(store.create("pki/ca", "one", {}).value());
  EXPECT_EQ(s3->objects.begin()->first, "prod/pki/ca");
  for (auto key : {"prod/a", "prod/b", "prod/c/d", "prod/folder/", "production/x", "prod/.hidden"})
    s3->objects[key] = "12";
  auto entries = store.list("", {});
  ASSERT_TRUE(entries);
  std::vector<std::string> keys;
  for (auto const& each : *entries) keys.push_back(each.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b", "c/d", "pki/ca"}));
  S3Store bare(std::make_unique<BucketInMemory>(), "", clock);
  EXPECT_EQ(bare.where(), "s3://b");
}

TEST_F(S3StoreTest, ALostAnswerOfACreateIsFoundOut) {
  s3->faults["put"].lose = 1;
  EXPECT_TRUE(store.create("k", "mine", {}).value());
  EXPECT_EQ(s3->objects["prod/k"], "mine");
  EXPECT_FALSE(store.create("k", "mine", {}).value()) << "the key was there before this call";
}

TEST_F(S3StoreTest, AWriteThatWasSentTwiceKnowsItsOwn) {
  s3->resends = true;
  s3->faults["put"].lose = 1;
  EXPECT_TRUE(store.create("k", "one", {}).value());
  s3->faults["put"].lose = 1;
  EXPECT_TRUE(store.replace("k", "two", store.get("k", {}).value()->version, {}).value());
  EXPECT_FALSE(store.create("k", "two", {}).value()) << "the same bytes, but another's";
}

TEST_F(S3StoreTest, ACreateThatFailedAndThenLostHasLost) {
  s3->faults["put"].fail = 1;
  s3->objects["prod/k"] = "theirs";
  EXPECT_FALSE(store.create("k", "mine", {}).value());
  EXPECT_EQ(s3->objects["prod/k"], "theirs");
}

TEST_F(S3StoreTest, ALostAnswerOfAReplaceIsFoundOut) {
  ASSERT_TRUE(store.create("k", "one", {}).value());
  auto version = store.get("k", {}).value()->version;
  s3->faults["put"].lose = 1;
  EXPECT_TRUE(store.replace("k", "two", version, {}).value());
  EXPECT_FALSE(store.replace("k", "three", version, {}).value());
  EXPECT_EQ(store.get("k", {}).value()->bytes, "two");
  EXPECT_EQ(store.replace("k", "x", "", {}).error().kind, Kind::internal);
}

TEST_F(S3StoreTest, PatienceEnds) {
  s3->faults["get"].fail = S3Store::kTries - 1;
  s3->objects["prod/k"] = "x";
  EXPECT_EQ(store.get("k", {}).value()->bytes, "x");
  EXPECT_EQ(counts.page().retries.at("s3"), S3Store::kTries - 1u);
  s3->faults["get"].fail = S3Store::kTries;
  EXPECT_EQ(store.get("k", {}).error().kind, Kind::transient);
  std::stop_source stop;
  stop.request_stop();
  s3->faults["get"].fail = 1;
  EXPECT_EQ(store.get("k", stop.get_token()).error().kind, Kind::interrupted);
}

TEST_F(S3StoreTest, LargeFilesGoInPartsAndComeInRanges) {
  auto const bytes = large_file(2 * S3Store::kPart + 5);
  s3->faults["part"].fail = 2;
  ASSERT_TRUE(store.upload("backups/b", here / "in", {}));
  EXPECT_TRUE(s3->objects["prod/backups/b"] == bytes);
  ASSERT_TRUE(store.download("backups/b", here / "out", {}));
  EXPECT_TRUE(test::bytes_of(here / "out") == bytes);
  EXPECT_LE(s3->largest, S3Store::kPart);
  EXPECT_EQ(s3->aborted, 0);
}

TEST_F(S3StoreTest, SizesAtTheEdges) {
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, S3Store::kRange, S3Store::kRange + 1,
                           S3Store::kPart, S3Store::kPart + 1, 2 * S3Store::kPart}) {
    SCOPED_TRACE(size);
    auto const bytes = large_file(size);
    ASSERT_TRUE(store.upload("k", here / "in", {}));
    auto down = store.download("k", here / "out", {});
    ASSERT_TRUE(down) << down.error().message.text;
    EXPECT_TRUE(test::bytes_of(here / "out") == bytes);
    EXPECT_TRUE(s3->uploads.empty());
  }
}

TEST_F(S3StoreTest, ACompletionWhoseAnswerWasLostIsFoundOut) {
  large_file(S3Store::kPart + 1);
  s3->faults["complete"].lose = 1;
  ASSERT_TRUE(store.upload("k", here / "in", {}));
  EXPECT_EQ(s3->objects["prod/k"].size(), S3Store::kPart + 1);
}

TEST_F(S3StoreTest, AnUploadThatFailsIsAborted) {
  large_file(S3Store::kPart + 1);
  s3->objects["prod/k"] = "before";
  for (auto call : {"part", "complete"}) {
    s3->faults[call].fail = S3Store::kTries;
    EXPECT_EQ(store.upload("k", here / "in", {}).error().kind, Kind::transient);
    EXPECT_TRUE(s3->uploads.empty());
  }
  EXPECT_EQ(s3->aborted, 2);
  EXPECT_EQ(s3->objects["prod/k"], "before");
}

TEST_F(S3StoreTest, AnObjectThatChangesUnderADownloadIsNotMixed) {
  s3->objects["prod/k"] = large_file(S3Store::kPart + 1);
  test::write_bytes(here / "out", "before");
  s3->writes_by_others = 1;
  EXPECT_EQ(store.download("k", here / "out", {}).error().kind, Kind::transient);
  EXPECT_EQ(test::bytes_of(here / "out"), "before");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(here.path()), {}), 2);
  EXPECT_EQ(store.download("none", here / "out", {}).error().kind, Kind::invalid);
}

TEST_F(S3StoreTest, NoKeyLeavesThePrefix) {
  for (auto key : {"../x", "/x", "a//b", ""}) {
    EXPECT_EQ(store.create(key, "x", {}).error().kind, Kind::invalid) << key;
    EXPECT_EQ(store.upload(key, here / "in", {}).error().kind, Kind::invalid) << key;
    EXPECT_EQ(store.remove(key, {}).error().kind, Kind::invalid) << key;
  }
  EXPECT_EQ(store.create("k", std::string(kMostOfGet + 1, 'x'), {}).error().kind, Kind::invalid);
  EXPECT_TRUE(s3->objects.empty());
}

struct S3StoreClock : S3StoreTest {
  UtcTime const kOurs = clock.utc();
};

TEST_F(S3StoreClock, TheTimeOfTheLastAnswerIsTaken) {
  s3->time = kOurs + std::chrono::hours(3);
  EXPECT_EQ(store.now({}).value(), kOurs + std::chrono::hours(3));
}

TEST_F(S3StoreClock, AStoreThatWasNotAskedLatelyIsAsked) {
  s3->next_heads = kOurs - std::chrono::hours(3);
  EXPECT_EQ(store.now({}).value(), kOurs - std::chrono::hours(3));
}

TEST_F(S3StoreClock, ARefusalTellsTheTimeToo) {
  s3->faults["head"].fail = 1'000;
  EXPECT_EQ(store.now({}).error().kind, Kind::transient);
  s3->next_heads = kOurs;
  EXPECT_EQ(store.now({}).value(), kOurs);
}

}  // namespace
}  // namespace haagent::aws
