#include "agent/base/side_by_side.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

#include "agent/base/wait_accounting.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

TEST(SideBySide, EachPieceIsDoneOnce) {
  for (std::size_t const count : {0, 1, 2, 100}) {
    std::vector<std::atomic<int>> done(count);
    side_by_side(count, [&](std::size_t i) { ++done[i]; });
    for (auto const& each : done) EXPECT_EQ(each, 1) << count;
  }
}

// A rendezvous of three in pieces that are one after the other would never end.
TEST(SideBySide, PiecesAreOnTheirWayAtTheSameTime) {
  std::latch all(3);
  side_by_side(3, [&](std::size_t) { all.arrive_and_wait(); });
}

TEST(SideBySide, NoMoreAtOnceThanItIsTold) {
  std::atomic<int> now = 0, most = 0;
  side_by_side(
      20,
      [&](std::size_t) {
        auto const with_me = ++now;
        auto had = most.load();
        while (had < with_me && !most.compare_exchange_weak(had, with_me)) {
        }
        std::this_thread::sleep_for(1ms);
        --now;
      },
      3);
  EXPECT_LE(most, 3);
  EXPECT_GE(most, 1);
}

TEST(SideBySide, ResultsStandInTheOrderOfTheItems) {
  std::vector<int> items(50);
  std::iota(items.begin(), items.end(), 0);
  auto const squares = each_side_by_side(items, [](int each) { return each * each; });
  for (int i = 0; i < 50; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
}

// What a piece waits for is no time of haagent's own, what it computes is.
TEST(SideBySide, WhatPiecesWaitForIsOutsideTimeOfTheCaller) {
  auto const before = AccountedWait::of_this_thread();
  side_by_side(2, [](std::size_t) {
    AccountedWait wait(WaitFor::request);
    std::this_thread::sleep_for(100ms);
  });
  EXPECT_GE(AccountedWait::of_this_thread() - before, 90ms);

  auto const again = AccountedWait::of_this_thread();
  side_by_side(2, [](std::size_t) { std::this_thread::sleep_for(100ms); });
  EXPECT_LE(AccountedWait::of_this_thread() - again, 50ms);
}

}  // namespace
}  // namespace haagent
