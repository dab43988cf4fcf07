#include "agent/aws/credentials.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

// Hands out numbered credentials that end after `life`, or the trouble that it is given.
class Source final : public CredentialSource {
 public:
  explicit Source(Clock& clock) : clock_(clock) {}

  Result<Credentials> credentials(std::stop_token) override {
    ++asked;
    if (trouble) return std::unexpected(*trouble);
    Credentials fresh{.access_key_id = "key-" + std::to_string(asked), .expiration = {}};
    if (life) fresh.expiration = clock_.utc() + *life;
    return fresh;
  }

  std::optional<Duration> life = 6h;
  std::optional<Error> trouble;
  int asked = 0;

 private:
  Clock& clock_;
};

class CachedCredentialsTest : public testing::Test {
 protected:
  std::string key() {
    auto got = cached.credentials({});
    return got ? got->access_key_id : std::string(to_string(got.error().kind));
  }
  void break_source() { source.trouble = Error{Kind::transient, "no answer", {}}; }

  test::FakeClock clock;
  Source source{clock};
  CachedCredentials cached{source, clock};
};

TEST_F(CachedCredentialsTest, AreAskedForOnceUntilAQuarterOfAnHourBeforeTheirEnd) {
  EXPECT_EQ(key(), "key-1");
  clock.advance(5h + 44min);
  EXPECT_EQ(key(), "key-1");
  clock.advance(1min);
  EXPECT_EQ(key(), "key-2");
  EXPECT_EQ(source.asked, 2);
}

TEST_F(CachedCredentialsTest, OldOnesServeWhileTheSourceFailsEarly) {
  EXPECT_EQ(key(), "key-1");
  break_source();
  clock.advance(5h + 46min);
  EXPECT_EQ(key(), "key-1");
  EXPECT_EQ(source.asked, 2);
  EXPECT_EQ(key(), "key-1");  // and the source is not asked at every call
  EXPECT_EQ(source.asked, 2);
  clock.advance(1min);
  EXPECT_EQ(key(), "key-1");
  EXPECT_EQ(source.asked, 3);
}

TEST_F(CachedCredentialsTest, FreshOnesAreInsistedOnTenMinutesBeforeTheEnd) {
  EXPECT_EQ(key(), "key-1");
  break_source();
  clock.advance(5h + 50min);
  EXPECT_EQ(key(), "transient");
  EXPECT_EQ(key(), "transient");
  source.trouble.reset();
  EXPECT_EQ(key(), "key-4");
}

TEST_F(CachedCredentialsTest, TroubleIsToldAgainAtOnceWhereNothingIsKept) {
  break_source();
  EXPECT_EQ(key(), "transient");
  source.trouble.reset();
  EXPECT_EQ(key(), "key-2");
}

TEST_F(CachedCredentialsTest, EndedOnesThatTheSourceHandsOutAreUsedOn) {
  source.life = -1h;
  EXPECT_EQ(key(), "key-1");
  EXPECT_EQ(key(), "key-1");
  clock.advance(1min);
  EXPECT_EQ(key(), "key-2");
}

TEST_F(CachedCredentialsTest, LongTermKeysAreKept) {
  source.life.reset();
  EXPECT_EQ(key(), "key-1");
  clock.advance(24h * 365);
  EXPECT_EQ(key(), "key-1");
}

TEST_F(CachedCredentialsTest, DroppedOnesAreAskedForAnew) {
  EXPECT_EQ(key(), "key-1");
  cached.drop();
  EXPECT_EQ(key(), "key-2");
  cached.drop();
  break_source();
  EXPECT_EQ(key(), "transient");
}

}  // namespace
}  // namespace haagent::aws
