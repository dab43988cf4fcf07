#include "agent/aws/web_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/aws/sigv4.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_http.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;
using test::ScriptedHttp;

TokenRequest const kWanted{.audience = "haagent:prod.example.com",
                           .tag = "haagent-join",
                           .tag_value = std::string(64, 'c'),
                           .life = 60s};
constexpr std::string_view kTokenAnswer =
    "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
    "<GetWebIdentityTokenResult><WebIdentityToken>e30.e30.c2ln</WebIdentityToken>"
    "<Expiration>2026-01-15T10:16:00Z</Expiration></GetWebIdentityTokenResult>"
    "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetWebIdentityTokenResponse>";

struct RoleKeys final : CredentialSource {
  Result<Credentials> credentials(std::stop_token) override {
    return Credentials{.access_key_id = "ASIAEXAMPLE000000001",
                       .secret_access_key = Secret("secret"),
                       .session_token = Secret("session"),
                       .expiration = std::nullopt};
  }
};

class WebIdentityTest : public testing::Test {
 protected:
  Result<std::string> ask(int status, std::string body) {
    http_.on("POST https://sts.eu-west-1.amazonaws.com/", test::answer(status, std::move(body)));
    return client_.token(kWanted, {});
  }
  static std::string refusal(std::string_view code) {
    return fmt::format(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
        "<Type>Sender</Type><Code>{}</Code><Message>no</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>",
        code);
  }
  ScriptedHttp http_;
  test::FakeClock clock_{*parse_rfc3339("2026-01-15T10:15:00Z")};
  RoleKeys keys_;
  WebIdentityClient client_{
      http_,
      clock_,
      keys_,
      {.endpoint = "https://sts.eu-west-1.amazonaws.com", .region = "eu-west-1"}};
};

TEST_F(WebIdentityTest, ATokenIsAskedForAsStsWantsIt) {
  auto const token = ask(200, std::string(kTokenAnswer));
  ASSERT_TRUE(token) << token.error().message.text;
  EXPECT_EQ(*token, "e30.e30.c2ln");
  auto const request = http_.requests().front();
  EXPECT_EQ(request.body,
            "Action=GetWebIdentityToken&Version=2011-06-15"
            "&Audience.member.1=haagent%3Aprod.example.com&DurationSeconds=60"
            "&SigningAlgorithm=ES384&Tags.member.1.Key=haagent-join&Tags.member.1.Value=" +
                std::string(64, 'c'));
  WireRequest wire{.method = request.method,
                   .path = "/",
                   .query = "",
                   .headers = request.headers,
                   .body = request.body};
  wire.headers.emplace_back("host", "sts.eu-west-1.amazonaws.com");
  auto const claim = signature_claim(wire);
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->scope.service, "sts");
  EXPECT_EQ(claim->session_token, "session");
}

TEST_F(WebIdentityTest, WhatAwsDoesNotHandOutIsTold) {
  for (auto const* code : {"OutboundWebIdentityFederationDisabledException", "AccessDenied"}) {
    auto const none = ask(403, refusal(code));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, Kind::denied);
    EXPECT_EQ(none.error().message.subject, code);
  }
}

TEST_F(WebIdentityTest, WhatPassesIsTransient) {
  for (auto const& [status, body] :
       {std::pair<int, std::string>{400, refusal("Throttling")},
        {503, refusal("ServiceUnavailable")},
        {500, "<html>"},
        {403, "a proxy's page"},
        {302, ""},
        {200, ""},
        {200, "<GetWebIdentityTokenResponse/>"},
        {200, std::string(kTokenAnswer.substr(0, 200))},
        {200,
         "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult><WebIdentityToken>a b"
         "</WebIdentityToken></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"}}) {
    auto const none = ask(status, body);
    ASSERT_FALSE(none) << body;
    EXPECT_EQ(none.error().kind, Kind::transient) << status << body;
  }
}

}  // namespace
}  // namespace haagent::aws
