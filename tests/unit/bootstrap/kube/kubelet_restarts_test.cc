#include "bootstrap/kube/kubelet_restarts.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::kube {
namespace {

using namespace std::chrono_literals;
using Cause = RestartCause;

class Unit final : public Units {
 public:
  pid_t pid = 100;
  int restarts = 0;
  bool refuses = false;
  Result<UnitState> state(std::string const&) override {
    return UnitState{.phase = UnitState::Phase::running, .pid = pid, .detail = {}, .since = {}};
  }
  Result<void> start(UnitSpec const&) override { return {}; }
  Result<void> stop(std::string const&, Duration, std::stop_token) override { return {}; }
  Result<void> restart(std::string const&) override {
    if (refuses) return fail(Kind::transient, "the bus is gone");
    ++restarts;
    return {};
  }
};

class KubeletRestartsTest : public testing::Test {
 protected:
  KubeletRestartsTest() { up(1000); }
  void up(int seconds) {
    test::write_bytes(root_("/proc/uptime"), fmt::format("{}.00 1.00\n", seconds));
  }
  KubeletRestartRecord record() { return KubeletRestarts(root_, unit_).record().value(); }

  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
  Unit unit_;
  KubeletRestarts restarts_{root_, unit_};
};

TEST_F(KubeletRestartsTest, ANewAgentFindsWhatTheOneBeforeHasNoted) {
  EXPECT_EQ(record(), KubeletRestartRecord());
  ASSERT_TRUE(restarts_.restart(100, Cause::health));
  unit_.pid = 200;
  up(2000);
  ASSERT_TRUE(restarts_.restart(200, Cause::certificate));
  EXPECT_EQ(unit_.restarts, 2);
  EXPECT_EQ(record(), (KubeletRestartRecord{.certificate = 1,
                                            .health = 1,
                                            .last = {{1000s, Cause::health, 100},
                                                     {2000s, Cause::certificate, 200}}}));
}

TEST_F(KubeletRestartsTest, OfTwoWhoAskForOneProcessTheSecondHasHadIt) {
  ASSERT_TRUE(restarts_.restart(100, Cause::health));
  ASSERT_TRUE(restarts_.restart(100, Cause::certificate));  // it is still on its way
  unit_.pid = 200;
  ASSERT_TRUE(restarts_.restart(100, Cause::certificate));  // it has gone
  EXPECT_EQ(unit_.restarts, 1);
  EXPECT_EQ(record().certificate, 0u);
}

TEST_F(KubeletRestartsTest, AProcessThatDoesNotEndIsAskedAgainAfterItsTime) {
  ASSERT_TRUE(restarts_.restart(100, Cause::health));
  up(1000 + 121);
  ASSERT_TRUE(restarts_.restart(100, Cause::certificate));
  EXPECT_EQ(unit_.restarts, 2);
}

TEST_F(KubeletRestartsTest, WhatSystemdRefusedIsNotCounted) {
  unit_.refuses = true;
  EXPECT_FALSE(restarts_.restart(100, Cause::health));
  EXPECT_EQ(record(), KubeletRestartRecord());
}

TEST_F(KubeletRestartsTest, TheBudgetCountsThoseForItsHealthWithinTheTime) {
  for (int i = 0; i < 30; ++i) {
    up(1000 + 100 * i);
    unit_.pid = 100 + i;
    ASSERT_TRUE(restarts_.restart(unit_.pid, i % 2 ? Cause::certificate : Cause::health));
  }
  auto const noted = record();
  EXPECT_EQ(noted.health, 15u);
  EXPECT_LE(noted.last.size(), 20u);
  EXPECT_EQ(noted.for_health_within(1000s, 3900s), 5);
  EXPECT_EQ(noted.for_health_within(3600s, 3900s + 3600s), 0);
}

TEST_F(KubeletRestartsTest, ARecordThatDoesNotReadIsBegunAnew) {
  test::write_bytes(root_(kKubeletRestarts), "{half");
  EXPECT_EQ(record(), KubeletRestartRecord());
  ASSERT_TRUE(restarts_.restart(100, Cause::health));
  EXPECT_EQ(record().health, 1u);
}

}  // namespace
}  // namespace haagent::bootstrap::kube
