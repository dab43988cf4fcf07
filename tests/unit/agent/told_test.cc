#include "agent/told.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

using State = RowStatus::State;

RowStatus row(State state, std::string sentence = {}, int attempts = 0,
              std::optional<Kind> error = {}) {
  RowStatus status;
  status.name = "volume-main";
  status.state = state;
  status.sentence = std::move(sentence);
  status.attempts = attempts;
  status.error = error;
  return status;
}

std::string const kNone = "no volume of eu-west-1a is tagged k8s.io/etcd/main";
std::string const kThrottled = "DescribeVolumes: RequestLimitExceeded";

TEST(Told, AWaitIsToldOnceHoweverOftenItIsLookedAtAndRetried) {
  Told told;
  EXPECT_TRUE(told.is_news(row(State::waiting, kNone)));
  for (int attempt = 1; attempt < 9; ++attempt) {
    EXPECT_EQ(told.is_news(row(State::retrying, kThrottled, attempt, Kind::transient)),
              attempt == 1);
    EXPECT_FALSE(told.is_news(row(State::waiting, kNone, attempt)));
  }
  EXPECT_TRUE(told.is_news(row(State::failed, "gave up after 15 min: " + kNone)));
  EXPECT_FALSE(told.is_news(row(State::waiting, kNone)));
}

TEST(Told, WhatItWaitsForNextIsNews) {
  Told told;
  EXPECT_TRUE(told.is_news(row(State::waiting, kNone)));
  EXPECT_TRUE(told.is_news(row(State::waiting, "vol-1 is held by i-2")));
  EXPECT_TRUE(told.is_news(row(State::acting, "attach vol-1")));
  EXPECT_TRUE(told.is_news(row(State::retrying, "attach vol-1", 1, Kind::transient)));
}

TEST(Told, AfterItWasDoneAllIsNewsAgain) {
  Told told;
  EXPECT_TRUE(told.is_news(row(State::waiting, kNone)));
  EXPECT_TRUE(told.is_news(row(State::done, "vol-1 is attached")));
  EXPECT_FALSE(told.is_news(row(State::done, "vol-1 is attached"))) << "each look finds that";
  EXPECT_TRUE(told.is_news(row(State::drifted, kNone)));
  EXPECT_TRUE(told.is_news(row(State::done, "vol-1 is attached"))) << "it is well again";
  EXPECT_TRUE(told.is_news(row(State::waiting, kNone)));
}

TEST(Told, RowsAreToldEachForItself) {
  Told told;
  auto other = row(State::waiting, kNone);
  other.name = "volume-events";
  EXPECT_TRUE(told.is_news(row(State::waiting, kNone)));
  EXPECT_TRUE(told.is_news(other));
  told.forget();
  EXPECT_TRUE(told.is_news(row(State::waiting, kNone)));
}

}  // namespace
}  // namespace haagent
