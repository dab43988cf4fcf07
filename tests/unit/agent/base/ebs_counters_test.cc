#include "agent/base/ebs_counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

EbsPlace const kPlace{.volume_id = "vol-1", .region = "eu-west-1", .instance_type = "m6i.large"};

TEST(EbsCounters, WhatWasExceededIsTheDifferenceOfTwoReadings) {
  EbsCounters const before{.volume_exceeded_iops = 10,
                           .volume_exceeded_throughput = 20,
                           .instance_exceeded_iops = 30,
                           .instance_exceeded_throughput = 40};
  EbsCounters const now{.volume_exceeded_iops = 11,
                        .volume_exceeded_throughput = 22,
                        .instance_exceeded_iops = 33,
                        .instance_exceeded_throughput = 44};
  EXPECT_EQ(exceeded_between(before, now, 5min), (EbsExceeded{.window = 5min,
                                                              .volume_iops = 1,
                                                              .volume_throughput = 2,
                                                              .instance_iops = 3,
                                                              .instance_throughput = 4}));
  EXPECT_EQ(exceeded_between(now, now, 5min), (EbsExceeded{.window = 5min}));
  EXPECT_EQ(exceeded_between(now, before, 5min), EbsExceeded{}) << "attached anew in between";
  EXPECT_EQ(exceeded_between(before, now, 0s), EbsExceeded{}) << "one reading";
}

struct Case {
  char const* name;
  EbsExceeded recently;
  std::optional<Reason> reason;
  char const* subject = "";
};
class LimitReached : public testing::TestWithParam<Case> {};

TEST_P(LimitReached, NamesTheLongest) {
  auto const& tested = GetParam();
  auto const limit = limit_reached(tested.recently, kPlace);
  ASSERT_EQ(limit.has_value(), tested.reason.has_value());
  if (!limit) return;
  EXPECT_EQ(limit->reason, *tested.reason);
  EXPECT_EQ(limit->subject, tested.subject);
  EXPECT_FALSE(limit->advice.empty());
}

constexpr std::uint64_t kSecond = 1'000'000;
INSTANTIATE_TEST_SUITE_P(
    Table, LimitReached,
    testing::Values(
        Case{"one_reading", {.window = 0s, .volume_iops = kSecond}, {}},
        Case{"nothing", {.window = 5min}, {}},
        Case{"hardly", {.window = 5min, .volume_iops = 2 * kSecond}, {}},
        Case{"a_hundredth",
             {.window = 5min, .volume_iops = 3 * kSecond},
             Reason::VolumeAtLimit,
             "IOPS of vol-1"},
        Case{"throughput",
             {.window = 5min, .volume_iops = 3 * kSecond, .volume_throughput = 4 * kSecond},
             Reason::VolumeAtLimit,
             "throughput of vol-1"},
        Case{"instance_iops",
             {.window = 5min, .volume_iops = 3 * kSecond, .instance_iops = 30 * kSecond},
             Reason::InstanceAtLimit,
             "IOPS of the instance"},
        Case{"instance_throughput",
             {.window = 5min, .instance_throughput = 3 * kSecond},
             Reason::InstanceAtLimit,
             "throughput of the instance"},
        Case{"for_longer_than_was_looked_back",
             {.window = 5min, .volume_iops = 9'000 * kSecond},
             Reason::VolumeAtLimit,
             "IOPS of vol-1"}),
    [](auto const& tested) { return tested.param.name; });

TEST(EbsCounters, TheAdviceIsForTheLimit) {
  EXPECT_THAT(limit_reached({.window = 5min, .volume_iops = 9 * kSecond}, kPlace)->advice,
              HasSubstr("'aws ec2 modify-volume --region eu-west-1 --volume-id vol-1 --iops"));
  EXPECT_THAT(limit_reached({.window = 5min, .volume_throughput = 9 * kSecond}, kPlace)->advice,
              HasSubstr("--throughput"));
}

}  // namespace
}  // namespace haagent
