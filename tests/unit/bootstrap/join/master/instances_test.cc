#include "bootstrap/join/master/instances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "bootstrap/join/master/replays.h"
#include "bootstrap/join/master/service.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;

std::string id_of(int number) {
  return fmt::format("i-{:017x}", number);
}

class JoinInstances : public testing::Test {
 protected:
  void add(int count) {
    for (int i = 0; i < count; ++i)
      ec2_.add(aws::Instance{.id = id_of(i),
                             .state = "running",
                             .type = {},
                             .tags = {{"kubernetes.io/cluster/prod.example.com", "owned"}}});
  }
  // All at once; how many were found.
  int find_all(Instances& instances, int count) {
    std::atomic<int> found = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
          auto const instance = instances.find(id_of(i), {});
          if (instance && *instance && (*instance)->id == id_of(i)) ++found;
        });
    }
    return found;
  }
  test::FakeClock clock_;
  test::FakeEc2 ec2_{clock_};
};

TEST_F(JoinInstances, OneCallIsForAllWhoWait) {
  add(150);
  Instances instances(ec2_, "prod.example.com", {.between = 100ms, .believed = 10min});
  auto const began = std::chrono::steady_clock::now();
  EXPECT_EQ(find_all(instances, 150), 150);
  // A machine that starts its threads slowly has some that come later.
  auto const calls = ec2_.calls_of("DescribeInstances");
  EXPECT_LE(calls, 2 + (std::chrono::steady_clock::now() - began) / 100ms);
  EXPECT_EQ(find_all(instances, 150), 150);
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), calls) << "known for a while";
}

TEST_F(JoinInstances, WhoIsNotKnownIsAskedForAgain) {
  Instances instances(ec2_, "prod.example.com", {.between = 20ms});
  auto const before = instances.find(id_of(0), {});
  ASSERT_TRUE(before);
  EXPECT_FALSE(*before);
  add(1);
  auto const after = instances.find(id_of(0), {});
  ASSERT_TRUE(after);
  EXPECT_TRUE(*after);
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), 2);
}

TEST_F(JoinInstances, WhatEc2SaidIsBelievedForAWhileAndNoLonger) {
  add(1);
  Instances instances(ec2_, "prod.example.com", {.between = 1ms, .believed = 50ms});
  EXPECT_TRUE(instances.find(id_of(0), {})->has_value());
  ec2_.set_instance_state(id_of(0), "terminated");
  std::this_thread::sleep_for(60ms);
  EXPECT_EQ((*instances.find(id_of(0), {}))->state, "terminated");
}

TEST_F(JoinInstances, WhatDoesNotRunYetIsAskedForAgain) {
  add(1);
  Instances instances(ec2_, "prod.example.com", {.between = 1ms});
  for (auto const* state : {"pending", "stopped", "running"}) {
    ec2_.set_instance_state(id_of(0), state);
    EXPECT_EQ((*instances.find(id_of(0), {}))->state, state);
  }
  auto const calls = ec2_.calls_of("DescribeInstances");
  EXPECT_EQ((*instances.find(id_of(0), {}))->state, "running");
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), calls);
}

TEST_F(JoinInstances, TroubleIsToldToAllWhoWaitAndPasses) {
  add(1);
  Instances instances(ec2_, "prod.example.com", {.between = 1ms});
  ec2_.throttle(1);
  auto const refused = instances.find(id_of(0), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::transient);
  EXPECT_TRUE(instances.find(id_of(0), {})->has_value());
}

TEST_F(JoinInstances, AFewAreAskedForByNameAndManyByTheClustersTag) {
  auto of = [](std::size_t count, bool lately) {
    std::set<std::string> ids;
    for (std::size_t i = 0; i < count; ++i) ids.insert(id_of(static_cast<int>(i)));
    return question_for(ids, "prod.example.com", lately);
  };
  for (bool lately : {false, true}) {
    auto const most = lately ? kAskedByName : kFew;
    auto const few = of(most, lately);
    EXPECT_TRUE(few.ids.empty()) << "one that is not known would refuse the call";
    ASSERT_EQ(few.filters.size(), 1u);
    EXPECT_EQ(few.filters[0].name, "instance-id");
    EXPECT_EQ(few.filters[0].values.size(), most);
    auto const many = of(most + 1, lately);
    ASSERT_EQ(many.filters.size(), 2u);
    EXPECT_EQ(many.filters[0].name, "tag:kubernetes.io/cluster/prod.example.com");
    EXPECT_EQ(many.filters[1].name, "instance-state-name");
  }
}

TEST_F(JoinInstances, WhatEc2SaysNoMoreIsNotBelieved) {
  add(61);
  // From the first question to the next there is time for all to come.
  Instances instances(ec2_, "prod.example.com", {.between = 1s, .believed = 10min});
  EXPECT_EQ((*instances.find(id_of(60), {}))->state, "running");
  ec2_.set_instance_state(id_of(60), "terminated");
  // Many are asked for together, by what lives: it is not among that.
  EXPECT_EQ(find_all(instances, 60), 60);
  EXPECT_EQ((*instances.find(id_of(60), {}))->state, "terminated");
}

// A master has no more than some in the middle of an exchange; the others come after them.
TEST_F(JoinInstances, WhoComesAfterManyIsKnownAlready) {
  static_assert(kFew * 4 < JoinService::kAtOnce);
  add(500);
  Instances instances(ec2_, "prod.example.com", {.between = 100ms});
  EXPECT_EQ(find_all(instances, JoinService::kAtOnce), JoinService::kAtOnce);
  auto const calls = ec2_.calls_of("DescribeInstances");
  for (int i = JoinService::kAtOnce; i < 500; ++i)
    EXPECT_TRUE(instances.find(id_of(i), {})->has_value());
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), calls);
}

TEST(JoinReplays, ASignatureIsNewOnceInAQuarterOfAnHour) {
  Replays replays;
  SteadyTime const now{1h};
  EXPECT_TRUE(replays.is_first("a", now));
  EXPECT_FALSE(replays.is_first("a", now + 14min));
  EXPECT_TRUE(replays.is_first("b", now + 14min));
  EXPECT_TRUE(replays.is_first("a", now + 16min));
  EXPECT_FALSE(replays.is_first("b", now + 16min));
}

}  // namespace
}  // namespace haagent::bootstrap::join
