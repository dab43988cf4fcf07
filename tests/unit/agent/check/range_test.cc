#include "agent/check/range.h"

#include <gtest/gtest.h>

namespace haagent::check {
namespace {

struct Case {
  char const* text;
  std::vector<double> alerts;
  std::vector<double> quiet;
};
class CheckRange : public testing::TestWithParam<Case> {};
TEST_P(CheckRange, AlertsAsTheGuidelinesSay) {
  auto const range = parse_range(GetParam().text);
  ASSERT_TRUE(range) << GetParam().text;
  for (double const value : GetParam().alerts) EXPECT_TRUE(range->alerts(value)) << value;
  for (double const value : GetParam().quiet) EXPECT_FALSE(range->alerts(value)) << value;
  EXPECT_EQ(range->text, GetParam().text);
}
INSTANTIATE_TEST_SUITE_P(
    Guidelines, CheckRange,
    testing::Values(Case{"10", {-0.1, 10.1}, {0, 10}}, Case{"10:", {9.9, -1}, {10, 1e12}},
                    Case{"~:10", {10.1}, {-1e12, 10}}, Case{"10:20", {9.9, 20.1}, {10, 20}},
                    Case{"@10:20", {10, 15, 20}, {9.9, 20.1}}, Case{"0.5", {0.51}, {0.5}},
                    Case{"-5:-1", {-6, 0}, {-5}}, Case{"~:", {}, {-1e12, 1e12}}));

TEST(CheckRangeText, WhatIsNoneIsRefused) {
  for (auto const* text : {"", ":", "@", "x", "10x", "10:x", "20:10", "10::20", "~", "@~", "1e3",
                           "nan", "inf", "10:~", " 10", "80%"})
    EXPECT_FALSE(parse_range(text)) << text;
}

}  // namespace
}  // namespace haagent::check
