#include "agent/aws/autoscaling.h"

#include <gtest/gtest.h>

#include "agent/aws/denial.h"
#include "agent/aws/imds.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_http.h"
#include "tests/unit/agent/aws/query_error_cases.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;
using test::answer;

constexpr QueryErrorCase kCases[] = {
    {"ValidationError", "No active Lifecycle Action found with instance ID i-1", Kind::conflict},
    {"ValidationError", "AutoScalingGroup name not found - AutoScalingGroup 'x' not found",
     Kind::conflict},
    {"ValidationError", "1 validation error detected", Kind::invalid},
    {"ResourceContention", "", Kind::transient},
    {"InvalidNextToken", "", Kind::transient},
    {"UnauthorizedOperation", "", Kind::denied},
    {"InternalError", "", Kind::transient},
};

TEST(AutoScalingErrors, EachEntryOfTheTable) {
  expect_each_entry(autoscaling_errors(), kCases, "CompleteLifecycleAction", autoscaling_error);
}

TEST(AutoScalingErrors, AnUnknownCodeGoesByItsStatus) {
  expect_unknown_codes_go_by_status(autoscaling_error);
}

TEST(AutoScalingErrors, AMissingPermissionIsNamed) {
  auto const error = autoscaling_error("CompleteLifecycleAction", "AccessDenied", "User: u");
  EXPECT_EQ(error.message.reason, Reason::PermissionDenied);
  EXPECT_TRUE(error.message.text.contains(
      worded(denial_advice("autoscaling:CompleteLifecycleAction", "User: u"))))
      << error.message.text;
  EXPECT_TRUE(error.message.text.ends_with("u)")) << "AWS's own words";
}

class Keys final : public CredentialSource {
 public:
  Result<Credentials> credentials(std::stop_token) override {
    return Credentials{"KEY", Secret("secret"), Secret("token"), {}};
  }
};

class AutoScalingClientTest : public testing::Test {
 protected:
  static std::string post(std::string const& body) {
    return "POST https://autoscaling.eu-west-1.amazonaws.com/ " + body;
  }
  static std::string refusal(std::string const& code, std::string const& message) {
    return "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message +
           "</Message></Error><RequestId>r</RequestId></ErrorResponse>";
  }
  test::FakeClock clock;
  test::ScriptedHttp http;
  Keys keys;
  CachedCredentials credentials{keys, clock};
  AutoScalingClient client{
      http,
      clock,
      credentials,
      {.endpoint = "https://autoscaling.eu-west-1.amazonaws.com", .region = "eu-west-1"}};
};

TEST_F(AutoScalingClientTest, FindsItsGroupAndState) {
  http.on(post("Action=DescribeAutoScalingInstances&Version=2011-01-01&"
               "InstanceIds.member.1=i-1"),
          answer(200, R"(<DescribeAutoScalingInstancesResponse
xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><DescribeAutoScalingInstancesResult>
<AutoScalingInstances><member><InstanceId>i-1</InstanceId>
<AutoScalingGroupName>masters-a</AutoScalingGroupName>
<LifecycleState>Terminating:Wait</LifecycleState></member></AutoScalingInstances>
</DescribeAutoScalingInstancesResult></DescribeAutoScalingInstancesResponse>)"));
  auto const member = client.member("i-1", {});
  ASSERT_TRUE(member && *member) << member.error().message.text;
  EXPECT_EQ(**member, (GroupMember{"masters-a", "Terminating:Wait"}));
  bool signed_for_it = false;
  auto const sent = http.requests();
  for (auto const& [name, value] : sent.front().headers) {
    if (name == "authorization")
      signed_for_it = value.find("/eu-west-1/autoscaling/aws4_request") != value.npos;
  }
  EXPECT_TRUE(signed_for_it);
}

TEST_F(AutoScalingClientTest, AnInstanceOfNoGroupIsNothing) {
  http.on(post("Action=DescribeAutoScalingInstances"),
          answer(200,
                 "<DescribeAutoScalingInstancesResponse><DescribeAutoScalingInstancesResult>"
                 "<AutoScalingInstances/></DescribeAutoScalingInstancesResult>"
                 "</DescribeAutoScalingInstancesResponse>"));
  auto const member = client.member("i-1", {});
  ASSERT_TRUE(member) << member.error().message.text;
  EXPECT_FALSE(*member);
}

TEST_F(AutoScalingClientTest, ReadsHooks) {
  http.on(post("Action=DescribeLifecycleHooks&Version=2011-01-01&AutoScalingGroupName=a%2Fb"),
          answer(200,
                 "<DescribeLifecycleHooksResponse><DescribeLifecycleHooksResult>"
                 "<LifecycleHooks><member><LifecycleHookName>h</LifecycleHookName>"
                 "<LifecycleTransition>autoscaling:EC2_INSTANCE_TERMINATING"
                 "</LifecycleTransition><HeartbeatTimeout>120</HeartbeatTimeout></member>"
                 "</LifecycleHooks></DescribeLifecycleHooksResult>"
                 "</DescribeLifecycleHooksResponse>"));
  auto const hooks = client.hooks("a/b", {});
  ASSERT_TRUE(hooks) << hooks.error().message.text;
  ASSERT_EQ(hooks->size(), 1u);
  EXPECT_EQ(hooks->front(), (LifecycleHook{"h", std::string(kTerminating), 120s}));
}

TEST_F(AutoScalingClientTest, AnActionThatIsOverIsAConflict) {
  http.on(post("Action=CompleteLifecycleAction&Version=2011-01-01&AutoScalingGroupName=g&"
               "LifecycleHookName=h&InstanceId=i-1&LifecycleActionResult=CONTINUE"),
          answer(400, refusal("ValidationError",
                              "No active Lifecycle Action found with instance ID i-1")));
  auto const done = client.complete("g", "h", "i-1", {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, Kind::conflict);
}

TEST_F(AutoScalingClientTest, AProxysPageIsNoAnswer) {
  http.on(post("Action=RecordLifecycleActionHeartbeat&Version=2011-01-01&AutoScalingGroupName=g&"
               "LifecycleHookName=h&InstanceId=i-1"),
          answer(200, "<html/>"));
  auto const done = client.heartbeat("g", "h", "i-1", {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, Kind::transient);
}

class NoticesTest : public testing::Test {
 protected:
  static std::string get(std::string const& item) {
    return "GET http://169.254.169.254/latest/meta-data/" + item;
  }
  NoticesTest() { http.on("PUT http://169.254.169.254/latest/api/token", answer(200, "token")); }
  test::FakeClock clock;
  test::ScriptedHttp http;
  Imds imds{http, clock, {"http://169.254.169.254"}};
};

TEST_F(NoticesTest, NothingIsPlanned) {
  http.on(get("autoscaling/target-lifecycle-state"), answer(404));
  http.on(get("spot/instance-action"), answer(404));
  http.on(get("events/recommendations/rebalance"), answer(404));
  auto const notices = imds.notices({});
  ASSERT_TRUE(notices) << notices.error().message.text;
  EXPECT_EQ(*notices, Notices{});
}

TEST_F(NoticesTest, AllAtOnce) {
  http.on(get("autoscaling/target-lifecycle-state"), answer(200, "Terminated\n"));
  http.on(get("spot/instance-action"),
          answer(200, R"({"action":"terminate","time":"2026-01-15T10:17:00Z"})"));
  http.on(get("events/recommendations/rebalance"),
          answer(200, R"({"noticeTime":"2026-01-15T10:00:00Z"})"));
  auto const notices = imds.notices({});
  ASSERT_TRUE(notices) << notices.error().message.text;
  EXPECT_EQ(notices->target_state, "Terminated");
  EXPECT_EQ(notices->spot, (Notices::Interruption{"terminate", "2026-01-15T10:17:00Z"}));
  EXPECT_EQ(notices->rebalance, "2026-01-15T10:00:00Z");
}

TEST_F(NoticesTest, HalfADocumentIsAskedForAgain) {
  http.on(get("autoscaling/target-lifecycle-state"), answer(404));
  http.on(get("spot/instance-action"), answer(200, R"({"action":)"));
  auto const notices = imds.notices({});
  ASSERT_FALSE(notices);
  EXPECT_EQ(notices.error().kind, Kind::transient);
}

}  // namespace
}  // namespace haagent::aws
