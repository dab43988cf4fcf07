#include "agent/aws/caller_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "agent/aws/sigv4.h"
#include "agent/base/http_curl.h"
#include "tests/support/loopback_server.h"
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
  EXPECT_EQ(request.timeout, StsClient::kDeadline);
  EXPECT_EQ(request.max_body, StsClient::kAnswerCap);
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
      with([](auto& call) { call.time = "20260115T101560Z"; }),
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

// What a proxy, or whoever else answers, puts into its refusal goes into a journal.
TEST(CallerIdentity, OfWhatIsRefusedALineIsSaid) {
  ScriptedHttp http;
  http.on("POST https://sts.eu-west-1.amazonaws.com/",
          test::answer(403, replaced(refusal_xml(std::string(5'000, 'A')), ">no<",
                                     ">\x1b[2J\n" + std::string(9'000, 'b') + "<")));
  auto const said =
      StsClient(http, kPlace)
          .caller_identity(kHeader, sign_caller_identity(kPlace, kHeader, kKeys, now()), {});
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().kind, Kind::denied);
  EXPECT_LT(said.error().message.text.size(), 1'000u);
  EXPECT_THAT(said.error().message.text, testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(said.error().message.text, testing::Not(HasSubstr("\n")));
  EXPECT_LE(said.error().message.subject.size(), 100u);
}

// An STS of the test's own on loopback, which answers so.
Result<CallerIdentity> asked_of(test::LoopbackServer const& server) {
  CurlHttp http;
  auto url = server.url("");
  StsPlace const place{.endpoint = url.substr(0, url.find('/', url.find("//") + 2)),
                       .region = "eu-west-1"};
  return StsClient(http, place)
      .caller_identity(kHeader, sign_caller_identity(place, kHeader, kKeys, now()), {});
}

std::string padded(std::size_t size) {
  std::string answer(kAnswer);
  answer.append(size - answer.size(), ' ');
  return answer;
}

std::string chunked(std::string_view body) {
  return fmt::format("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                     body.size(), body);
}

TEST(CallerIdentity, AnAnswerIsWithinItsBound) {
  constexpr auto kCap = StsClient::kAnswerCap;
  struct Case {
    char const* name;
    std::string bytes;
    bool is_read;
  };
  Case const cases[] = {
      {"as it is", test::ok(kAnswer).bytes, true},
      {"as long as it may be", test::ok(padded(kCap)).bytes, true},
      {"one byte longer", test::ok(padded(kCap + 1)).bytes, false},
      {"as long, in chunks", chunked(padded(kCap)), true},
      {"one byte longer, in chunks", chunked(padded(kCap + 1)), false},
      {"a length of 4 GiB, and no more",
       "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n" + std::string(kAnswer), false},
      {"a refusal that is longer",
       replaced(test::ok(padded(kCap + 1)).bytes, "200 OK", "403 Forbidden"), false},
      {"another place",
       "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0"
       "\r\n\r\n",
       false},
      {"ends too early", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + std::string(kAnswer),
       false},
  };
  for (auto const& each : cases) {
    test::LoopbackServer server([&](std::string const&) {
      return test::Reply{.bytes = each.bytes, .after = test::Reply::After::close};
    });
    auto const said = asked_of(server);
    EXPECT_EQ(said.has_value(), each.is_read) << each.name;
    EXPECT_TRUE(said || said.error().kind == Kind::transient) << each.name;
    EXPECT_EQ(server.requests().size(), 1u) << each.name << ": nothing is asked twice";
  }
}

// A master has a thread for each machine that asks; one that STS keeps waiting is let go.
TEST(CallerIdentity, AnAnswerHasADeadline) {
  struct Case {
    char const* name;
    std::string bytes;
  };
  Case const cases[] = {
      {"says nothing", ""},
      {"stops in the head", "HTTP/1.1 200 OK\r\nContent-Le"},
      {"stops in the body", replaced(test::ok(padded(4'096)).bytes, "</Get", "")},
  };
  std::vector<std::thread> threads;
  for (auto const& each : cases)
    threads.emplace_back([&each] {
      test::LoopbackServer server([&](std::string const&) {
        return test::Reply{.bytes = each.bytes, .after = test::Reply::After::hold};
      });
      auto const began = std::chrono::steady_clock::now();
      auto const said = asked_of(server);
      auto const took = std::chrono::steady_clock::now() - began;
      ASSERT_FALSE(said) << each.name;
      EXPECT_EQ(said.error().kind, Kind::transient) << each.name;
      EXPECT_GE(took, StsClient::kDeadline / 2) << each.name;
      EXPECT_LT(took, StsClient::kDeadline * 3) << each.name;
    });
  for (auto& thread : threads) thread.join();
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
      "HTTP/1.1 200 OK\n" + std::string(kAnswer),
      std::string(kAnswer) + "and more",
      std::string(kAnswer) + '\0' + std::string(kAnswer),
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
      replaced(kAnswer, "<Account>123456789012", "<Account>123456789012&#10;"),
      replaced(kAnswer, "assumed-role/workers", "assumed-role/&#27;[2Jworkers"),
      replaced(kAnswer, "assumed-role/workers", "assumed-role/w orkers"),
      replaced(kAnswer, "assumed-role/workers", "assumed-role/" + std::string(2'048, 'w')),
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
