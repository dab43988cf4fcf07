#include "agent/aws/ec2_dry_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/scripted_http.h"

namespace haagent::aws {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class Keys final : public CredentialSource {
 public:
  Result<Credentials> credentials(std::stop_token) override {
    return Credentials{.access_key_id = "ASIA", .secret_access_key = Secret("s")};
  }
};

HttpResponse failure(int status, std::string_view code) {
  return test::answer(status, fmt::format("<Response><Errors><Error><Code>{}</Code><Message>m"
                                          "</Message></Error></Errors></Response>",
                                          code));
}

class Ec2DryRunTest : public testing::Test {
 protected:
  Result<void> attach(HttpResponse answer) {
    http_.on("POST http://ec2/ Action=AttachVolume", std::move(answer));
    return dry_.attach_volume("vol-1", "i-1", "/dev/sdf", {});
  }

  test::ScriptedHttp http_;
  test::FakeClock clock_;
  Keys keys_;
  CachedCredentials credentials_{keys_, clock_};
  Ec2DryRun dry_{http_, clock_, credentials_, {.endpoint = "http://ec2", .region = "eu-west-1"}};
};

TEST_F(Ec2DryRunTest, WhatWouldBeAllowedIsNoError) {
  EXPECT_TRUE(attach(failure(412, "DryRunOperation")));
}

TEST_F(Ec2DryRunTest, WhatWouldNotIsDeniedAndNamesThePermission) {
  auto asked = attach(failure(403, "UnauthorizedOperation"));
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind, Kind::denied);
  EXPECT_THAT(asked.error().message.text, HasSubstr("ec2:AttachVolume"));
}

TEST_F(Ec2DryRunTest, AnythingElseSaysNothingAboutIt) {
  auto asked = attach(failure(503, "RequestLimitExceeded"));
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind, Kind::transient);
}

TEST_F(Ec2DryRunTest, AServiceThatCarriesItOutIsAnError) {
  auto asked = attach(test::answer(200, "<AttachVolumeResponse/>"));
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind, Kind::internal);
}

TEST_F(Ec2DryRunTest, EveryCallIsMarked) {
  for (auto action : {"AttachVolume", "DetachVolume", "CreateTags"})
    http_.on(fmt::format("POST http://ec2/ Action={}", action), failure(412, "DryRunOperation"));
  EXPECT_TRUE(dry_.attach_volume("vol-1", "i-1", "/dev/sdf", {}));
  EXPECT_TRUE(dry_.detach_volume("vol-1", "i-1", {}));
  EXPECT_TRUE(dry_.create_tags("vol-1", {{"a", "b"}}, {}));
  for (auto const& request : http_.requests()) EXPECT_THAT(request.body, EndsWith("&DryRun=true"));
}

}  // namespace
}  // namespace haagent::aws
