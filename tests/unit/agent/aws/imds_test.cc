#include "agent/aws/imds.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "agent/base/http_curl.h"
#include "tests/support/fake_clock.h"
#include "tests/support/loopback_server.h"
#include "tests/support/scripted_http.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;
using test::answer;

constexpr char kV4[] = "http://169.254.169.254";
constexpr char kV6[] = "http://[fd00:ec2::254]";
constexpr char kPutV4[] = "PUT http://169.254.169.254/latest/api/token";
constexpr char kPutV6[] = "PUT http://[fd00:ec2::254]/latest/api/token";

std::optional<std::string> header(HttpRequest const& request, std::string_view name) {
  for (auto const& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return {};
}

// The item, "(nothing)", or the kind of the error.
std::string said(Result<std::optional<std::string>> const& got) {
  if (!got) return std::string(to_string(got.error().kind));
  return got->value_or("(nothing)");
}

// Instance metadata as EC2 has it: items by path, tokens that end, and nothing without one.
class Metadata final : public Http {
 public:
  explicit Metadata(Clock& clock) : clock_(clock) {}

  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    ++requests;
    if (down) return fail(Kind::transient, "{}: Timeout was reached", request.url);
    auto path = request.url.substr(std::string_view(kV4).size() + std::size("/latest/") - 1);
    if (request.method == "PUT") {
      if (off) return answer(403);
      ++tokens;
      auto life = header(request, "x-aws-ec2-metadata-token-ttl-seconds").value_or("");
      life_ = std::min(most_life, std::chrono::seconds(std::stoi(life)));
      token_ = "token-" + std::to_string(tokens);
      ends_ = clock_.steady() + life_;
      return answer(200, token_ + "\n",
                    {{"x-aws-ec2-metadata-token-ttl-seconds", std::to_string(life_.count())}});
    }
    if (header(request, "x-aws-ec2-metadata-token") != token_ || clock_.steady() >= ends_) {
      ++refused;
      return answer(401);
    }
    if (off) return answer(403);
    auto item = items.find(path);
    return item == items.end() ? answer(404, "<html>") : answer(200, item->second);
  }

  void revoke() { token_ = "another"; }

  std::map<std::string, std::string> items;
  std::chrono::seconds most_life{21600};
  bool down = false;
  bool off = false;
  int requests = 0;
  int tokens = 0;
  int refused = 0;

 private:
  Clock& clock_;
  std::string token_;
  std::chrono::seconds life_{};
  SteadyTime ends_{};
};

class ImdsTest : public testing::Test {
 protected:
  ImdsTest() {
    metadata.items = {
        {"dynamic/instance-identity/document", R"({
           "accountId" : "123456789012", "architecture" : "x86_64",
           "availabilityZone" : "eu-west-1a", "billingProducts" : null,
           "imageId" : "ami-0abc", "instanceId" : "i-0123456789abcdef0",
           "instanceType" : "m6i.large", "privateIp" : "10.0.0.10", "region" : "eu-west-1",
           "version" : "2017-09-30" })"},
        {"meta-data/placement/availability-zone-id", "euw1-az2"},
        {"meta-data/services/partition", "aws"},
        {"meta-data/services/domain", "amazonaws.com"},
        {"meta-data/local-hostname", "ip-10-0-0-10.eu-west-1.compute.internal"},
    };
  }

  Identity identity() {
    auto got = imds.identity({});
    EXPECT_TRUE(got) << got.error().message.text;
    return got.value_or(Identity{});
  }
  void set_credentials(std::string const& json) {
    metadata.items["meta-data/iam/security-credentials/"] = "masters\n";
    metadata.items["meta-data/iam/security-credentials/masters"] = json;
  }

  test::FakeClock clock;
  Metadata metadata{clock};
  Imds imds{metadata, clock, {kV4}};
};

TEST_F(ImdsTest, GetsAnItemOrNothing) {
  metadata.items["meta-data/mac"] = "0e:00:00:00:00:01";
  EXPECT_EQ(said(imds.get("meta-data/mac", {})), "0e:00:00:00:00:01");
  EXPECT_EQ(said(imds.get("meta-data/none", {})), "(nothing)");
  EXPECT_EQ(metadata.tokens, 1);
}

TEST_F(ImdsTest, TokenIsRenewedBeforeItEnds) {
  metadata.items["a"] = "1";
  metadata.most_life = 1h;
  for (int i = 0; i < 120; ++i) {
    ASSERT_TRUE(imds.get("a", {}));
    clock.advance(1min);
  }
  EXPECT_EQ(metadata.refused, 0);
  EXPECT_EQ(metadata.tokens, 3);  // at 0, 55 and 110 minutes
}

TEST_F(ImdsTest, ShortLivedTokenIsRenewedInTime) {
  metadata.items["a"] = "1";
  metadata.most_life = 60s;
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(imds.get("a", {}));
    clock.advance(10s);
  }
  EXPECT_EQ(metadata.refused, 0);
}

TEST_F(ImdsTest, TokenThatIsRefusedIsRenewedOnce) {
  metadata.items["a"] = "1";
  ASSERT_TRUE(imds.get("a", {}));
  metadata.revoke();
  EXPECT_EQ(said(imds.get("a", {})), "1");
  EXPECT_EQ(metadata.tokens, 2);
}

TEST(Imds, SecondRefusalIsAnError) {
  test::FakeClock clock;
  test::ScriptedHttp http;
  http.on(kPutV4, answer(200, "t1"));
  http.on("GET http://169.254.169.254/latest/a", answer(401));
  http.on(kPutV4, answer(200, "t2"));
  http.on("GET http://169.254.169.254/latest/a", answer(401));
  Imds imds(http, clock, {kV4});
  auto got = imds.get("a", {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::denied);
}

TEST_F(ImdsTest, FailedRenewalLeavesTheOldTokenInUseUntilItsEnd) {
  test::ScriptedHttp http;
  http.on(kPutV4, answer(200, "t1"));
  http.always("GET http://169.254.169.254/latest/a", answer(200, "1"));
  Imds one(http, clock, {kV4});
  ASSERT_TRUE(one.get("a", {}));
  clock.advance(6h - 4min);
  http.on(kPutV4, fail(Kind::transient, "Timeout was reached"));
  EXPECT_TRUE(one.get("a", {}));
  clock.advance(4min);
  http.on(kPutV4, fail(Kind::transient, "Timeout was reached"));
  EXPECT_FALSE(one.get("a", {}));
}

TEST_F(ImdsTest, SwitchedOffIsDeniedAndSaysSo) {
  metadata.off = true;
  auto got = imds.get("a", {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::denied);
  EXPECT_TRUE(got.error().message.text.contains("HttpEndpoint=enabled"))
      << got.error().message.text;
  EXPECT_EQ(metadata.requests, 1) << "no second request, and never one without a token";
}

TEST_F(ImdsTest, TimeoutOfTheTokenExplainsTheHopLimit) {
  metadata.down = true;
  auto got = imds.get("a", {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::transient);
  EXPECT_TRUE(got.error().message.text.contains(worded("Timeout was reached")))
      << got.error().message.text;
  EXPECT_TRUE(got.error().message.text.contains("HttpPutResponseHopLimit"))
      << got.error().message.text;
  EXPECT_EQ(metadata.requests, 1);
}

TEST(Imds, StatusesOfTheTokenRequest) {
  struct Case {
    int status;
    Kind kind;
  };
  for (auto [status, kind] :
       {Case{400, Kind::internal}, Case{403, Kind::denied}, Case{404, Kind::internal},
        Case{405, Kind::internal}, Case{429, Kind::transient}, Case{503, Kind::transient}}) {
    test::FakeClock clock;
    test::ScriptedHttp http;
    http.on(kPutV4, answer(status));
    Imds imds(http, clock, {kV4});
    auto got = imds.get("a", {});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, kind) << status;
  }
}

TEST(Imds, RequestsHaveShortDeadlinesAndATokenOfSixHours) {
  test::FakeClock clock;
  test::ScriptedHttp http;
  http.on(kPutV4, answer(200, "t1\n"));
  http.on("GET http://169.254.169.254/latest/user-data", answer(200, "#cloud-config"));
  Imds imds(http, clock, {kV4});
  EXPECT_EQ(said(imds.user_data({})), "#cloud-config");
  auto requests = http.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(header(requests[0], "x-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(header(requests[1], "x-aws-ec2-metadata-token"), "t1");
  for (auto const& request : requests) {
    EXPECT_LE(request.connect_timeout, 1s);
    EXPECT_LE(request.timeout, 2s);
  }
}

// The endpoints, side by side.

TEST(ImdsEndpoints, FirstAnswerIsKeptAndASilentOneIsNotWaitedFor) {
  test::FakeClock clock;
  test::ScriptedHttp http;
  http.hang(kPutV4, /*stubborn=*/true);
  http.on(kPutV6, answer(200, "t6"));
  http.always("GET http://[fd00:ec2::254]/latest/a", answer(200, "1"));
  Imds imds(http, clock, {kV4, kV6});
  EXPECT_TRUE(imds.get("a", {}));  // while the other one still hangs
  EXPECT_TRUE(imds.get("a", {}));
  EXPECT_EQ(http.count("/latest/api/token"), http.count("PUT"));
  EXPECT_EQ(http.count("PUT http://[fd00:ec2::254]"), 1);
  http.release();
}

TEST(ImdsEndpoints, SilentOneIsStopped) {
  test::FakeClock clock;
  test::ScriptedHttp http;
  http.hang(kPutV6);  // ends by its stop token alone
  http.on(kPutV4, answer(200, "t4"));
  http.on("GET http://169.254.169.254/latest/a", answer(200, "1"));
  Imds imds(http, clock, {kV4, kV6});
  EXPECT_TRUE(imds.get("a", {}));
}

TEST(ImdsEndpoints, OneThatFailsDoesNotDecide) {
  test::FakeClock clock;
  test::ScriptedHttp http;
  http.on(kPutV4, fail(Kind::transient, "Could not connect"));
  http.on(kPutV6, answer(200, "t6"));
  http.on("GET http://[fd00:ec2::254]/latest/a", answer(200, "1"));
  Imds imds(http, clock, {kV4, kV6});
  EXPECT_TRUE(imds.get("a", {}));
}

TEST(ImdsEndpoints, WhereNoneAnswersTheRefusalIsTold) {
  test::FakeClock clock;
  test::ScriptedHttp http;
  http.on(kPutV4, fail(Kind::transient, "Could not connect"));
  http.on(kPutV6, answer(403));
  Imds imds(http, clock, {kV4, kV6});
  auto got = imds.get("a", {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::denied);
}

TEST(ImdsEndpoints, AreTriedAnewAfterTroubleInTransport) {
  test::FakeClock clock;
  test::ScriptedHttp http;
  http.on(kPutV4, answer(200, "t4"));
  http.hang(kPutV6);
  http.on("GET http://169.254.169.254/latest/a", fail(Kind::transient, "Timeout was reached"));
  Imds imds(http, clock, {kV4, kV6});
  EXPECT_FALSE(imds.get("a", {}));
  http.hang(kPutV4);
  http.on(kPutV6, answer(200, "t6"));
  http.on("GET http://[fd00:ec2::254]/latest/a", answer(200, "1"));
  EXPECT_TRUE(imds.get("a", {}));
}

TEST(ImdsEndpoints, StopEndsTheRace) {
  test::FakeClock clock;
  test::ScriptedHttp http;
  http.hang(kPutV4);
  http.hang(kPutV6);
  Imds imds(http, clock, {kV4, kV6});
  std::stop_source stop;
  std::jthread other([&] {
    while (http.count("PUT") < 2) std::this_thread::yield();
    stop.request_stop();
  });
  auto got = imds.get("a", stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::interrupted);
}

// The same over libcurl and real sockets: a server that takes the connection and says nothing is
// what an answer that ends at the hop limit looks like.
TEST(ImdsEndpoints, RealServerIsHeardWhileTheOtherIsSilent) {
  test::LoopbackServer silent(
      [](std::string const&) { return test::Reply{"", test::Reply::After::hold}; });
  test::LoopbackServer answering([](std::string const& request) {
    if (request.starts_with("PUT /latest/api/token ")) return test::ok("token");
    return request.contains("x-aws-ec2-metadata-token: token") ? test::ok("1") : test::ok("2");
  });
  auto endpoint = [](test::LoopbackServer const& server) {
    return "http://127.0.0.1:" + std::to_string(server.port());
  };
  SystemClock clock;
  CurlHttp http;
  Imds imds(http, clock, {endpoint(silent), endpoint(answering)});
  EXPECT_EQ(said(imds.get("a", {})), "1");
}

TEST(ImdsEndpoints, SilenceEndsAtTheDeadline) {
  test::LoopbackServer silent(
      [](std::string const&) { return test::Reply{"", test::Reply::After::hold}; });
  SystemClock clock;
  CurlHttp http;
  Imds imds(http, clock, {"http://127.0.0.1:" + std::to_string(silent.port())});
  auto got = imds.get("a", {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::transient);
  EXPECT_TRUE(got.error().message.text.contains("HttpPutResponseHopLimit"))
      << got.error().message.text;
}

// Identity.

TEST_F(ImdsTest, IdentityOfAnOrdinaryInstance) {
  auto got = identity();
  EXPECT_EQ(got.instance_id, "i-0123456789abcdef0");
  EXPECT_EQ(got.instance_type, "m6i.large");
  EXPECT_EQ(got.image_id, "ami-0abc");
  EXPECT_EQ(got.account_id, "123456789012");
  EXPECT_EQ(got.region, "eu-west-1");
  EXPECT_EQ(got.zone, "eu-west-1a");
  EXPECT_EQ(got.zone_id, "euw1-az2");
  EXPECT_EQ(got.partition, "aws");
  EXPECT_EQ(got.domain, "amazonaws.com");
  EXPECT_EQ(got.address, "10.0.0.10");
  EXPECT_EQ(got.ipv4, "10.0.0.10");
  EXPECT_EQ(got.ipv6, "");
  EXPECT_EQ(got.hostname, "ip-10-0-0-10.eu-west-1.compute.internal");
  EXPECT_EQ(got.architecture, "x86_64");
  EXPECT_LE(metadata.requests, 7);
}

TEST_F(ImdsTest, IdentityOfAnIpv6OnlyInstance) {
  metadata.items["dynamic/instance-identity/document"] =
      R"({"instanceId":"i-1","availabilityZone":"eu-west-1a","region":"eu-west-1",)"
      R"("privateIp":null})";
  metadata.items["meta-data/ipv6"] = "2001:db8::10";
  auto got = identity();
  EXPECT_EQ(got.ipv4, "");
  EXPECT_EQ(got.ipv6, "2001:db8::10");
  EXPECT_EQ(got.address, "2001:db8::10");
}

TEST_F(ImdsTest, IdentityWithoutADocumentComesFromTheItems) {
  metadata.items.erase("dynamic/instance-identity/document");
  metadata.items.erase("meta-data/placement/availability-zone-id");
  metadata.items["meta-data/instance-id"] = "i-2";
  metadata.items["meta-data/instance-type"] = "t3.small";
  metadata.items["meta-data/ami-id"] = "ami-2";
  metadata.items["meta-data/placement/availability-zone"] = "us-west-2-lax-1a";
  metadata.items["meta-data/local-ipv4"] = "10.0.0.2";
  auto got = identity();
  EXPECT_EQ(got.instance_id, "i-2");
  EXPECT_EQ(got.instance_type, "t3.small");
  EXPECT_EQ(got.image_id, "ami-2");
  EXPECT_EQ(got.region, "us-west-2") << "of the zone, where placement/region is missing";
  EXPECT_EQ(got.zone_id, "");
  EXPECT_EQ(got.address, "10.0.0.2");
}

TEST_F(ImdsTest, PartitionAndDomainOfTheInstanceComeBeforeTheTable) {
  metadata.items["meta-data/services/partition"] = "aws-new";
  metadata.items["meta-data/services/domain"] = "aws.example";
  EXPECT_EQ(identity().partition, "aws-new");
  EXPECT_EQ(identity().domain, "aws.example");
  metadata.items.erase("meta-data/services/partition");
  metadata.items.erase("meta-data/services/domain");
  EXPECT_EQ(identity().partition, "aws");
  EXPECT_EQ(identity().domain, "amazonaws.com");
}

TEST_F(ImdsTest, FirstOfSeveralHostNamesCounts) {
  metadata.items["meta-data/local-hostname"] = "ip-10-0-0-10.corp.example ip-10-0-0-10.internal\n";
  EXPECT_EQ(identity().hostname, "ip-10-0-0-10.corp.example");
}

TEST_F(ImdsTest, ADomainOfTheVpcsOwnMakesNoNameThatTheKubeletRefuses) {
  metadata.items["meta-data/local-hostname"] = "ip-10-0-0-10.Corp.Example.COM";
  EXPECT_EQ(identity().hostname, "ip-10-0-0-10.corp.example.com");
  EXPECT_EQ(identity().local_hostname, "ip-10-0-0-10.Corp.Example.COM");
  auto const name = "ip-10-0-0-10." + std::string(60, 'd') + ".example";
  metadata.items["meta-data/local-hostname"] = name + " corp.local";
  EXPECT_EQ(identity().hostname, "ip-10-0-0-10");
  EXPECT_NE(identity().hostname_note, "");
  metadata.items["meta-data/local-hostname"] = "ip-10-0-0-10.eu-west-1.compute.internal";
  EXPECT_EQ(identity().local_hostname, "");
  EXPECT_EQ(identity().hostname_note, "");
}

TEST_F(ImdsTest, IdentityThatIsNotWholeYetIsTransient) {
  for (auto missing : {"meta-data/local-hostname", "dynamic/instance-identity/document"}) {
    auto items = metadata.items;
    metadata.items.erase(missing);
    auto got = imds.identity({});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, Kind::transient) << got.error().message.text;
    metadata.items = items;
  }
  metadata.items["dynamic/instance-identity/document"] = R"({"instanceId": "i-)";
  EXPECT_EQ(imds.identity({}).error().kind, Kind::transient);
  metadata.items["dynamic/instance-identity/document"] = "";
  EXPECT_EQ(imds.identity({}).error().kind, Kind::transient);
}

TEST_F(ImdsTest, TroubleInTheMiddleOfAnIdentityIsToldAsItIs) {
  test::ScriptedHttp http;
  http.on(kPutV4, answer(200, "t1"));
  http.on("GET http://169.254.169.254/latest/dynamic/instance-identity/document",
          answer(200, R"({"instanceId":"i-1","instanceType":"t","imageId":"a","region":"r-1",)"
                      R"("availabilityZone":"r-1a"})"));
  http.on("GET http://169.254.169.254/latest/meta-data/placement/availability-zone-id",
          answer(503));
  Imds one(http, clock, {kV4});
  auto got = one.identity({});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::transient);
  EXPECT_TRUE(got.error().message.text.contains("503")) << got.error().message.text;
}

// Credentials.

constexpr char kKeys[] = R"({"Code":"Success","LastUpdated":"2026-01-15T09:58:31Z",
  "Type":"AWS-HMAC","AccessKeyId":"ASIA1","SecretAccessKey":"s3cret","Token":"tok",
  "Expiration":"2026-01-15T16:21:07Z"})";

TEST_F(ImdsTest, CredentialsOfTheRole) {
  set_credentials(kKeys);
  auto got = imds.credentials({});
  ASSERT_TRUE(got) << got.error().message.text;
  EXPECT_EQ(got->access_key_id, "ASIA1");
  EXPECT_EQ(got->secret_access_key, Secret("s3cret"));
  EXPECT_EQ(got->session_token, Secret("tok"));
  EXPECT_EQ(got->expiration, UtcTime(1768494067s));
}

TEST_F(ImdsTest, RoleIsAskedForAnewEachTime) {
  set_credentials(kKeys);
  ASSERT_TRUE(imds.credentials({}));
  metadata.items.erase("meta-data/iam/security-credentials/masters");
  metadata.items["meta-data/iam/security-credentials/"] = "others";
  metadata.items["meta-data/iam/security-credentials/others"] = kKeys;
  EXPECT_TRUE(imds.credentials({}));
}

TEST_F(ImdsTest, EndedCredentialsAreHandedOn) {
  set_credentials(kKeys);
  clock.advance(24h);
  metadata.items["a"] = "1";
  EXPECT_TRUE(imds.credentials({}));
}

TEST_F(ImdsTest, InstanceWithoutARoleIsDenied) {
  auto got = imds.credentials({});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::denied);
  EXPECT_EQ(got.error().message.reason, Reason::PermissionDenied);
}

TEST_F(ImdsTest, CodeOtherThanSuccessIsDeniedWithItsMessage) {
  set_credentials(R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume it."})");
  auto got = imds.credentials({});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::denied);
  EXPECT_TRUE(got.error().message.text.ends_with(
      worded("AssumeRoleUnauthorizedAccess: EC2 cannot assume it.")))
      << got.error().message.text;
}

TEST_F(ImdsTest, CredentialsThatLackAPartAreTransientAndShowNone) {
  std::string const whole = kKeys;
  for (std::string part : {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}) {
    auto json = whole;
    json.replace(json.find("\"" + part), 2, "\"x");
    set_credentials(json);
    auto got = imds.credentials({});
    ASSERT_FALSE(got) << part;
    EXPECT_EQ(got.error().kind, Kind::transient);
    EXPECT_FALSE(got.error().message.text.contains("s3cret")) << got.error().message.text;
  }
  set_credentials(whole.substr(0, whole.size() / 2));
  EXPECT_EQ(imds.credentials({}).error().kind, Kind::transient);
}

}  // namespace
}  // namespace haagent::aws
