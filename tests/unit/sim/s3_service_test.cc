#include "tests/sim/s3_service.h"

#include <gtest/gtest.h>

#include "agent/base/base64.h"
#include "agent/base/sha256.h"
#include "tests/unit/sim/service_test.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

RegionSpec with_buckets() {
  auto spec = three_zones();
  spec.buckets = {{"state", "", ""},
                  {"keyed", "", "arn:aws:kms:eu-west-1:1:key/k"},
                  {.name = "strict", .demands_encryption = "AES256"},
                  {"far", "us-west-2", ""},
                  {"with.dots", "", ""}};
  return spec;
}

struct Asked {
  std::string method = "GET";
  std::string target = "/state";  // path and query, as on the wire
  Headers headers;
  std::string body;
  std::string region = "eu-west-1";
  std::string host = "s3.eu-west-1.amazonaws.com";
  aws::SigningRules rules = aws::kS3Rules;
};

struct S3ServiceTest : testing::Test, ServiceWorld {
  S3ServiceTest() : ServiceWorld(with_buckets()) { boot(); }

  Request signed_as(Asked const& asked, aws::Credentials const& credentials) {
    HttpRequest http;
    http.method = asked.method;
    http.url = "https://" + asked.host + asked.target;
    http.headers = asked.headers;
    http.body = asked.body;
    aws::Signer({asked.region, "s3"}, asked.rules).sign(http, credentials, clock.utc());
    Request request;
    request.source = "192.0.2.1";
    auto const query = asked.target.find('?');
    request.wire = {asked.method, asked.target.substr(0, query),
                    query == std::string::npos ? "" : asked.target.substr(query + 1), http.headers,
                    asked.body};
    request.wire.headers.emplace_back("Host", asked.host);
    request.wire.headers.emplace_back("Content-Length", std::to_string(asked.body.size()));
    return request;
  }
  Response ask(Asked const& asked) { return api.handle(signed_as(asked, operator_keys())); }
  Response ask_as_master(Asked const& asked) {
    return api.handle(signed_as(asked, keys.credentials_of(member("masters-a"))));
  }
  Response put(std::string const& key, std::string const& body, Headers headers = {}) {
    return ask({"PUT", "/state/" + key, std::move(headers), body});
  }
  std::string stored(std::string const& key) {
    auto object = region.buckets().get("state", key);
    return object ? object->bytes->text() : "(none)";
  }
  std::string begin_upload(std::string const& key, Headers headers = {}) {
    return text(ask({"POST", "/state/" + key + "?uploads", std::move(headers)}).body,
                "//*[local-name()='UploadId']");
  }
  std::string part(std::string const& key, std::string const& id, int number,
                   std::string const& body) {
    auto const answer =
        ask({"PUT", fmt::format("/state/{}?partNumber={}&uploadId={}", key, number, id), {}, body});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return header_of(answer.headers, "etag").value_or("");
  }
  static std::string completion(std::vector<std::pair<int, std::string>> const& parts) {
    std::string xml = "<CompleteMultipartUpload>";
    for (auto const& [number, etag] : parts)
      xml += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", number, etag);
    return xml + "</CompleteMultipartUpload>";
  }
};

std::string body_of(Response const& response) {
  std::string body = response.body;
  if (response.large) {
    (void)response.large->each(response.offset, response.length, [&](std::string_view piece) {
      body += piece;
      return true;
    });
  }
  return body;
}

TEST(S3Place, BucketInThePathOrInTheHost) {
  auto const place = [](std::string const& host, std::string const& path) {
    auto const found = s3_place({"GET", path, "", {{"Host", host}}, ""});
    return found.bucket + "|" + found.key;
  };
  EXPECT_EQ(place("169.254.169.254:8080", "/b/a%20b/c"), "b|a b/c");
  EXPECT_EQ(place("s3.eu-west-1.amazonaws.com", "/b/k"), "b|k");
  EXPECT_EQ(place("b.s3.eu-west-1.amazonaws.com", "/k//x"), "b|k//x");
  EXPECT_EQ(place("my.b.s3.eu-west-1.amazonaws.com", "/k"), "my.b|k");
  EXPECT_EQ(place("b.s3-fips.us-east-1.amazonaws.com:443", "/"), "b|");
  EXPECT_EQ(place("127.0.0.1", "/"), "|");
}

TEST(S3Ranges, OneRangeOrNone) {
  EXPECT_EQ(s3_range("bytes=0-9", 100), (S3Range{0, 10}));
  EXPECT_EQ(s3_range("bytes=90-200", 100), (S3Range{90, 10}));
  EXPECT_EQ(s3_range("bytes=90-", 100), (S3Range{90, 10}));
  EXPECT_EQ(s3_range("bytes=-5", 100), (S3Range{95, 5}));
  EXPECT_EQ(s3_range("bytes=-500", 100), (S3Range{0, 100}));
  EXPECT_EQ(s3_range("bytes=100-", 100), (S3Range{100, 0}));
  for (auto other :
       {"", "bytes=", "bytes=-", "bytes=9-0", "items=0-1", "bytes=0-1,3-4", "bytes=x-"})
    EXPECT_EQ(s3_range(other, 100), std::nullopt) << other;
}

TEST(S3Parts, WhatACompletionNames) {
  auto const claims = read_part_claims(
      "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part>"
      "<ETag>\"e\"</ETag><PartNumber>7</PartNumber><ChecksumSHA256>c</ChecksumSHA256></Part>"
      "</CompleteMultipartUpload>");
  ASSERT_TRUE(claims) << claims.error().message;
  ASSERT_EQ(claims->size(), 1u);
  EXPECT_EQ((*claims)[0].number, 7);
  EXPECT_EQ((*claims)[0].etag, "\"e\"");
  EXPECT_EQ((*claims)[0].checksum, "c");
  for (auto bad : {"", "<a/>", "<CompleteMultipartUpload/>",
                   "<CompleteMultipartUpload><Part><ETag>e</ETag></Part></CompleteMultipartUpload>",
                   "<CompleteMultipartUpload><Part><PartNumber>10001</PartNumber><ETag>e</ETag>"
                   "</Part></CompleteMultipartUpload>"})
    EXPECT_FALSE(read_part_claims(bad)) << bad;
}

TEST_F(S3ServiceTest, WhatIsPutIsGot) {
  auto const put_answer =
      put("a/b%20c", "hello", {{"content-type", "text/plain"}, {"x-amz-meta-who", "me"}});
  ASSERT_EQ(put_answer.status, 200) << put_answer.body;
  EXPECT_EQ(header_of(put_answer.headers, "etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
  EXPECT_EQ(header_of(put_answer.headers, "x-amz-server-side-encryption"), "AES256");
  EXPECT_EQ(stored("a/b c"), "hello");

  auto const got = ask({"GET", "/state/a/b%20c"});
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(body_of(got), "hello");
  EXPECT_EQ(header_of(got.headers, "content-type"), "text/plain");
  EXPECT_EQ(header_of(got.headers, "x-amz-meta-who"), "me");
  EXPECT_EQ(header_of(got.headers, "last-modified"), http_date(clock.utc()));

  auto const part = ask({"GET", "/state/a/b%20c", {{"range", "bytes=1-3"}}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(body_of(part), "ell");
  EXPECT_EQ(header_of(part.headers, "content-range"), "bytes 1-3/5");
  EXPECT_EQ(error_code(ask({"GET", "/state/a/b%20c", {{"range", "bytes=5-"}}})), "InvalidRange");
  EXPECT_EQ(ask({"GET", "/state/a/b%20c", {{"if-match", "\"other\""}}}).status, 412);
  EXPECT_EQ(
      ask({"GET", "/state/a/b%20c", {{"if-none-match", "\"5d41402abc4b2a76b9719d911017c592\""}}})
          .status,
      304);

  auto const head = ask({"HEAD", "/state/a/b%20c"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.length, 5u);
  EXPECT_EQ(ask({"HEAD", "/state/none"}).status, 404);
  EXPECT_EQ(ask({"HEAD", "/state/none"}).body, "");
  EXPECT_EQ(error_code(ask({"GET", "/state/none"})), "NoSuchKey");
  EXPECT_EQ(error_code(ask({"GET", "/nobody/none"})), "NoSuchBucket");

  EXPECT_EQ(ask({"DELETE", "/state/a/b%20c"}).status, 204);
  EXPECT_EQ(ask({"DELETE", "/state/a/b%20c"}).status, 204);
  EXPECT_EQ(stored("a/b c"), "(none)");
}

TEST_F(S3ServiceTest, BucketInTheHost) {
  Asked asked{"PUT", "/k", {}, "x"};
  asked.host = "state.s3.eu-west-1.amazonaws.com";
  EXPECT_EQ(ask(asked).status, 200);
  EXPECT_EQ(stored("k"), "x");
}

TEST_F(S3ServiceTest, ConditionsDecideWhoWrites) {
  EXPECT_EQ(put("k", "one", {{"if-none-match", "*"}}).status, 200);
  EXPECT_EQ(error_code(put("k", "two", {{"if-none-match", "*"}})), "PreconditionFailed");
  EXPECT_EQ(stored("k"), "one");
  auto const etag = header_of(ask({"HEAD", "/state/k"}).headers, "etag").value();
  EXPECT_EQ(put("k", "two", {{"if-match", etag}}).status, 200);
  EXPECT_EQ(put("k", "three", {{"if-match", etag}}).status, 412);
  EXPECT_EQ(error_code(put("gone", "x", {{"if-match", etag}})), "NoSuchKey");
  EXPECT_EQ(put("k", "x", {{"if-none-match", etag}}).status, 501);
  EXPECT_EQ(stored("k"), "two");
}

TEST_F(S3ServiceTest, EncryptionIsTheRequestsOrTheBuckets) {
  auto const key_of = [](Response const& response) {
    return header_of(response.headers, "x-amz-server-side-encryption").value_or("?") + " " +
           header_of(response.headers, "x-amz-server-side-encryption-aws-kms-key-id").value_or("-");
  };
  EXPECT_EQ(key_of(put("a", "x")), "AES256 -");
  EXPECT_EQ(key_of(ask({"PUT", "/keyed/a", {}, "x"})), "aws:kms arn:aws:kms:eu-west-1:1:key/k");
  EXPECT_EQ(key_of(put("b", "x",
                       {{"x-amz-server-side-encryption", "aws:kms"},
                        {"x-amz-server-side-encryption-aws-kms-key-id", "mine"}})),
            "aws:kms mine");
  EXPECT_EQ(key_of(ask({"GET", "/state/b"})), "aws:kms mine");
}

TEST_F(S3ServiceTest, ABucketThatDemandsEncryptionWantsItInTheHeader) {
  EXPECT_EQ(ask({"PUT", "/strict/a", {}, "x"}).status, 403);
  EXPECT_EQ(ask({"PUT", "/strict/a", {{"x-amz-server-side-encryption", "aws:kms"}}, "x"}).status,
            403);
  EXPECT_EQ(ask({"POST", "/strict/a?uploads="}).status, 403);
  EXPECT_EQ(ask({"GET", "/strict/a"}).status, 404);
  Headers const asked = {{"x-amz-server-side-encryption", "AES256"}};
  EXPECT_EQ(ask({"PUT", "/strict/a", asked, "x"}).status, 200);
  EXPECT_EQ(ask({"POST", "/strict/a?uploads=", asked}).status, 200);
  EXPECT_EQ(ask({"GET", "/strict/a"}).status, 200);
}

TEST_F(S3ServiceTest, SumsAreHeldAgainstTheBody) {
  EXPECT_EQ(put("k", "hello", {{"content-md5", "XUFAKrxLKna5cZ2REBfFkg=="}}).status, 200);
  EXPECT_EQ(error_code(put("k", "other", {{"content-md5", "XUFAKrxLKna5cZ2REBfFkg=="}})),
            "BadDigest");
  EXPECT_EQ(error_code(put("k", "hello", {{"content-md5", "short"}})), "InvalidDigest");
  auto const sum = to_base64(sha256("hello"));
  EXPECT_EQ(put("k", "hello", {{"x-amz-checksum-sha256", sum}}).status, 200);
  EXPECT_EQ(header_of(ask({"GET", "/state/k", {{"x-amz-checksum-mode", "ENABLED"}}}).headers,
                      "x-amz-checksum-sha256"),
            sum);
  EXPECT_EQ(error_code(put("k", "other", {{"x-amz-checksum-sha256", sum}})), "BadDigest");
  EXPECT_EQ(put("k", "hello", {{"x-amz-checksum-crc32", "NhCmhg=="}}).status, 200);
  EXPECT_EQ(error_code(put("k", "other", {{"x-amz-checksum-crc32", "NhCmhg=="}})), "BadDigest");
  EXPECT_EQ(put("k", "hello", {{"x-amz-checksum-crc64nvme", "x"}}).status, 501);
}

TEST_F(S3ServiceTest, SignaturesAreVerified) {
  auto request = signed_as({"PUT", "/state/k", {}, "hello"}, operator_keys());
  request.wire.body = "hallo";
  EXPECT_EQ(error_code(api.handle(request)), "XAmzContentSHA256Mismatch");
  auto const other_path = [&] {
    auto moved = signed_as({"PUT", "/state/k", {}, "hello"}, operator_keys());
    moved.wire.path = "/state/other";
    return moved;
  };
  EXPECT_EQ(error_code(api.handle(other_path())), "SignatureDoesNotMatch");
  auto unsigned_payload = signed_as({"PUT",
                                     "/state/k",
                                     {},
                                     "hello",
                                     "eu-west-1",
                                     "s3.eu-west-1.amazonaws.com",
                                     {aws::PathRule::s3, aws::Payload::not_signed, true}},
                                    operator_keys());
  EXPECT_EQ(api.handle(unsigned_payload).status, 200);
  // A key whose encoding shows: encoded once, and nothing resolved.
  EXPECT_EQ(put("a%2B//..%2Fb~", "x").status, 200);
  EXPECT_EQ(stored("a+//../b~"), "x");

  auto strange = operator_keys();
  strange.access_key_id = "AKIANOBODY";
  EXPECT_EQ(error_code(api.handle(signed_as({}, strange))), "InvalidAccessKeyId");
  EXPECT_EQ(error_code(api.handle(
                {{"GET", "/state/k", "", {{"host", "s3.eu-west-1.x"}}, ""}, "192.0.2.1", nullptr})),
            "AccessDenied");
  auto const stale = signed_as({"GET", "/state?list-type=2"}, operator_keys());
  clock.advance(14min);
  EXPECT_EQ(api.handle(stale).status, 200);
  clock.advance(2min);
  EXPECT_EQ(error_code(api.handle(stale)), "RequestTimeTooSkewed");
  auto const of_master =
      signed_as({"GET", "/state?list-type=2"}, keys.credentials_of(member("masters-a")));
  EXPECT_EQ(api.handle(of_master).status, 200);
}

TEST_F(S3ServiceTest, ABucketOfAnotherRegion) {
  auto const wrong = ask({"GET", "/far/k"});
  EXPECT_EQ(wrong.status, 301);
  EXPECT_EQ(error_code(wrong), "PermanentRedirect");
  EXPECT_EQ(header_of(wrong.headers, "x-amz-bucket-region"), "us-west-2");
  EXPECT_EQ(text(wrong.body, "//Endpoint"), "far.s3.us-west-2.amazonaws.com");
  auto const head = ask({"HEAD", "/far/k"});
  EXPECT_EQ(head.status, 301);
  EXPECT_EQ(header_of(head.headers, "x-amz-bucket-region"), "us-west-2");

  Asked right{"PUT", "/far/k", {}, "x"};
  right.region = "us-west-2";
  EXPECT_EQ(ask(right).status, 200);
  Asked third{"GET", "/state/k"};
  third.region = "us-east-1";
  EXPECT_EQ(error_code(ask(third)), "AuthorizationHeaderMalformed");
  EXPECT_EQ(text(ask(third).body, "//Region"), "eu-west-1");
}

TEST_F(S3ServiceTest, ListsInPages) {
  for (auto key : {"a/1", "a/2", "a/b/1", "a/b/2", "b", "c%20d"}) put(key, "12");
  auto const keys_of = [](Response const& response) {
    auto found = texts(response.body, "//*[local-name()='Contents']/*[local-name()='Key']");
    return fmt::format("{}", fmt::join(found, " "));
  };
  EXPECT_EQ(keys_of(ask({"GET", "/state?list-type=2"})), "a/1 a/2 a/b/1 a/b/2 b c d");
  EXPECT_EQ(keys_of(ask({"GET", "/state?list-type=2&encoding-type=url&prefix=c"})), "c%20d");
  EXPECT_EQ(keys_of(ask({"GET", "/state?list-type=2&prefix=a%2F&start-after=a%2F1"})),
            "a/2 a/b/1 a/b/2");

  std::string token, all;
  int pages = 0;
  do {
    auto const page = ask({"GET", "/state?list-type=2&max-keys=2" +
                                      (token.empty() ? "" : "&continuation-token=" + token)});
    all += keys_of(page) + ";";
    token = text(page.body, "//*[local-name()='NextContinuationToken']");
    EXPECT_EQ(text(page.body, "//*[local-name()='IsTruncated']"),
              token == "(none)" ? "false" : "true");
    if (token == "(none)") token.clear();
    ASSERT_LT(++pages, 10);
  } while (!token.empty());
  EXPECT_EQ(all, "a/1 a/2;a/b/1 a/b/2;b c d;");
  EXPECT_EQ(pages, 3);

  auto const folders = ask({"GET", "/state?list-type=2&prefix=a%2F&delimiter=%2F"});
  EXPECT_EQ(keys_of(folders), "a/1 a/2");
  EXPECT_EQ(texts(folders.body, "//*[local-name()='CommonPrefixes']/*[local-name()='Prefix']"),
            std::vector<std::string>{"a/b/"});
  EXPECT_EQ(error_code(ask({"GET", "/state?list-type=2&max-keys=x"})), "InvalidArgument");
  EXPECT_EQ(error_code(ask({"GET", "/state?list-type=2&continuation-token=zz"})),
            "InvalidArgument");
  EXPECT_EQ(ask({"GET", "/state?versions"}).status, 501);
}

TEST_F(S3ServiceTest, UploadsInParts) {
  std::string const large(Buckets::kLeastPart, 'a');
  auto const id = begin_upload("big", {{"x-amz-meta-who", "me"}});
  auto const one = part("big", id, 1, large);
  auto const two = part("big", id, 2, "end");
  EXPECT_EQ(stored("big"), "(none)");
  EXPECT_EQ(texts(ask({"GET", "/state/big?uploadId=" + id}).body, "//*[local-name()='Size']"),
            (std::vector<std::string>{std::to_string(large.size()), "3"}));
  auto const complete = [&](std::string const& xml, Headers headers = {}) {
    return ask({"POST", "/state/big?uploadId=" + id, std::move(headers), xml});
  };
  EXPECT_EQ(error_code(complete(completion({{1, one}, {2, "\"wrong\""}}))), "InvalidPart");
  EXPECT_EQ(error_code(complete(completion({{1, one}, {3, two}}))), "InvalidPart");
  EXPECT_EQ(error_code(complete(completion({{2, two}, {1, one}}))), "InvalidPartOrder");
  EXPECT_EQ(error_code(complete("<html/>")), "MalformedXML");
  put("big", "before");
  EXPECT_EQ(error_code(complete(completion({{1, one}, {2, two}}), {{"if-none-match", "*"}})),
            "PreconditionFailed");
  auto const done = complete(completion({{1, one}, {2, two}}));
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_TRUE(text(done.body, "//*[local-name()='ETag']").ends_with("-2\""));
  EXPECT_EQ(stored("big"), large + "end");
  EXPECT_TRUE(region.buckets().get("state", "big")->bytes->is_in_file());
  EXPECT_EQ(header_of(ask({"HEAD", "/state/big"}).headers, "x-amz-meta-who"), "me");
  EXPECT_EQ(body_of(ask({"GET", "/state/big", {{"range", "bytes=-4"}}})), "aend");
  EXPECT_EQ(error_code(complete(completion({{1, one}, {2, two}}))), "NoSuchUpload");

  auto const small = begin_upload("small");
  auto const first = part("small", small, 1, "x"), second = part("small", small, 2, "y");
  EXPECT_EQ(
      error_code(ask(
          {"POST", "/state/small?uploadId=" + small, {}, completion({{1, first}, {2, second}})})),
      "EntityTooSmall");
  EXPECT_EQ(region.buckets().uploads().size(), 1u);
  EXPECT_EQ(ask({"DELETE", "/state/small?uploadId=" + small}).status, 204);
  EXPECT_EQ(region.buckets().uploads().size(), 0u);
  EXPECT_EQ(error_code(ask({"PUT", "/state/small?partNumber=1&uploadId=" + small, {}, "x"})),
            "NoSuchUpload");
}

TEST_F(S3ServiceTest, WhoMayNotListLearnsNothing) {
  put("k", "x");
  EXPECT_EQ(error_code(ask_as_master({"GET", "/state/none"})), "NoSuchKey");
  region.api_faults().deny({"s3:ListBucket", "s3:PutObject"});
  EXPECT_EQ(error_code(ask_as_master({"GET", "/state/none"})), "AccessDenied");
  EXPECT_EQ(ask_as_master({"GET", "/state/k"}).status, 200);
  auto const refused = ask_as_master({"PUT", "/state/k", {}, "y"});
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(text(refused.body, "//Message").find("s3:PutObject"), std::string::npos);
  EXPECT_EQ(ask_as_master({"POST", "/state/k?uploads"}).status, 403);
  EXPECT_EQ(ask({"PUT", "/state/k", {}, "y"}).status, 200) << "operators keep all rights";

  region.api_faults().deny({"s3:GetObject"});
  EXPECT_EQ(ask_as_master({"PUT", "/state/k", {{"if-match", "\"x\""}}, "z"}).status, 403);
}

TEST_F(S3ServiceTest, FaultsAreCountedByCall) {
  auto& faults = region.api_faults();
  faults.set(FaultKind::throttle, {.next = 1, .actions = {"s3:PutObject"}});
  EXPECT_EQ(error_code(put("k", "x")), "SlowDown");
  EXPECT_EQ(put("k", "x").status, 200);
  faults.set(FaultKind::conflict, {.next = 1, .actions = {"PutObject"}});
  EXPECT_EQ(put("k", "x").status, 409);
  faults.set(FaultKind::lose, {.next = 1, .actions = {"s3:PutObject"}});
  EXPECT_EQ(put("lost", "y").delivery, Response::Delivery::close);
  EXPECT_EQ(stored("lost"), "y");
  faults.set(FaultKind::fail, {.next = 1, .actions = {"s3:*"}});
  EXPECT_EQ(ask({"GET", "/state/k"}).status, 500);

  auto const id = begin_upload("big");
  auto const etag = part("big", id, 1, "x");
  faults.set(FaultKind::late_error, {.next = 1, .actions = {"s3:CompleteMultipartUpload"}});
  auto const late = ask({"POST", "/state/big?uploadId=" + id, {}, completion({{1, etag}})});
  EXPECT_EQ(late.status, 200);
  EXPECT_EQ(text(late.body, "/Error/Code"), "InternalError");
  EXPECT_EQ(stored("big"), "(none)");

  auto const counts = region.calls().counts().at("operator");
  EXPECT_EQ(counts.at("s3:PutObject").calls, 4u);
  EXPECT_EQ(counts.at("s3:PutObject").codes.at("SlowDown"), 1u);
  EXPECT_EQ(counts.at("s3:UploadPart").calls, 1u);
  EXPECT_EQ(counts.at("s3:CompleteMultipartUpload").codes.at("InternalError"), 1u);
}

}  // namespace
}  // namespace haagent::sim
