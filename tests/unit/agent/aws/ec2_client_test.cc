#include "agent/aws/ec2_client.h"

#include <gtest/gtest.h>

#include "agent/aws/sigv4.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_http.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;
using test::answer;

constexpr char kPost[] = "POST https://ec2.eu-west-1.amazonaws.com/";
constexpr char kDescribeVolumes[] =
    "POST https://ec2.eu-west-1.amazonaws.com/ Action=DescribeVolumes&";
constexpr char kCreateTags[] = "POST https://ec2.eu-west-1.amazonaws.com/ Action=CreateTags&";
constexpr char kDone[] = "<CreateTagsResponse><return>true</return></CreateTagsResponse>";

std::string volumes(std::vector<std::string> const& ids, std::string const& next_token = "") {
  std::string items;
  for (auto const& id : ids) items += "<item><volumeId>" + id + "</volumeId></item>";
  return "<DescribeVolumesResponse><volumeSet>" + items + "</volumeSet><nextToken>" + next_token +
         "</nextToken></DescribeVolumesResponse>";
}

HttpResponse refusal(int status, std::string const& code, std::string const& message = "m",
                     Headers headers = {}) {
  return answer(status,
                "<Response><Errors><Error><Code>" + code + "</Code><Message>" + message +
                    "</Message></Error></Errors><RequestID>r</RequestID></Response>",
                std::move(headers));
}

std::string header(HttpRequest const& request, std::string_view name) {
  for (auto const& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

class NumberedKeys final : public CredentialSource {
 public:
  Result<Credentials> credentials(std::stop_token) override {
    ++asked;
    if (trouble) return std::unexpected(*trouble);
    return Credentials{.access_key_id = "KEY" + std::to_string(asked),
                       .secret_access_key = Secret("secret-" + std::to_string(asked)),
                       .session_token = Secret("token-" + std::to_string(asked)),
                       .expiration = {}};
  }
  std::optional<Error> trouble;
  int asked = 0;
};

class Ec2ClientTest : public testing::Test {
 protected:
  Result<void> tag() { return ec2.create_tags("vol-1", {{"a", "1"}}, {}); }

  test::FakeClock clock;  // 2026-01-15T10:15:00Z
  test::ScriptedHttp http;
  NumberedKeys source;
  CachedCredentials credentials{source, clock};
  CallCounts counts;
  Ec2Client ec2{http,
                clock,
                credentials,
                {.endpoint = "https://ec2.eu-west-1.amazonaws.com/",
                 .region = "eu-west-1",
                 .user_agent = "haagent/1.2.3",
                 .counts = &counts}};
};

TEST_F(Ec2ClientTest, RequestIsSignedSoThatTheServerAgrees) {
  http.on(kCreateTags, answer(200, kDone));
  ASSERT_TRUE(tag());
  auto request = http.requests().at(0);
  WireRequest wire{request.method, "/", "", request.headers, request.body};
  wire.headers.emplace_back("host", "ec2.eu-west-1.amazonaws.com");
  auto claim = signature_claim(wire);
  ASSERT_TRUE(claim) << claim.error().message.text;
  EXPECT_EQ(claim->access_key_id, "KEY1");
  EXPECT_EQ(claim->session_token, "token-1");
  EXPECT_EQ(claim->scope.region, "eu-west-1");
  EXPECT_EQ(claim->scope.service, "ec2");
  EXPECT_EQ(claim->time, "20260115T101500Z");
  EXPECT_EQ(claim->signed_headers, (std::vector<std::string>{"content-type", "host", "x-amz-date",
                                                             "x-amz-security-token"}));
  EXPECT_EQ(expected_signature(wire, *claim, Secret("secret-1")), claim->signature);
  EXPECT_EQ(header(request, "user-agent"), "haagent/1.2.3");
}

TEST_F(Ec2ClientTest, EveryPageIsFetchedEmptyOnesToo) {
  http.on(kDescribeVolumes, answer(200, volumes({"vol-1"}, "t1")));
  http.on("POST https://ec2.eu-west-1.amazonaws.com/ NextToken=t1", answer(200, volumes({}, "t2")));
  http.on("POST https://ec2.eu-west-1.amazonaws.com/ NextToken=t2",
          answer(200, volumes({"vol-2", "vol-3"})));
  auto got = ec2.describe_volumes({.filters = {{"status", {"available"}}}}, {});
  ASSERT_TRUE(got) << got.error().message.text;
  ASSERT_EQ(got->size(), 3u);
  EXPECT_EQ(got->at(2).id, "vol-3");
  EXPECT_EQ(http.count("Filter.1.Name=status"), 3);
}

TEST_F(Ec2ClientTest, WhatStandsOnTwoPagesComesOnceAsTheLaterHasIt) {
  http.on(kDescribeVolumes, answer(200, volumes({"vol-1", "vol-2"}, "t1")));
  http.on("POST https://ec2.eu-west-1.amazonaws.com/ NextToken=t1",
          answer(200,
                 "<DescribeVolumesResponse><volumeSet><item><volumeId>vol-1</volumeId>"
                 "<status>in-use</status></item></volumeSet></DescribeVolumesResponse>"));
  auto got = ec2.describe_volumes({}, {});
  ASSERT_TRUE(got) << got.error().message.text;
  ASSERT_EQ(got->size(), 2u);
  EXPECT_EQ(got->at(0).id, "vol-1");
  EXPECT_EQ(got->at(0).state, "in-use");
  EXPECT_EQ(got->at(1).id, "vol-2");
}

TEST_F(Ec2ClientTest, PagesThatNeverEndAreAnError) {
  http.always(kDescribeVolumes, answer(200, volumes({"vol-1"}, "t1")));
  auto got = ec2.describe_volumes({}, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::transient);
  EXPECT_EQ(http.count("POST"), 2);
}

TEST_F(Ec2ClientTest, PagesInACircleAreAnError) {
  http.on(kDescribeVolumes, answer(200, volumes({}, "t1")));
  http.always("POST https://ec2.eu-west-1.amazonaws.com/ NextToken=t1",
              answer(200, volumes({}, "t2")));
  http.always("POST https://ec2.eu-west-1.amazonaws.com/ NextToken=t2",
              answer(200, volumes({}, "t1")));
  auto got = ec2.describe_volumes({}, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::transient);
  EXPECT_EQ(http.count("POST"), 3);
}

TEST_F(Ec2ClientTest, Instances) {
  http.on(
      "POST https://ec2.eu-west-1.amazonaws.com/ Action=DescribeInstances&Version=2016-11-15&"
      "InstanceId.1=i-1",
      answer(200,
             "<DescribeInstancesResponse><reservationSet><item><instancesSet><item>"
             "<instanceId>i-1</instanceId></item></instancesSet></item></reservationSet>"
             "</DescribeInstancesResponse>"));
  auto got = ec2.describe_instances({.ids = {"i-1"}}, {});
  ASSERT_TRUE(got) << got.error().message.text;
  EXPECT_EQ(got->at(0).id, "i-1");
}

TEST_F(Ec2ClientTest, AttachAndDetach) {
  http.on("POST https://ec2.eu-west-1.amazonaws.com/ Action=AttachVolume&",
          answer(200,
                 "<AttachVolumeResponse><instanceId>i-1</instanceId><device>/dev/sdf</device>"
                 "<status>attaching</status></AttachVolumeResponse>"));
  auto attached = ec2.attach_volume("vol-1", "i-1", "/dev/sdf", {});
  ASSERT_TRUE(attached) << attached.error().message.text;
  EXPECT_EQ(attached->state, "attaching");
  http.on("POST https://ec2.eu-west-1.amazonaws.com/ Action=DetachVolume&",
          answer(200, "<DetachVolumeResponse><status>detaching</status></DetachVolumeResponse>"));
  EXPECT_TRUE(ec2.detach_volume("vol-1", "i-1", false, {}));
}

TEST_F(Ec2ClientTest, ErrorKeepsItsCode) {
  http.on(kPost + std::string(" Action=AttachVolume&"),
          refusal(400, "VolumeInUse", "vol-1 is already attached to an instance"));
  auto got = ec2.attach_volume("vol-1", "i-1", "/dev/sdf", {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::conflict);
  EXPECT_EQ(ec2_code(got.error()), "VolumeInUse");
  EXPECT_EQ(http.count("POST"), 1);
}

TEST_F(Ec2ClientTest, MissingPermissionIsDeniedAtOnce) {
  http.on(kCreateTags, refusal(403, "UnauthorizedOperation", "You are not authorized."));
  auto got = tag();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::denied);
  EXPECT_EQ(got.error().message.reason, Reason::PermissionDenied);
  EXPECT_TRUE(got.error().message.text.contains("ec2:CreateTags")) << got.error().message.text;
}

TEST_F(Ec2ClientTest, ErrorWithStatus200IsAnError) {
  http.on(kCreateTags, refusal(200, "TagLimitExceeded"));
  auto got = tag();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::invalid);
  EXPECT_EQ(ec2_code(got.error()), "TagLimitExceeded");
}

TEST_F(Ec2ClientTest, ServerTroubleAndAnswersWithoutXmlAreTransient) {
  for (auto const& reply :
       {answer(500), answer(502, "Bad gateway"), refusal(503, "Strange"), refusal(500, "Blocked"),
        answer(403, "<html>proxy</html>"), answer(301, ""), answer(200, ""),
        answer(200, "<html>Sign in</html>"), answer(200, "<CreateTagsResponse><retu")}) {
    http.on(kCreateTags, reply);
    auto got = tag();
    ASSERT_FALSE(got) << reply.status << reply.body;
    EXPECT_EQ(got.error().kind, Kind::transient) << got.error().message.text;
    EXPECT_TRUE(got.error().message.text.contains("ec2:CreateTags")) << got.error().message.text;
  }
}

TEST_F(Ec2ClientTest, TroubleInTransportIsTheCallersToRetry) {
  http.on(kCreateTags, fail(Kind::transient, "Timeout was reached"));
  auto got = tag();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::transient);
  EXPECT_EQ(http.count("POST"), 1);
}

TEST_F(Ec2ClientTest, NoCredentialsNoRequest) {
  source.trouble = Error{Kind::denied, "the instance has no role", {}};
  auto got = tag();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::denied);
  EXPECT_TRUE(got.error().message.text.starts_with("ec2:CreateTags: ")) << got.error().message.text;
}

// What is told of the calls.

TEST_F(Ec2ClientTest, EachRequestIsCountedByWhatCameOfIt) {
  http.on(kCreateTags, answer(200, kDone));
  http.on(kCreateTags, refusal(503, "RequestLimitExceeded"));
  http.on(kCreateTags, refusal(403, "UnauthorizedOperation"));
  http.on(kCreateTags, refusal(500, "InternalError"));
  http.on(kCreateTags, refusal(400, "TagLimitExceeded"));
  http.on(kCreateTags, fail(Kind::transient, "Timeout was reached"));
  http.on(kCreateTags, fail(Kind::interrupted, "stopped"));
  // One call, two requests.
  http.on(kCreateTags, refusal(400, "ExpiredToken"));
  http.on(kCreateTags, answer(200, kDone));
  for (int call = 0; call < 8; ++call) (void)tag();
  http.on(kDescribeVolumes, answer(200, volumes({"vol-1"})));
  ASSERT_TRUE(ec2.describe_volumes({}, {}));
  auto of = [](char const* action, CallResult result) {
    return CallCounts::Of{"ec2", action, result};
  };
  std::map<CallCounts::Of, std::uint64_t> const expected = {
      {of("CreateTags", CallResult::ok), 2},      {of("CreateTags", CallResult::throttled), 1},
      {of("CreateTags", CallResult::denied), 1},  {of("CreateTags", CallResult::unavailable), 1},
      {of("CreateTags", CallResult::invalid), 1}, {of("CreateTags", CallResult::unreachable), 1},
      {of("CreateTags", CallResult::expired), 1}, {of("DescribeVolumes", CallResult::ok), 1}};
  EXPECT_EQ(counts.page().requests, expected);
  EXPECT_EQ(counts.page().retries, (std::map<std::string, std::uint64_t>{{"ec2", 1}}));
}

// Credentials.

TEST_F(Ec2ClientTest, CredentialsThatTheServiceCallsExpiredAreRenewedOnce) {
  for (auto code : {"ExpiredToken", "InvalidClientTokenId", "AuthFailure", "RequestExpired"}) {
    http.on(kCreateTags, refusal(400, code));
    http.on(kCreateTags, answer(200, kDone));
    auto before = source.asked;
    EXPECT_TRUE(tag()) << code;
    EXPECT_LE(source.asked - before, 2);
    EXPECT_GE(source.asked - before, 1);
  }
  auto last = http.requests().back();
  EXPECT_EQ(header(last, "x-amz-security-token"), "token-" + std::to_string(source.asked));
}

TEST_F(Ec2ClientTest, SecondRefusalOfTheCredentialsIsDenied) {
  http.on(kCreateTags, refusal(401, "AuthFailure"));
  http.on(kCreateTags, refusal(401, "AuthFailure"));
  auto got = tag();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::denied);
  EXPECT_EQ(http.count("POST"), 2);
}

// The clock.

TEST_F(Ec2ClientTest, SkewedClockIsCorrectedByTheDateHeaderAndRemembered) {
  http.on(kCreateTags, refusal(400, "RequestExpired", "Request has expired.",
                               {{"date", "Thu, 15 Jan 2026 11:15:00 GMT"}}));
  http.on(kCreateTags, answer(200, kDone));
  EXPECT_TRUE(tag());
  EXPECT_EQ(header(http.requests().at(1), "x-amz-date"), "20260115T111500Z");
  EXPECT_EQ(source.asked, 1) << "the credentials were not to blame";
  clock.advance(60s);
  http.on(kCreateTags, answer(200, kDone));
  EXPECT_TRUE(tag());
  EXPECT_EQ(header(http.requests().at(2), "x-amz-date"), "20260115T111600Z");
}

TEST_F(Ec2ClientTest, EveryCodeThatBlamesTheTimeCorrectsTheClock) {
  int hour = 11;
  for (auto code : {"RequestExpired", "SignatureDoesNotMatch", "AuthFailure"}) {
    http.on(kCreateTags,
            refusal(403, code, "Signature not yet current",
                    {{"date", "Thu, 15 Jan 2026 " + std::to_string(hour) + ":15:00 GMT"}}));
    http.on(kCreateTags, answer(200, kDone));
    EXPECT_TRUE(tag()) << code;
    EXPECT_EQ(header(http.requests().back(), "x-amz-date"),
              "20260115T" + std::to_string(hour) + "1500Z");
    ++hour;
  }
  EXPECT_EQ(source.asked, 1);
}

TEST_F(Ec2ClientTest, ClockThatIsSetRightLaterIsFollowed) {
  http.on(kCreateTags,
          refusal(400, "RequestExpired", "m", {{"date", "Thu, 15 Jan 2026 11:15:00 GMT"}}));
  http.on(kCreateTags, answer(200, kDone));
  EXPECT_TRUE(tag());
  clock.advance(1h);  // by its time server
  http.on(kCreateTags, refusal(403, "SignatureDoesNotMatch", "Signature not yet current",
                               {{"date", "Thu, 15 Jan 2026 11:15:30 GMT"}}));
  http.on(kCreateTags, answer(200, kDone));
  EXPECT_TRUE(tag());
  EXPECT_EQ(header(http.requests().back(), "x-amz-date"), "20260115T111530Z");
}

TEST_F(Ec2ClientTest, SmallSkewIsNotToBlame) {
  http.on(kCreateTags,
          refusal(400, "RequestExpired", "m", {{"date", "Thu, 15 Jan 2026 10:18:59 GMT"}}));
  http.on(kCreateTags, answer(200, kDone));
  EXPECT_TRUE(tag());
  EXPECT_EQ(header(http.requests().at(1), "x-amz-date"), "20260115T101500Z");
  EXPECT_EQ(source.asked, 2);
}

TEST_F(Ec2ClientTest, ClockIsCorrectedOnceACall) {
  http.on(kCreateTags,
          refusal(400, "RequestExpired", "m", {{"date", "Thu, 15 Jan 2026 11:15:00 GMT"}}));
  http.on(kCreateTags,
          refusal(400, "RequestExpired", "m", {{"date", "Thu, 15 Jan 2026 12:15:00 GMT"}}));
  http.on(kCreateTags,
          refusal(400, "RequestExpired", "m", {{"date", "Thu, 15 Jan 2026 13:15:00 GMT"}}));
  auto got = tag();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::denied);
  EXPECT_EQ(ec2_code(got.error()), "RequestExpired");
}

// Throttling.

TEST_F(Ec2ClientTest, ThrottlingComesBackAsTransientAndSlowsAllCallsDown) {
  http.on(kCreateTags, refusal(503, "RequestLimitExceeded"));
  auto got = tag();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::transient);
  EXPECT_EQ(ec2_code(got.error()), "RequestLimitExceeded");
  EXPECT_EQ(http.count("POST"), 1);

  auto before = clock.steady();
  http.on(kDescribeVolumes, answer(200, volumes({})));
  EXPECT_TRUE(ec2.describe_volumes({}, {}));
  EXPECT_GE(clock.steady() - before, 200ms);
}

TEST_F(Ec2ClientTest, StoppedCallSendsNothing) {
  std::stop_source stop;
  stop.request_stop();
  auto got = ec2.create_tags("vol-1", {{"a", "1"}}, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::interrupted);
  EXPECT_TRUE(http.requests().empty());
}

}  // namespace
}  // namespace haagent::aws
