#include "bootstrap/join/master/issuer_keys.h"

#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/sim/token_issuer.h"
#include "tests/support/fake_clock.h"

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;

constexpr char kIssuerUrl[] = "https://0f1e.tokens.sts.global.api.aws";

// What the issuer publishes, under ids of our own.
class Published final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    ++asked;
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.url, std::string(kIssuerUrl) + "/.well-known/jwks.json");
    EXPECT_LE(request.max_body, pki::kWebKeysCap);
    if (silent) return fail(Kind::transient, "nobody answers");
    auto document = json::parse(*issuer.document("/.well-known/jwks.json").json).value();
    for (auto& key : document.find("keys")->items()) key.set("kid", id);
    return HttpResponse{
        .status = status, .headers = {}, .body = body.empty() ? json::print(document) : body};
  }
  sim::TokenIssuer issuer{/*enabled=*/true};
  std::string id = "first";
  std::string body;
  bool silent = false;
  int status = 200;
  int asked = 0;
};

class IssuerKeysTest : public testing::Test {
 protected:
  // How many keys, or nothing where nobody can say.
  std::optional<std::size_t> found(std::string_view id) {
    auto const keys = keys_.find(id, {});
    if (!keys) {
      EXPECT_EQ(keys.error().kind, Kind::transient);
      return std::nullopt;
    }
    return keys->size();
  }
  test::FakeClock clock_;
  Published http_;
  IssuerKeys keys_{http_, clock_, kIssuerUrl};
};

TEST_F(IssuerKeysTest, AKnownKeyIsAskedForOnce) {
  EXPECT_EQ(found("first"), 2u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(found("first"), 2u);
  EXPECT_EQ(http_.asked, 1);
}

TEST_F(IssuerKeysTest, UnknownKeysAreAskedForOnceAMinute) {
  EXPECT_EQ(found("first"), 2u);
  http_.id = "second";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(found("second"), 0u);
  EXPECT_EQ(http_.asked, 1) << "it was asked a moment before";
  clock_.advance(60s);
  EXPECT_EQ(found("second"), 2u);
  EXPECT_EQ(found("first"), 0u) << "the issuer has it no longer";
  EXPECT_EQ(http_.asked, 2);
}

TEST_F(IssuerKeysTest, AnIssuerThatDoesNotAnswerIsAskedAgainSoon) {
  http_.silent = true;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(found("first"), std::nullopt);
  EXPECT_EQ(http_.asked, 1);
  clock_.advance(5s);
  http_.silent = false;
  EXPECT_EQ(found("first"), 2u);
}

TEST_F(IssuerKeysTest, WhatIsNoDocumentIsNoAnswer) {
  http_.status = 500;
  EXPECT_EQ(found("first"), std::nullopt);
  clock_.advance(5s);
  http_.status = 200;
  http_.body = "<html>";
  EXPECT_EQ(found("first"), std::nullopt);
}

TEST_F(IssuerKeysTest, WhatAnIssuerHasNotSaidForADayIsForgotten) {
  EXPECT_EQ(found("first"), 2u);
  http_.silent = true;
  clock_.advance(23h);
  EXPECT_EQ(found("first"), 2u);
  clock_.advance(2h);
  EXPECT_EQ(found("first"), std::nullopt);
}

TEST_F(IssuerKeysTest, AKeyThatIsGoneIsForgottenAndSilenceForgetsNone) {
  EXPECT_EQ(found("first"), 2u);
  clock_.advance(1h + 1s);
  http_.silent = true;
  EXPECT_EQ(found("first"), 2u);
  clock_.advance(5s);
  http_.silent = false;
  http_.id = "second";
  EXPECT_EQ(found("first"), 0u);
}

}  // namespace
}  // namespace haagent::bootstrap::join
