#include "agent/aws/caller_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/aws/sigv4.h"
#include "tests/support/scripted_http.h"

namespace haagent::aws {
namespace {

using test::ScriptedHttp;
using testing::HasSubstr;

StsPlace const kPlace{.endpoint = "https://sts.eu-west-1.amazonaws.com", .region = "eu-west-1"};
SignedHeader const kHeader{.name = "x-haagent-join", .value = "c0ffee"};
Credentials const kKeys{.access_key_id = "ASIAEXAMPLE000000001",
                        .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                        .session_token = Secret("IQoJb3JpZ2luX2VjEXAMPLE/+=="),
                        .expiration = std::nullopt};
constexpr std::string_view kAnswer =
    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
    "  <GetCallerIdentityResult>\n"
    "    <Arn>arn:aws:sts::123456789012:assumed-role/workers/i-0123456789abcdef0</Arn>\n"
    "    <UserId>AROAEXAMPLEROLE000000:i-0123456789abcdef0</UserId>\n"
    "    <Account>123456789012</Account>\n"
    "  </GetCallerIdentityResult>\n"
    "  <ResponseMetadata><RequestId>2690d7eb-ed86-11dd-9877-6fad448a8419</RequestId>"
    "</ResponseMetadata>\n"
    "</GetCallerIdentityResponse>\n";

UtcTime now() {
  return *parse_rfc3339("2026-01-15T10:15:00Z");
}

std::string replaced(std::string_view in, std::string_view from, std::string_view to) {
  std::string text(in);
  auto const at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string refusal_xml(std::string_view code) {
  return fmt::format(
      "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
      "<Type>Sender</Type><Code>{}</Code><Message>no</Message></Error>"
      "<RequestId>1</RequestId></ErrorResponse>",
      code);
}

// The request that goes out for the call, as STS gets it.
HttpRequest sent(SignedHeader const& header, SignedCall const& call) {
  ScriptedHttp http;
  http.on("POST https://sts.eu-west-1.amazonaws.com/", test::answer(200, std::string(kAnswer)));
  EXPECT_TRUE(StsClient(http, kPlace).caller_identity(header, call, {}));
  return http.requests().front();
}

bool is_taken(HttpRequest const& request) {
  WireRequest wire{.method = request.method,
                   .path = "/",
                   .query = "",
                   .headers = request.headers,
                   .body = request.body};
  wire.headers.emplace_back("host", "sts.eu-west-1.amazonaws.com");
  auto const claim = signature_claim(wire);
  return claim && expected_signature(wire, *claim, kKeys.secret_access_key) == claim->signature;
}

TEST(CallerIdentity, WhatIsSentForAnotherIsWhatTheySigned) {
  auto const call = sign_caller_identity(kPlace, kHeader, kKeys, now());
  EXPECT_TRUE(check_signed_call(call));
  EXPECT_EQ(time_of(call), now());
  auto const request = sent(kHeader, call);
  EXPECT_TRUE(is_taken(request));
  EXPECT_EQ(request.body, "Action=GetCallerIdentity&Version=2011-06-15");
  EXPECT_EQ(request.headers.size(), 5u) << "type, ours, date, token and authorization: no more";
}

TEST(CallerIdentity, TheSignatureCoversWhatItIsFor) {
  auto const call = sign_caller_identity(kPlace, kHeader, kKeys, now());
  EXPECT_FALSE(is_taken(sent({.name = "x-haagent-join", .value = "decaf"}, call)));
  EXPECT_FALSE(is_taken(sent({.name = "x-haagent-master", .value = "c0ffee"}, call)));
}

TEST(CallerIdentity, ValuesThatAwsNeverHandsOutAreNotSent) {
  auto const good = sign_caller_identity(kPlace, kHeader, kKeys, now());
  auto with = [&](auto change) {
    auto call = good;
    change(call);
    return call;
  };
  std::vector<SignedCall> const bad = {
      with([](auto& call) { call.access_key_id = ""; }),
      with([](auto& call) { call.access_key_id = "ASIAEXAMPLE000000001/20260115"; }),
      with([](auto& call) { call.access_key_id = "ASIAEXAMPLE000000001\r\nX-A: b"; }),
      with([](auto& call) { call.access_key_id = std::string(129, 'A'); }),
      with([](auto& call) { call.time = ""; }),
      with([](auto& call) { call.time = "20260115T251500Z"; }),
      with([](auto& call) { call.time = "20260115T101500Z, SignedHeaders=host"; }),
      with([](auto& call) { call.session_token = "a b"; }),
      with([](auto& call) { call.session_token = "a\r\nx-haagent-join: other"; }),
      with([](auto& call) { call.session_token = std::string(4097, 'a'); }),
      with([](auto& call) { call.signature = ""; }),
      with([](auto& call) { call.signature[0] = 'G'; }),
      with([](auto& call) { call.signature += "0"; }),
  };
  ScriptedHttp http;
  StsClient sts(http, kPlace);
  for (auto const& call : bad) {
    auto const refused = sts.caller_identity(kHeader, call, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, Kind::invalid);
  }
  EXPECT_TRUE(http.requests().empty());
}

TEST(CallerIdentity, StsSaysNoOrSaysNothing) {
  struct Case {
    int status;
    std::string body;
    Kind kind;
  };
  Case const cases[] = {
      {403, refusal_xml("SignatureDoesNotMatch"), Kind::denied},
      {403, refusal_xml("InvalidClientTokenId"), Kind::denied},
      {403, refusal_xml("ExpiredToken"), Kind::denied},
      {400, refusal_xml("IncompleteSignature"), Kind::denied},
      {400, refusal_xml("Throttling"), Kind::transient},
      {503, refusal_xml("ServiceUnavailable"), Kind::transient},
      {500, refusal_xml("InternalFailure"), Kind::transient},
      {403, "<html>a proxy's own</html>", Kind::transient},
      {302, std::string(kAnswer), Kind::transient},
      {301, "", Kind::transient},
      {204, "", Kind::transient},
      {200, "", Kind::transient},
      {200, "{\"GetCallerIdentityResponse\": {}}", Kind::transient},
  };
  for (auto const& each : cases) {
    ScriptedHttp http;
    http.on("POST https://sts.eu-west-1.amazonaws.com/", test::answer(each.status, each.body));
    CallCounts counts;
    auto const said =
        StsClient(http, kPlace, &counts)
            .caller_identity(kHeader, sign_caller_identity(kPlace, kHeader, kKeys, now()), {});
    ASSERT_FALSE(said) << each.status << each.body;
    EXPECT_EQ(said.error().kind, each.kind) << each.status << each.body;
    EXPECT_EQ(counts.page().requests.size(), 1u);
  }
}

// Where TLS to STS fails, the fault is not the signer's.
TEST(CallerIdentity, TroubleOnTheWayIsNobodysFault) {
  for (auto kind : {Kind::transient, Kind::denied, Kind::invalid}) {
    ScriptedHttp http;
    http.on("POST https://sts.eu-west-1.amazonaws.com/", std::unexpected(Error{kind, "no"}));
    auto const said =
        StsClient(http, kPlace)
            .caller_identity(kHeader, sign_caller_identity(kPlace, kHeader, kKeys, now()), {});
    ASSERT_FALSE(said);
    EXPECT_EQ(said.error().kind, Kind::transient);
  }
}

TEST(CallerIdentity, ReadsTheAnswerAndNothingLikeIt) {
  auto const caller = read_caller_identity(kAnswer);
  ASSERT_TRUE(caller) << caller.error().message.text;
  EXPECT_EQ(caller->account, "123456789012");
  EXPECT_EQ(caller->arn, "arn:aws:sts::123456789012:assumed-role/workers/i-0123456789abcdef0");
  EXPECT_EQ(caller->user_id, "AROAEXAMPLEROLE000000:i-0123456789abcdef0");
  EXPECT_TRUE(read_caller_identity("<?xml version=\"1.0\"?>\n" + std::string(kAnswer)));

  std::string const bad[] = {
      "",
      "<a/>",
      "<!DOCTYPE a [<!ENTITY b \"c\">]>" + std::string(kAnswer),
      std::string(kAnswer) + "<b/>",
      std::string(kAnswer) + std::string(kAnswer),
      "<!-- -->" + std::string(kAnswer),
      replaced(kAnswer, "2011-06-15/\"", "2011-06-15/\" a=\"b\""),
      replaced(kAnswer, "2011-06-15", "2011-06-16"),
      replaced(kAnswer, " xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"", ""),
      replaced(kAnswer, "<Account>123456789012</Account>", ""),
      replaced(kAnswer, "<Account>123456789012</Account>", "<Account></Account>"),
      replaced(kAnswer, "<Account>", "<Account>111111111111</Account><Account>"),
      replaced(kAnswer, "<Account>", "<account>1</account><Account>"),
      replaced(kAnswer, "<Account>123456789012", "<Account><b/>123456789012"),
      replaced(kAnswer, "<Account>123456789012", "<Account><!-- -->123456789012"),
      replaced(kAnswer, "<Account>123456789012", "<Account a=\"b\">123456789012"),
      replaced(kAnswer, "</GetCallerIdentityResult>",
               "</GetCallerIdentityResult><GetCallerIdentityResult/>"),
      replaced(kAnswer, "<ResponseMetadata>", "<Arn>arn</Arn><ResponseMetadata>"),
  };
  for (auto const& xml : bad) EXPECT_FALSE(read_caller_identity(xml)) << xml;
}

TEST(CallerIdentity, AnAssumedRoleHasOneSessionEverywhere) {
  auto caller = [](std::string arn, std::string user, std::string account = "123456789012") {
    return assumed_role_of(
        {.account = std::move(account), .arn = std::move(arn), .user_id = std::move(user)});
  };
  auto const role = caller("arn:aws-cn:sts::123456789012:assumed-role/workers/i-1", "AROA1:i-1");
  ASSERT_TRUE(role);
  EXPECT_EQ(*role, (AssumedRole{"aws-cn", "123456789012", "workers", "i-1"}));

  for (auto const* arn :
       {"arn:aws:iam::123456789012:user/eve", "arn:aws:sts::123456789012:federated-user/eve",
        "arn:aws:iam::123456789012:assumed-role/workers/i-1",
        "arn:aws:sts:eu-west-1:123456789012:assumed-role/workers/i-1",
        "arn:aws:sts::123456789012:assumed-role/workers",
        "arn:aws:sts::123456789012:assumed-role/workers/",
        "arn:aws:sts::123456789012:assumed-role//i-1",
        "arn:aws:sts::123456789012:assumed-role/a/workers/i-1", "", "arn:aws:sts::", "::::::"})
    EXPECT_FALSE(caller(arn, "AROA1:i-1")) << arn;
  constexpr auto kArn = "arn:aws:sts::123456789012:assumed-role/workers/i-1";
  EXPECT_FALSE(caller(kArn, "AROA1:i-2"));
  EXPECT_FALSE(caller(kArn, "AROA1:i-1:i-1"));
  EXPECT_FALSE(caller(kArn, "i-1"));
  EXPECT_FALSE(caller(kArn, "AROA1:i-1", "210987654321"));
}

}  // namespace
}  // namespace haagent::aws
