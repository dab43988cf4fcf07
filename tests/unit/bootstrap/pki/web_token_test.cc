#include "bootstrap/pki/web_token.h"

#include <gtest/gtest.h>

#include "agent/base/base64.h"
#include "agent/base/json.h"

namespace haagent::bootstrap::pki {
namespace {

// Made and signed once by another implementation (PyJWT 2 on pyca/cryptography).
constexpr char kEcX[] = "EVm5gdTccl_unHWSJKtisVpkbpx2T0D0LVyEtTZOsZ5skgnWPehEWdn5QtzWHumy";
constexpr char kEcY[] = "7B_O6Pg47bzGd6ApVJqe9SNJ7RB8OkS31lDMi4_jWGZH6BrUdSGf1xfGFHlQIrRm";
constexpr char kRsaN[] =
    "wUANm2bqxZh6pbtGfNlLm9xaTmaPhT5ha-EL31RwYxIS7pnIcilGgfTqLebwdiW5IsX3_E5yUKLMEGGK"
    "DQvOGSb5w2uw4IZjf3ATGra1StJWNZhKAkYoO8MbT3niJUQwIEp1Deu-wvx4HDUvMNLI3TdAQXYOLmfh"
    "jbi2BSNibDsYKxvfIj5B44vmU8GCfJ4gbbx0pfxvYClvVpLyMHfTje59NdMjdCuvY5_kbgRY2PIa0LvU"
    "9s0PNHmlbyMX7XnjSJfLVqjgw-ne5hR3o_TvujHn8R8hZm-upyU3oLM8n4I9B5NsXjCI9HNH2p46Y8Zp"
    "4AtDXNY1LCmLhueVK42tQw";
constexpr char kEs384[] =
    "eyJhbGciOiJFUzM4NCIsImtpZCI6ImVjLTEiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc"
    "3Vlci5leGFtcGxlIiwiYXVkIjoiaGFhZ2VudDpwcm9kLmV4YW1wbGUuY29tIiwiaWF0IjoxNzY4NDcxM"
    "jAwLCJleHAiOjE3Njg0NzEyNjAsImp0aSI6Im9uZSJ9.J_PlPlZ7aO7ZTDHijElLrbh2RQD3mRtGLh1P"
    "8hVOxg7WaBJqOEu3odXS-RraX1szLskVUksOLhhmbLuAbPEuNRJT8wdf3lOLQtq7Qlu32l7dHPrRcq3u"
    "SQdLIPeZmqiO";
constexpr char kRs256[] =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYS0xIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lz"
    "c3Vlci5leGFtcGxlIiwiYXVkIjoiaGFhZ2VudDpwcm9kLmV4YW1wbGUuY29tIiwiaWF0IjoxNzY4NDcx"
    "MjAwLCJleHAiOjE3Njg0NzEyNjAsImp0aSI6Im9uZSJ9.YQPgusrO0_gawyqEYt_tZlFqVjZTa7YplZr"
    "aQx850qMflEfhTPieP-JPvFACkdc5QLjtmruvfgAgTSynolfuDxVka_8GdTW_hcSxGGSGxXrNLR4i5SG"
    "8D3cmfbdnW3PiFb_Efn1RPiYcslah-sUIG6unqJ8K_9j3r70O23yQ1adacice5n7m6q1Ppv7YeEM4q4f"
    "Oye_-lCOkBWcGMW1n6B65jFL10FDYaPJvmS3P3pqqjHxsIKmgUI1WDJ8dCML-AGFuBDBRnV-A3IdyRoo"
    "cSgSqAdbrjqf_QoLZ0TV7uf-3AgD3lw_Dct8At5NOIiYAic65biC8dvB3oleZN-sN1A";

Tree ec_jwk() {
  return Tree::map({{"kty", "EC"},
                    {"crv", "P-384"},
                    {"x", kEcX},
                    {"y", kEcY},
                    {"kid", "ec-1"},
                    {"use", "sig"},
                    {"alg", "ES384"}});
}
Tree rsa_jwk() {
  return Tree::map({{"kty", "RSA"},
                    {"n", kRsaN},
                    {"e", "AQAB"},
                    {"kid", "rsa-1"},
                    {"use", "sig"},
                    {"alg", "RS256"}});
}
std::string jwks(std::vector<Tree> keys) {
  return json::print(Tree::map({{"keys", Tree::list(std::move(keys))}}));
}
WebKey key_of(Tree const& jwk) {
  return read_web_keys(jwks({jwk})).value().at(0);
}
Tree with(Tree tree, std::string_view key, Tree value) {
  tree.set(key, std::move(value));
  return tree;
}
Tree without(Tree tree, std::string_view key) {
  tree.erase(key);
  return tree;
}

TEST(WebToken, AnotherImplementationsTokensAreGood) {
  for (auto const& [text, jwk] : {std::pair{kEs384, ec_jwk()}, std::pair{kRs256, rsa_jwk()}}) {
    auto const token = read_web_token(text);
    ASSERT_TRUE(token) << token.error().message.text;
    EXPECT_EQ(token->key_id, jwk.text_at("kid"));
    EXPECT_EQ(token->algorithm, jwk.text_at("alg"));
    EXPECT_EQ(token->claims.text_at("aud"), "haagent:prod.example.com");
    EXPECT_TRUE(is_signed_by(*token, key_of(jwk)));
  }
}

TEST(WebToken, AKeyVerifiesItsOwnTokensAlone) {
  auto const es = read_web_token(kEs384).value(), rs = read_web_token(kRs256).value();
  auto const ec = key_of(ec_jwk()), rsa = key_of(rsa_jwk());
  EXPECT_FALSE(is_signed_by(es, rsa));
  EXPECT_FALSE(is_signed_by(rs, ec));
  auto renamed = ec;
  renamed.id = "ec-2";
  EXPECT_FALSE(is_signed_by(es, renamed));
  // A key of one kind, which calls itself one of the other.
  auto posing = rsa;
  posing.id = ec.id;
  posing.algorithm = ec.algorithm;
  EXPECT_FALSE(is_signed_by(es, posing));
}

TEST(WebToken, NoBitOfItMayChange) {
  for (auto const& [text, jwk] : {std::pair{kEs384, ec_jwk()}, std::pair{kRs256, rsa_jwk()}}) {
    std::string const whole(text);
    auto const key = key_of(jwk);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      auto changed = whole;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      auto const token = read_web_token(changed);
      EXPECT_FALSE(token && is_signed_by(*token, key)) << jwk.text_at("kty") << " at " << i;
    }
    auto token = read_web_token(text).value();
    token.signature.pop_back();
    EXPECT_FALSE(is_signed_by(token, key));
    token.signature.clear();
    EXPECT_FALSE(is_signed_by(token, key));
  }
  // Two zeros, which careless verifiers of ECDSA take for everybody's signature.
  auto token = read_web_token(kEs384).value();
  token.signature = std::string(96, '\0');
  EXPECT_FALSE(is_signed_by(token, key_of(ec_jwk())));
}

std::string token_of(std::string_view header, std::string_view claims = "{}",
                     std::string_view signature = "c2ln") {
  return to_base64url(header) + "." + to_base64url(claims) + "." + std::string(signature);
}

TEST(WebToken, WhatIsNoneIsRefused) {
  ASSERT_TRUE(read_web_token(token_of(R"({"alg":"ES384","kid":"k"})")));
  std::string const good = token_of(R"({"alg":"ES384","kid":"k"})");
  for (auto const& bad :
       {std::string(), std::string("a"), std::string(".."), good + ".x",
        good.substr(0, good.size() - 5), good + "=", "=" + good, good + "\n",
        std::string(kWebTokenCap + 1, 'a'),
        // Without a signature, with a shared secret, and with what others take for these.
        token_of(R"({"alg":"none","kid":"k"})", "{}", ""), token_of(R"({"alg":"none","kid":"k"})"),
        token_of(R"({"alg":"NONE","kid":"k"})"), token_of(R"({"alg":"HS256","kid":"k"})"),
        token_of(R"({"alg":"es384","kid":"k"})"), token_of(R"({"alg":"ES256","kid":"k"})"),
        token_of(R"({"alg":"RS512","kid":"k"})"), token_of(R"({"kid":"k"})"),
        token_of(R"({"alg":"ES384"})"), token_of(R"({"alg":"ES384","kid":""})"),
        token_of(R"({"alg":"ES384","kid":"k","crit":["b64"],"b64":false})"),
        token_of(R"({"alg":"none","alg":"ES384","kid":"k"})"),
        token_of(R"({"alg":"ES384","kid":"k"})", R"({"aud":"a","aud":"b"})"),
        token_of(R"(["ES384"])"), token_of(R"({"alg":"ES384","kid":"k"})", "7"),
        token_of(R"({"alg":"ES384","kid":"k"})", "no JSON")}) {
    EXPECT_FALSE(read_web_token(bad)) << bad.substr(0, 200);
  }
}

TEST(WebToken, KeysOfOtherKindsArePassedOver) {
  auto const keys = read_web_keys(
      jwks({ec_jwk(), with(ec_jwk(), "alg", "ES256"), with(ec_jwk(), "crv", "P-256"),
            with(ec_jwk(), "use", "enc"), without(ec_jwk(), "kid"), with(rsa_jwk(), "alg", "PS256"),
            Tree::map({{"kty", "oct"}, {"kid", "ec-1"}, {"k", "c2VjcmV0"}}),
            Tree::map({{"kty", "OKP"}, {"crv", "Ed25519"}, {"kid", "o"}, {"x", "AA"}}),
            without(without(rsa_jwk(), "alg"), "use")}));
  ASSERT_TRUE(keys) << keys.error().message.text;
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].id, "ec-1");
  EXPECT_EQ((*keys)[0].algorithm, "ES384");
  EXPECT_EQ((*keys)[1].algorithm, "RS256");
  EXPECT_TRUE(read_web_keys(R"({"keys":[]})")->empty());
}

TEST(WebToken, BrokenKeysRefuseTheDocument) {
  for (auto const& jwk :
       {with(ec_jwk(), "x", kEcY), with(ec_jwk(), "x", ""), without(ec_jwk(), "y"),
        with(ec_jwk(), "x", "AAAA"), with(ec_jwk(), "x", 7), with(rsa_jwk(), "n", "AQAB"),
        with(rsa_jwk(), "n", ""), with(rsa_jwk(), "e", "AQ"), with(rsa_jwk(), "e", "Ag"),
        with(rsa_jwk(), "n", std::string(kRsaN) + "="), without(rsa_jwk(), "e")}) {
    EXPECT_FALSE(read_web_keys(jwks({jwk}))) << json::print(jwk);
  }
  for (auto const* text :
       {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[],"keys":[]})", "no JSON"}) {
    EXPECT_FALSE(read_web_keys(text)) << text;
  }
  EXPECT_FALSE(read_web_keys(std::string(kWebKeysCap + 1, ' ')));
  EXPECT_FALSE(read_web_keys(jwks(std::vector<Tree>(101, ec_jwk()))));
}

}  // namespace
}  // namespace haagent::bootstrap::pki
