#include "agent/aws/sigv4.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "agent/base/sha256.h"
#include "agent/base/yaml.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

constexpr UtcTime kSuiteTime{1440938160s};  // 2015-08-30T12:36:00Z
constexpr UtcTime kOurTime{1768472100s};    // 2026-01-15T10:15:00Z
constexpr UtcTime kS3Time{1369353600s};     // 2013-05-24T00:00:00Z
constexpr char kForm[] = "application/x-www-form-urlencoded; charset=utf-8";
constexpr char kOurToken[] = "AQoEXAMPLETOKEN//////////wEXAMPLE+session/token==";

Credentials credentials(std::string token = "") {
  return {"AKIDEXAMPLE",
          Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
          Secret(std::move(token)),
          {}};
}

Credentials s3_credentials() {
  return {"AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {}, {}};
}

// The request as a server reads it.
WireRequest wire(HttpRequest const& request) {
  auto start = request.url.find('/', request.url.find("://") + 3);
  auto host = request.url.substr(0, start).substr(request.url.find("://") + 3);
  auto target = request.url.substr(start);
  auto mark = target.find('?');
  WireRequest result{request.method, target.substr(0, mark),
                     mark == std::string::npos ? "" : target.substr(mark + 1), request.headers,
                     request.body};
  result.headers.emplace_back("Host", host);
  return result;
}

SignatureClaim claim_of(WireRequest const& request) {
  auto claim = signature_claim(request);
  EXPECT_TRUE(claim) << claim.error().message.text;
  return claim ? *claim : SignatureClaim{};
}

std::string signed_header_names(SignatureClaim const& claim) {
  std::string names;
  for (auto const& name : claim.signed_headers) names += (names.empty() ? "" : ";") + name;
  return names;
}

// Signs in header form and returns the signature.
std::string sign(Signer& signer, HttpRequest request, Credentials const& who, UtcTime now,
                 std::string const& expected_names = "") {
  signer.sign(request, who, now);
  auto received = wire(request);
  auto claim = claim_of(received);
  if (!expected_names.empty()) {
    EXPECT_EQ(signed_header_names(claim), expected_names);
  }
  EXPECT_EQ(claim.access_key_id, who.access_key_id);
  return claim.signature;
}

struct SuiteCase {
  std::string name;
  HttpRequest request;
  Credentials who;
  SigningRules rules;
  std::string in_header, in_query;
};

std::vector<SuiteCase> suite() {
  auto path = test::source_dir() / "tests/golden/aws/sigv4.yaml";
  auto tree = yaml::parse(test::bytes_of(path));
  EXPECT_TRUE(tree) << tree.error().what << " in line " << tree.error().mark.line;
  std::vector<SuiteCase> cases;
  if (!tree) return cases;
  for (auto const& item : tree->find("cases")->items()) {
    SuiteCase each{.name = item.text_at("name"),
                   .in_header = item.text_at("in_header"),
                   .in_query = item.text_at("in_query")};
    auto target = item.text_at("target");
    auto space = target.find(' ');
    each.request.method = target.substr(0, space);
    each.request.url = "https://example.amazonaws.com" + target.substr(space + 1);
    if (auto const* headers = item.find("headers")) {
      for (auto const& header : headers->items()) {
        each.request.headers.emplace_back(header.items().at(0).text(), header.items().at(1).text());
      }
    }
    each.request.body = item.text_at("body");
    if (!each.request.body.empty()) each.rules.payload = Payload::hashed_and_stated;
    if (item.find("keep_path")) each.rules.path = PathRule::s3;
    auto token = item.text_at("token");
    each.rules.sign_session_token = token != "unsigned";
    each.who = credentials(token.empty() ? "" : tree->find("tokens")->text_at(each.name));
    cases.push_back(std::move(each));
  }
  return cases;
}

TEST(SigV4, SuiteInHeaderForm) {
  auto cases = suite();
  EXPECT_EQ(cases.size(), 38u);
  for (auto const& each : cases) {
    SCOPED_TRACE(each.name);
    Signer signer({"us-east-1", "service"}, each.rules);
    EXPECT_EQ(sign(signer, each.request, each.who, kSuiteTime), each.in_header);
  }
}

TEST(SigV4, SuiteInQueryForm) {
  for (auto const& each : suite()) {
    SCOPED_TRACE(each.name);
    Signer signer({"us-east-1", "service"}, each.rules);
    auto url = signer.presign(each.request, each.who, kSuiteTime, 3600s);
    auto place = url.find("&X-Amz-Signature=");
    ASSERT_NE(place, std::string::npos);
    EXPECT_EQ(url.substr(place + 17, 64), each.in_query);
  }
}

// A server computes every signature again from what came over the wire alone.
TEST(SigV4, ServerComesToTheSameSignatures) {
  auto const secret = credentials().secret_access_key;
  for (auto const& each : suite()) {
    if (each.rules.path == PathRule::s3 || !each.rules.sign_session_token) continue;
    SCOPED_TRACE(each.name);
    Signer signer({"us-east-1", "service"}, each.rules);
    auto request = each.request;
    signer.sign(request, each.who, kSuiteTime);
    auto received = wire(request);
    EXPECT_EQ(expected_signature(received, claim_of(received), secret), each.in_header);

    request = each.request;
    request.url = signer.presign(request, each.who, kSuiteTime, 3600s);
    received = wire(request);
    auto claim = claim_of(received);
    EXPECT_TRUE(claim.in_query);
    EXPECT_EQ(claim.expires, 3600s);
    EXPECT_EQ(claim.session_token, each.who.session_token.reveal());
    EXPECT_EQ(expected_signature(received, claim, secret), each.in_query);
  }
}

TEST(SigV4, ServerSeesEveryChange) {
  Signer signer({"eu-west-1", "ec2"});
  HttpRequest request{.method = "POST",
                      .url = "https://ec2.eu-west-1.amazonaws.com/?a=1",
                      .headers = {{"Content-Type", kForm}},
                      .body = "Action=DescribeVolumes"};
  signer.sign(request, credentials(kOurToken), kOurTime);
  auto const received = wire(request);
  auto const claim = claim_of(received);
  auto const secret = credentials().secret_access_key;
  ASSERT_EQ(expected_signature(received, claim, secret), claim.signature);
  auto differs = [&](auto change) {
    auto changed = received;
    change(changed);
    EXPECT_NE(expected_signature(changed, claim_of(changed), secret), claim.signature);
  };
  differs([](WireRequest& r) { r.body += "x"; });
  differs([](WireRequest& r) { r.method = "GET"; });
  differs([](WireRequest& r) { r.path = "/x"; });
  differs([](WireRequest& r) { r.query = "a=2"; });
  differs([](WireRequest& r) { r.headers.emplace_back("Content-Type", "text/plain"); });
  differs([](WireRequest& r) { r.headers.back().second = "other.example.com"; });
  EXPECT_NE(expected_signature(received, claim, Secret("another")), claim.signature);
}

TEST(SigV4, ClaimSaysWhatIsMissing) {
  auto what = [](std::string const& authorization, std::string const& query = "") {
    WireRequest request{.method = "GET", .path = "/", .query = query, .headers = {}, .body = {}};
    request.headers = {{"Authorization", authorization}, {"X-Amz-Date", "20260115T101500Z"}};
    auto claim = signature_claim(request);
    EXPECT_EQ(claim ? Kind::internal : claim.error().kind, Kind::invalid);
    return claim ? "" : claim.error().message.text;
  };
  auto const says = [](std::string const& text, std::string_view part) {
    EXPECT_TRUE(text.contains(part)) << text;
  };
  says(what(""), "AWS4-HMAC-SHA256");
  says(what("AWS4-HMAC-SHA256 Credential=K/20260115/eu-west-1/ec2, SignedHeaders=host"),
       "'K/20260115/eu-west-1/ec2'");
  says(what("AWS4-HMAC-SHA256 Credential=K/20260115/eu-west-1/ec2/aws4_request, "
            "SignedHeaders=host, Signature="),
       worded("Signature"));
  says(what("AWS4-HMAC-SHA256 Credential=K/20260115/eu-west-1/ec2/aws4_request, "
            "SignedHeaders=x-amz-date, Signature=00"),
       worded("SignedHeaders"));
  says(what("AWS4-HMAC-SHA256 Credential=K/20260114/eu-west-1/ec2/aws4_request,"
            "SignedHeaders=host,Signature=00"),
       "20260114");
  says(what("",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
            "K%2F20260115%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Expires=1e9"),
       "'1e9'");
}

TEST(SigV4, SigningKeys) {
  auto secret = credentials().secret_access_key;
  EXPECT_EQ(to_hex(signing_key(secret, "20150830", {"us-east-1", "iam"})),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
  EXPECT_EQ(to_hex(signing_key(secret, "20150830", {"us-east-1", "service"})),
            "938127b5336810ddb6a5d6af445fcac9e371f9ed418ed386b022aed82901be75");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(SigV4, CanonicalRequestHash) {
  WireRequest request{
      "GET", "/", "", {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}}, ""};
  EXPECT_EQ(sha256_hex(canonical_request(request, {"host", "x-amz-date"}, sha256_hex(""),
                                         PathRule::general)),
            "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
}

TEST(SigV4, PathIsEncodedTwiceButForS3) {
  WireRequest request{"GET", "/a%20b//c", "", {{"host", "h"}}, ""};
  auto line = [&](PathRule rule) {
    auto text = canonical_request(request, {"host"}, "", rule);
    auto start = text.find('\n') + 1;
    return text.substr(start, text.find('\n', start) - start);
  };
  EXPECT_EQ(line(PathRule::general), "/a%2520b/c");
  EXPECT_EQ(line(PathRule::s3), "/a%20b//c");
}

TEST(SigV4, IamExampleOfTheReference) {
  Signer signer({"us-east-1", "iam"});
  HttpRequest request{.url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                      .headers = {{"Content-Type", kForm}}};
  EXPECT_EQ(sign(signer, request, credentials(), kSuiteTime, "content-type;host;x-amz-date"),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST(SigV4, SpecialCharacterInThePath) {
  Signer signer({"us-east-1", "service"});
  HttpRequest request{.url = "https://example.amazonaws.com/example/$delete"};
  EXPECT_EQ(sign(signer, request, credentials(), kSuiteTime),
            "a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27");
}

TEST(SigV4, ExamplesOfTheS3Guide) {
  Signer signer({"us-east-1", "s3"}, kS3Rules);
  std::string const host = "https://examplebucket.s3.amazonaws.com";
  auto signature = [&](HttpRequest const& request, std::string const& names) {
    return sign(signer, request, s3_credentials(), kS3Time, names);
  };
  EXPECT_EQ(signature({.url = host + "/test.txt", .headers = {{"Range", "bytes=0-9"}}},
                      "host;range;x-amz-content-sha256;x-amz-date"),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(signature({.method = "PUT",
                       .url = host + "/test$file.text",
                       .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                       .body = "Welcome to Amazon S3."},
                      "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class"),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  std::string const plain = "host;x-amz-content-sha256;x-amz-date";
  EXPECT_EQ(signature({.url = host + "/?lifecycle"}, plain),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(signature({.url = host + "/?max-keys=2&prefix=J"}, plain),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");

  Signer in_query({"us-east-1", "s3"}, {.path = PathRule::s3, .payload = Payload::not_signed});
  HttpRequest presigned{.url = host + "/test.txt"};
  presigned.url = in_query.presign(presigned, s3_credentials(), kS3Time, 86400s);
  auto claim = claim_of(wire(presigned));
  EXPECT_EQ(claim.signature, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
  EXPECT_EQ(expected_signature(wire(presigned), claim, s3_credentials().secret_access_key),
            claim.signature);
}

TEST(SigV4, DescribeVolumesWithASessionToken) {
  Signer signer({"eu-west-1", "ec2"});
  HttpRequest request{
      .method = "POST",
      .url = "https://ec2.eu-west-1.amazonaws.com:443/",
      .headers = {{"Content-Type", kForm}, {"User-Agent", "haagent/1"}},
      .body =
          "Action=DescribeVolumes&Version=2016-11-15&Filter.1.Name=availability-zone&"
          "Filter.1.Value.1=eu-west-1a&Filter.2.Name=tag%3Akubernetes.io%2Fcluster%2Fdemo&"
          "Filter.2.Value.1=owned&MaxResults=100"};
  EXPECT_EQ(sha256_hex(request.body),
            "26147b9bf6a27eba868489464ac2d365ca5ea8e0b6ca6f9e78d9e94d99617d2d");
  EXPECT_EQ(sign(signer, request, credentials(kOurToken), kOurTime,
                 "content-type;host;x-amz-date;x-amz-security-token"),
            "0292d73136259355ce7af4c30781214f0fa8dbb2d85aa8076673ef3fa7b69939");
}

// The host that is signed is the one that libcurl sends, however the endpoint is written.
TEST(SigV4, SpellingsOfOneHostHaveOneSignature) {
  Signer signer({"eu-west-1", "ec2"});
  auto signature = [&](std::string const& url) {
    HttpRequest request{.url = url};
    signer.sign(request, credentials(), kOurTime);
    return request.headers.back().second;  // authorization
  };
  auto const plain = signature("https://vpce.example.test/");
  for (auto const* same : {"https://vpce.example.test", "https://vpce.example.test:443/",
                           "https://vpce.example.test:0443/", "HTTPS://vpce.example.test:443/",
                           "https://vpce.example.test/#x", "https://vpce.example.test?"})
    EXPECT_EQ(signature(same), plain) << same;
  for (auto const* other : {"https://vpce.example.test:80/", "https://vpce.example.test/x",
                            "https://vpce.example.test?x", "http://vpce.example.test:443/"})
    EXPECT_NE(signature(other), plain) << other;
  EXPECT_EQ(signature("https://[fd00::7]/"), signature("https://[fd00:0:0::7]:443"));
}

TEST(SigV4, PresignedGetCallerIdentity) {
  Signer signer({"eu-west-1", "sts"});
  HttpRequest request{.url =
                          "https://sts.eu-west-1.amazonaws.com/"
                          "?Action=GetCallerIdentity&Version=2011-06-15",
                      .headers = {{"X-K8s-Aws-Id", "demo-cluster"}}};
  request.url = signer.presign(request, credentials(kOurToken), kOurTime, 60s);
  EXPECT_EQ(claim_of(wire(request)).signature,
            "a410f6651e857239bf49605d4d127b5362096212c6190fe8102bd173c9dd4f01");
}

TEST(SigV4, PostedGetCallerIdentity) {
  Signer signer({"eu-west-1", "sts"});
  HttpRequest request{.method = "POST",
                      .url = "https://sts.eu-west-1.amazonaws.com/",
                      .headers = {{"Content-Type", kForm}},
                      .body = "Action=GetCallerIdentity&Version=2011-06-15"};
  EXPECT_EQ(sign(signer, request, credentials(), kOurTime, "content-type;host;x-amz-date"),
            "872641b2e6f89d98404b9eff10be0963ed729fa9be5204852c756cd2ac00a564");
}

TEST(SigV4, PutToS3WithAnUnsignedPayloadAndAnAwkwardKey) {
  Signer signer({"eu-west-1", "s3"}, {PathRule::s3, Payload::not_signed, true});
  auto key = uri_encode("demo/etcd/backup 2026+01=15~a.db", /*keep_slash=*/true);
  EXPECT_EQ(key, "demo/etcd/backup%202026%2B01%3D15~a.db");
  HttpRequest request{.method = "PUT",
                      .url = "https://my-bucket.s3.eu-west-1.amazonaws.com/" + key,
                      .headers = {{"x-amz-server-side-encryption", "aws:kms"}},
                      .body = "anything"};
  EXPECT_EQ(sign(signer, request, credentials(kOurToken), kOurTime,
                 "host;x-amz-content-sha256;x-amz-date;x-amz-security-token;"
                 "x-amz-server-side-encryption"),
            "ca77f77570c799931a8c1e2e06d65bcdabe91c8ffa0b179c635b0fbf8928c5b2");
}

TEST(SigV4, KeptKeyFollowsDayAndSecret) {
  Signer signer({"us-east-1", "service"});
  HttpRequest request{.url = "https://example.amazonaws.com/"};
  auto first = sign(signer, request, credentials(), kSuiteTime);
  auto tomorrow = sign(signer, request, credentials(), kSuiteTime + 24h);
  auto other = sign(signer, request, s3_credentials(), kSuiteTime);
  EXPECT_NE(first, tomorrow);
  EXPECT_NE(first, other);
  EXPECT_EQ(sign(signer, request, credentials(), kSuiteTime), first);
  Signer fresh({"us-east-1", "service"});
  EXPECT_EQ(sign(fresh, request, credentials(), kSuiteTime + 24h), tomorrow);
  EXPECT_EQ(sign(fresh, request, s3_credentials(), kSuiteTime), other);
}

TEST(SigV4, SigningAgainReplacesTheFirstSignature) {
  Signer signer({"us-east-1", "service"});
  HttpRequest request{.url = "https://example.amazonaws.com/"};
  signer.sign(request, credentials(kOurToken), kSuiteTime - 1h);
  signer.sign(request, credentials(), kSuiteTime);
  EXPECT_EQ(claim_of(wire(request)).signature,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(UriDecode, KeepsWhatIsNoEscape) {
  EXPECT_EQ(uri_decode("a%2Fb+c%zz%4"), "a/b+c%zz%4");
  EXPECT_EQ(uri_decode("%E1%88%B4"), "ሴ");
  EXPECT_EQ(uri_decode("%41"), "A");
}

}  // namespace
}  // namespace haagent::aws
