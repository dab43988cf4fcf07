#include "agent/cloudwatch/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "agent/cloudwatch/step.h"
#include "tests/support/fake_clock.h"

namespace haagent::cloudwatch {
namespace {

using namespace std::chrono_literals;

constexpr char kPage[] =
    "haagent_node_info{role=\"master\",cluster=\"c\",kubernetes=\"1.33.2\",instance_id=\"i-1\","
    "zone=\"eu-west-1a\"} 1\nhaagent_phase{phase=\"ready\"} 1\n";

// Keeps what is put, where it takes it.
struct Region final : aws::CloudWatch {
  std::optional<Error> refuses;
  std::string space;
  std::vector<aws::MetricDatum> data;
  int calls = 0;
  std::function<void()> when_called = [] {};

  Result<void> put(std::string const& into, std::span<aws::MetricDatum const> what,
                   std::stop_token) override {
    ++calls;
    when_called();
    if (refuses) return std::unexpected(*refuses);
    space = into;
    data.assign(what.begin(), what.end());
    return {};
  }
};

class SenderTest : public testing::Test {
 protected:
  explicit SenderTest(CloudWatchMode mode = CloudWatchMode::put) {
    config.metrics.cloudwatch.mode = mode;
  }
  Message row() {
    CloudWatchStep step(config);
    auto const finding = step.look(facts, {});
    EXPECT_TRUE(finding && std::holds_alternative<Done>(*finding)) << "it never holds a node up";
    return message_of(*finding);
  }

  NodeConfig config;
  test::FakeClock clock;
  Facts facts;
  Region region;
  std::string page = kPage;
  std::vector<std::string> lines;
  Sender sender{{.config = config,
                 .clock = clock,
                 .page = [this] { return page; },
                 .record = [this](std::string const& line) { lines.push_back(line); },
                 .cloudwatch = region,
                 .fact = facts.cloudwatch}};
};

TEST_F(SenderTest, PutsWhatThePageHas) {
  EXPECT_EQ(row().reason, Reason::MetricsAwaited);
  sender.send_once({});
  EXPECT_EQ(region.space, "haagent");
  EXPECT_EQ(region.data.size(), 2u);
  EXPECT_TRUE(lines.empty());
  EXPECT_EQ(row().reason, Reason::MetricsSent);
  EXPECT_EQ(row().advice, "");
}

TEST_F(SenderTest, ADenialNamesTheNamespaceAndTheWayOut) {
  config.metrics.cloudwatch.space = "prod/haagent";
  region.refuses = aws::cloudwatch_error("PutMetricData", "AccessDenied", "User: u", 403);
  sender.send_once({});
  auto const told = row();
  EXPECT_EQ(told.reason, Reason::MetricsDenied);
  EXPECT_TRUE(told.advice.contains("cloudwatch:PutMetricData")) << told.advice;
  EXPECT_TRUE(told.advice.contains("prod/haagent")) << told.advice;
  region.refuses.reset();
  sender.send_once({});
  EXPECT_EQ(row().reason, Reason::MetricsSent) << "it goes on by itself once it is allowed";
}

TEST_F(SenderTest, WhatIsNotReachedIsTold) {
  region.refuses = Error{Kind::transient, "cloudwatch:PutMetricData: timeout", {}};
  sender.send_once({});
  EXPECT_EQ(row().reason, Reason::MetricsNotSent);
  EXPECT_NE(row().advice, "");
}

// One that is not let in by its signature lacks no permission.
TEST_F(SenderTest, AWrongClockIsNoMissingPermission) {
  region.refuses =
      aws::cloudwatch_error("PutMetricData", "SignatureDoesNotMatch", "Signature expired: 1", 403);
  sender.send_once({});
  EXPECT_FALSE(row().advice.contains("cloudwatch:PutMetricData")) << row().advice;
}

TEST_F(SenderTest, BeingStoppedIsNoFailure) {
  region.refuses = Error{Kind::interrupted, "stopped", {}};
  sender.send_once({});
  EXPECT_FALSE(facts.cloudwatch.get());
}

TEST_F(SenderTest, APageWithoutFiguresIsNotSent) {
  page = "";
  sender.send_once({});
  EXPECT_EQ(region.calls, 0);
}

TEST_F(SenderTest, GoesOnAtEachIntervalWhateverComesOfIt) {
  region.refuses = Error{Kind::transient, "cloudwatch:PutMetricData: timeout", {}};
  auto const began = clock.utc();
  std::stop_source stop;
  region.when_called = [&] {
    if (region.calls == 4) stop.request_stop();
  };
  sender.run(stop.get_token());
  EXPECT_EQ(region.calls, 4);
  EXPECT_EQ(clock.utc() - began, 3min);
}

struct SilentSenderTest : SenderTest {
  SilentSenderTest() : SenderTest(CloudWatchMode::none) {}
};
TEST_F(SilentSenderTest, SendsNothing) {
  sender.run({});
  EXPECT_EQ(region.calls, 0);
  EXPECT_TRUE(lines.empty());
}

struct EmbeddedSenderTest : SenderTest {
  EmbeddedSenderTest() : SenderTest(CloudWatchMode::embedded) {}
};
TEST_F(EmbeddedSenderTest, WritesALineAndCallsNobody) {
  sender.send_once({});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("{\"_aws\":")) << lines[0];
  EXPECT_EQ(region.calls, 0);
  EXPECT_EQ(row().reason, Reason::MetricsWritten);
}

}  // namespace
}  // namespace haagent::cloudwatch
