#include "agent/aws/s3_client.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "agent/aws/s3_errors.h"
#include "agent/aws/sigv4.h"
#include "tests/support/fake_clock.h"
#include "tests/support/golden.h"
#include "tests/support/scripted_http.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;
using test::answer;

constexpr std::string_view kHost = "https://prod-state.s3.eu-west-1.amazonaws.com";

HttpResponse refusal(int status, std::string const& code, std::string const& more = "",
                     Headers headers = {}) {
  return answer(status, "<Error><Code>" + code + "</Code><Message>m</Message>" + more + "</Error>",
                std::move(headers));
}

HttpResponse object(std::string bytes, std::string const& etag = "\"e\"", Headers more = {}) {
  more.emplace_back("etag", etag);
  return answer(200, std::move(bytes), std::move(more));
}

class Keys final : public CredentialSource {
 public:
  Result<Credentials> credentials(std::stop_token) override {
    return Credentials{"KEY" + std::to_string(++asked), Secret("secret"), Secret("token"), {}};
  }
  int asked = 0;
};

struct S3ClientTest : testing::Test {
  std::string at(std::string const& method, std::string const& behind) {
    return fmt::format("{} {}{}", method, kHost, behind);
  }
  static std::string header(HttpRequest const& request, std::string_view name) {
    for (auto const& [key, value] : request.headers) {
      if (key == name) return value;
    }
    return "";
  }

  test::FakeClock clock;  // 2026-01-15T10:15:00Z
  test::ScriptedHttp http;
  Keys source;
  CachedCredentials credentials{source, clock};
  CallCounts counts;
  S3Client s3{
      http, clock, credentials, {.bucket = "prod-state", .region = "eu-west-1", .counts = &counts}};
};

TEST(S3Urls, WhereABucketAnswers) {
  EXPECT_EQ(s3_bucket_url({.bucket = "prod-state"}, "eu-west-1"), kHost);
  EXPECT_EQ(s3_bucket_url({.bucket = "prod.state"}, "eu-west-1"),
            "https://s3.eu-west-1.amazonaws.com/prod.state");
  EXPECT_EQ(s3_bucket_url({.bucket = "prod-state", .domain = "amazonaws.com.cn"}, "cn-north-1"),
            "https://prod-state.s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(s3_bucket_url({.bucket = "prod-state"}, "cn-north-1"),
            "https://prod-state.s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(s3_bucket_url({.bucket = "prod-state", .endpoint = "http://10.0.0.1:9000"}, "x"),
            "http://10.0.0.1:9000/prod-state");
}

// What a bucket's policy looks at: the header of each object that begins, and of no part of one.
TEST_F(S3ClientTest, EncryptionIsAskedForWhereAnObjectBegins) {
  struct Row {
    std::string key, how, header, key_header;
  };
  for (auto const& row :
       {Row{"", "", "-", "-"}, Row{"", "AES256", "AES256", "-"}, Row{"", "aws:kms", "aws:kms", "-"},
        Row{"alias/k", "", "aws:kms", "alias/k"},
        Row{"alias/k", "aws:kms", "aws:kms", "alias/k"}}) {
    test::ScriptedHttp asked;
    asked.always(at("PUT", "/k"), object(""));
    asked.always(at("POST", "/k?uploads="),
                 answer(200,
                        "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                        "</InitiateMultipartUploadResult>"));
    asked.always(at("PUT", "/k?partNumber=1&uploadId=u"), object(""));
    S3Client client(asked, clock, credentials,
                    {.bucket = "prod-state",
                     .region = "eu-west-1",
                     .kms_key_id = row.key,
                     .encryption = row.how});
    EXPECT_TRUE(client.put("k", "x", {}, {}).value());
    EXPECT_TRUE(client.begin_upload("k", {}));
    EXPECT_TRUE(client.upload_part("k", "u", 1, "x", {}));
    for (auto const& request : asked.requests()) {
      auto const value = [&](std::string_view name) {
        for (auto const& [each, text] : request.headers)
          if (each == name) return text;
        return std::string("-");
      };
      bool const part = request.url.contains("partNumber");
      EXPECT_EQ(value("x-amz-server-side-encryption"), part ? "-" : row.header) << request.url;
      EXPECT_EQ(value("x-amz-server-side-encryption-aws-kms-key-id"), part ? "-" : row.key_header)
          << request.url;
    }
  }
}

// Every call as it goes out: the URL, the headers, the body.
TEST_F(S3ClientTest, RequestsAreThoseOfTheGoldenFile) {
  S3Client keyed(http, clock, credentials,
                 {.bucket = "prod-state",
                  .region = "eu-west-1",
                  .kms_key_id = "alias/haagent",
                  .user_agent = "haagent/1.2.3"});
  http.always(at("GET", "/p/k%20%2B"), object("x"));
  http.always(at("HEAD", "/p/k"), object("", "\"e\"", {{"content-length", "1"}}));
  http.always(at("PUT", "/p/k"), object(""));
  http.always(at("DELETE", "/p/k"), answer(204));
  http.always(at("GET", "/?encoding-type=url&list-type=2&max-keys=1000&prefix=p%2Fa"),
              answer(200, "<ListBucketResult/>"));
  http.always(at("GET",
                 "/?encoding-type=url&list-type=2&max-keys=1000&prefix=p%2Fa&"
                 "continuation-token=t%2F%3D"),
              answer(200, "<ListBucketResult/>"));
  http.always(at("POST", "/p/k?uploads="),
              answer(200,
                     "<InitiateMultipartUploadResult><UploadId>u/1</UploadId>"
                     "</InitiateMultipartUploadResult>"));
  http.always(at("PUT", "/p/k?partNumber=2&uploadId=u%2F1"), object(""));
  http.always(at("POST", "/p/k?uploadId=u%2F1"), answer(200, "<CompleteMultipartUploadResult/>"));
  http.always(at("DELETE", "/p/k?uploadId=u%2F1"), answer(204));

  EXPECT_TRUE(keyed.get("p/k +", {}, "", {}));
  EXPECT_TRUE(keyed.get("p/k +", S3Range{0, 10}, "\"e\"", {}));
  EXPECT_TRUE(keyed.head("p/k", {}));
  EXPECT_TRUE(keyed.put("p/k", "hello", {.absent = true, .writer = "w1"}, {}).value());
  EXPECT_TRUE(keyed.put("p/k", "hello", {.etag = "\"e\""}, {}).value());
  EXPECT_TRUE(keyed.remove("p/k", {}));
  EXPECT_TRUE(keyed.list("p/a", "", {}));
  EXPECT_TRUE(keyed.list("p/a", "t/=", {}));
  EXPECT_EQ(keyed.begin_upload("p/k", {}), "u/1");
  auto part = keyed.upload_part("p/k", "u/1", 2, "hello", {});
  ASSERT_TRUE(part);
  EXPECT_TRUE(keyed.complete_upload("p/k", "u/1", {*part}, {}).value());
  EXPECT_TRUE(keyed.abort_upload("p/k", "u/1", {}));

  std::string page;
  for (auto request : http.requests()) {
    page += fmt::format("{} {}\n", request.method, request.url);
    std::ranges::sort(request.headers);
    for (auto const& [name, value] : request.headers) page += fmt::format("{}: {}\n", name, value);
    page += fmt::format("\n{}\n----\n", request.body);
  }
  EXPECT_TRUE(test::matches_golden("aws/s3_requests.txt", page));
}

// No cluster is formed before the store has answered, and a member that is late is a learner.
TEST_F(S3ClientTest, ABootsQuestionsWaitForNobody) {
  auto const before = clock.steady();
  for (int i = 0; i < 60; ++i) {
    http.on(at("GET", "/pki/etcd.json"), object("{}"));
    EXPECT_TRUE(s3.get("pki/etcd.json", {}, "", {}));
  }
  EXPECT_EQ(clock.steady(), before);
}

TEST_F(S3ClientTest, WhatIsAbsentIsNoError) {
  http.always(at("GET", "/k"), refusal(404, "NoSuchKey"));
  http.always(at("HEAD", "/k"), answer(404));
  EXPECT_FALSE(s3.get("k", {}, "", {}).value().has_value());
  EXPECT_FALSE(s3.head("k", {}).value().has_value());
  http.always(at("GET", "/other"), refusal(404, "NoSuchBucket"));
  EXPECT_EQ(s3.get("other", {}, "", {}).error().kind, Kind::invalid);
}

TEST_F(S3ClientTest, AConditionThatDoesNotHoldIsAnAnswer) {
  http.on(at("PUT", "/k"), refusal(412, "PreconditionFailed"));
  EXPECT_FALSE(s3.put("k", "x", {.absent = true}, {}).value());
  http.on(at("PUT", "/k"), refusal(404, "NoSuchKey"));
  EXPECT_FALSE(s3.put("k", "x", {.etag = "\"e\""}, {}).value());
  http.on(at("PUT", "/k"), refusal(409, "ConditionalRequestConflict"));
  EXPECT_EQ(s3.put("k", "x", {.absent = true}, {}).error().kind, Kind::transient);
}

// Trap: a 200 with an error behind it, white space and all.
TEST_F(S3ClientTest, ACompletionThatSays200AndThenFailsHasFailed) {
  http.on(at("POST", "/k?uploadId=u"),
          answer(200,
                 "\n  <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n <Error><Code>InternalError"
                 "</Code><Message>We encountered an internal error</Message></Error>"));
  auto done = s3.complete_upload("k", "u", {{1, "e", ""}}, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, Kind::transient);
  EXPECT_EQ(s3_code(done.error()), "InternalError");
  // One that was cut short is no success either.
  http.on(at("POST", "/k?uploadId=u"), answer(200, "  \n"));
  EXPECT_EQ(s3.complete_upload("k", "u", {{1, "e", ""}}, {}).error().kind, Kind::transient);
  http.on(at("POST", "/k?uploadId=u"), refusal(404, "NoSuchUpload"));
  EXPECT_FALSE(s3.complete_upload("k", "u", {{1, "e", ""}}, {}).value());
}

TEST_F(S3ClientTest, AnObjectThatReadsLikeAnErrorIsAnObject) {
  http.on(at("GET", "/k"), object("<Error><Code>SlowDown</Code></Error>"));
  EXPECT_EQ(s3.get("k", {}, "", {}).value()->bytes, "<Error><Code>SlowDown</Code></Error>");
}

TEST_F(S3ClientTest, AnswersThatAreNotS3sAreTransient) {
  http.always(at("GET", "/k"), answer(200, "<html>log in</html>"));
  EXPECT_EQ(s3.get("k", {}, "", {}).error().kind, Kind::transient);
  http.always(at("PUT", "/k"), answer(200, "<html>log in</html>"));
  EXPECT_EQ(s3.put("k", "x", {}, {}).error().kind, Kind::transient);
  http.always(at("HEAD", "/k"), answer(200, ""));
  EXPECT_EQ(s3.head("k", {}).error().kind, Kind::transient);
}

TEST_F(S3ClientTest, ARangeIsTheOneThatWasAskedFor) {
  auto ranged = [](std::string bytes, std::string const& told) {
    return answer(206, std::move(bytes), {{"etag", "\"e\""}, {"content-range", told}});
  };
  http.on(at("GET", "/k"), ranged("lo", "bytes 3-4/5"));
  auto got = s3.get("k", S3Range{3, 100}, "\"e\"", {});
  ASSERT_TRUE(got) << got.error().message.text;
  EXPECT_EQ((*got)->size, 5u);
  for (auto wrong : {"bytes 0-1/5", "bytes 3-4/9", "bytes 3-3/5", "bytes 3-4", "bytes 3-4/4", ""}) {
    http.on(at("GET", "/k"), ranged("lo", wrong));
    EXPECT_EQ(s3.get("k", S3Range{3, 100}, "\"e\"", {}).error().kind, Kind::transient) << wrong;
  }
  http.on(at("GET", "/k"), object("hello"));
  EXPECT_EQ(s3.get("k", S3Range{3, 100}, "", {}).error().kind, Kind::invalid);
  http.on(at("GET", "/k"), object("hello", "\"other\""));
  EXPECT_EQ(s3.get("k", {}, "\"e\"", {}).error().kind, Kind::conflict);
}

TEST_F(S3ClientTest, ABucketElsewhereIsFollowedWithinThePartition) {
  http.on(at("GET", "/k"),
          refusal(301, "PermanentRedirect", "", {{"x-amz-bucket-region", "us-west-2"}}));
  http.always("GET https://prod-state.s3.us-west-2.amazonaws.com/k", object("x"));
  EXPECT_EQ(s3.get("k", {}, "", {}).value()->bytes, "x");
  EXPECT_EQ(s3.get("k", {}, "", {}).value()->bytes, "x") << "and stays there";
  EXPECT_TRUE(header(http.requests()[1], "authorization").contains("/us-west-2/s3/aws4_request"));
  EXPECT_EQ(http.requests().size(), 3u);
}

TEST_F(S3ClientTest, EachRequestIsCountedByWhatCameOfIt) {
  http.on(at("GET", "/k"), refusal(404, "NoSuchKey"));
  http.on(at("GET", "/k"), refusal(503, "SlowDown"));
  http.on(at("GET", "/k"), fail(Kind::transient, "Timeout was reached"));
  http.on(at("GET", "/k"),
          refusal(301, "PermanentRedirect", "", {{"x-amz-bucket-region", "us-west-2"}}));
  http.always("GET https://prod-state.s3.us-west-2.amazonaws.com/k", object("x"));
  for (int call = 0; call < 4; ++call) (void)s3.get("k", {}, "", {});
  http.on("PUT https://prod-state.s3.us-west-2.amazonaws.com/k",
          refusal(412, "PreconditionFailed"));
  EXPECT_FALSE(s3.put("k", "x", {.absent = true}, {}).value());
  auto of = [](char const* action, CallResult result) {
    return CallCounts::Of{"s3", action, result};
  };
  std::map<CallCounts::Of, std::uint64_t> const expected = {
      {of("GetObject", CallResult::not_found), 1},   {of("GetObject", CallResult::throttled), 1},
      {of("GetObject", CallResult::unreachable), 1}, {of("GetObject", CallResult::redirected), 1},
      {of("GetObject", CallResult::ok), 1},          {of("PutObject", CallResult::conflict), 1}};
  EXPECT_EQ(counts.page().requests, expected);
  EXPECT_EQ(counts.page().retries.at("s3"), 1u);
}

TEST_F(S3ClientTest, TheRegionMayStandInTheBodyAndIsFollowedOnceACall) {
  http.on(at("GET", "/k"),
          refusal(400, "AuthorizationHeaderMalformed", "<Region>eu-north-1</Region>"));
  http.on("GET https://prod-state.s3.eu-north-1.amazonaws.com/k",
          refusal(301, "PermanentRedirect", "", {{"x-amz-bucket-region", "eu-west-1"}}));
  auto circle = s3.get("k", {}, "", {});
  ASSERT_FALSE(circle);
  EXPECT_EQ(s3_code(circle.error()), "PermanentRedirect");
}

TEST_F(S3ClientTest, AnotherPartitionOrNoRegionIsTold) {
  http.on(at("GET", "/k"),
          refusal(301, "PermanentRedirect", "", {{"x-amz-bucket-region", "cn-north-1"}}));
  auto error = s3.get("k", {}, "", {}).error();
  EXPECT_EQ(error.kind, Kind::invalid);
  EXPECT_TRUE(error.message.text.contains("prod-state")) << error.message.text;
  EXPECT_TRUE(error.message.text.contains("cn-north-1")) << error.message.text;
  EXPECT_TRUE(error.message.text.contains("cluster.state")) << error.message.text;
  for (auto hostile : {"evil.example.com/", "", "EU-WEST-1"}) {
    http.on(at("GET", "/k"),
            refusal(301, "PermanentRedirect", "", {{"x-amz-bucket-region", hostile}}));
    EXPECT_FALSE(s3.get("k", {}, "", {}));
  }
}

TEST_F(S3ClientTest, ASkewedClockIsCorrectedOnce) {
  http.on(at("GET", "/k"),
          refusal(403, "RequestTimeTooSkewed", "", {{"date", "Thu, 15 Jan 2026 11:15:00 GMT"}}));
  http.on(at("GET", "/k"), object("x"));
  EXPECT_TRUE(s3.get("k", {}, "", {}));
  EXPECT_EQ(header(http.requests()[1], "x-amz-date"), "20260115T111500Z");
  EXPECT_EQ(source.asked, 1);
}

TEST_F(S3ClientTest, ExpiredCredentialsAreRenewedOnce) {
  http.always(at("GET", "/k"), refusal(400, "ExpiredToken"));
  EXPECT_EQ(s3.get("k", {}, "", {}).error().kind, Kind::denied);
  EXPECT_EQ(source.asked, 2);
  EXPECT_EQ(http.requests().size(), 2u);
}

// What signatures are corrected by must not hide that this machine's clock is wrong.
TEST_F(S3ClientTest, ClockOfS3IsToldThoughSignaturesAreCorrected) {
  EXPECT_FALSE(s3.now());
  http.on(at("GET", "/k"),
          refusal(403, "RequestTimeTooSkewed", "", {{"date", "Thu, 15 Jan 2026 11:15:00 GMT"}}));
  http.on(at("GET", "/k"), object("x", "\"e\"",
                                  {{"date", "Thu, 15 Jan 2026 11:15:01 GMT"},
                                   {"last-modified", "Wed, 14 Jan 2026 09:00:00 GMT"}}));
  auto const got = s3.get("k", {}, "", {});
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->modified, parse_rfc3339("2026-01-14T09:00:00Z"));
  EXPECT_EQ(s3.now(), parse_rfc3339("2026-01-15T11:15:01.500Z"));
  // The own clock is set; S3's time goes on as the steady clock does.
  clock.step(-24h);
  clock.advance(10s);
  EXPECT_EQ(s3.now(), parse_rfc3339("2026-01-15T11:15:11.500Z"));
  clock.advance(2min);
  EXPECT_FALSE(s3.now()) << "an old answer may be from before the machine was suspended";
}

TEST_F(S3ClientTest, ClockOfS3IsToldByARefusalToo) {
  http.on(at("HEAD", "/k"),
          answer(403, "", {{"x-amz-request-id", "1"}, {"date", "Thu, 15 Jan 2026 11:15:00 GMT"}}));
  EXPECT_EQ(s3.head("k", {}).error().kind, Kind::denied);
  EXPECT_EQ(s3.now(), parse_rfc3339("2026-01-15T11:15:00.500Z"));
}

TEST_F(S3ClientTest, ClockOfAProxyOrACacheIsNotS3s) {
  http.on(at("GET", "/k"), answer(503, "<html>", {{"date", "Thu, 15 Jan 2026 11:15:00 GMT"}}));
  EXPECT_FALSE(s3.get("k", {}, "", {}));
  EXPECT_FALSE(s3.now());
  http.on(at("GET", "/k"),
          object("x", "\"e\"", {{"date", "Thu, 15 Jan 2026 11:15:00 GMT"}, {"age", "3600"}}));
  EXPECT_TRUE(s3.get("k", {}, "", {}));
  EXPECT_FALSE(s3.now());
}

}  // namespace
}  // namespace haagent::aws
