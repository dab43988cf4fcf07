#include "agent/aws/region_view.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/silent_ec2.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

Volume volume_of(std::string id, std::string tag_value = "a/a,b,c") {
  Volume volume{.id = std::move(id), .zone = "eu-west-1a", .state = "available"};
  volume.tags = {{"k8s.io/etcd/main", std::move(tag_value)},
                 {"kubernetes.io/cluster/x.example", "owned"}};
  return volume;
}

class RegionViewTest : public testing::Test {
 protected:
  RegionViewTest() {
    ec2_.add(volume_of("vol-b"));
    ec2_.add(volume_of("vol-a"));
    ec2_.add(Instance{.id = "i-a", .state = "running"});
  }
  int asked() { return ec2_.calls_of("DescribeVolumes"); }

  test::FakeClock clock_;
  test::FakeEc2 ec2_{clock_};
  RegionView view_{ec2_, clock_, "x.example"};
};

TEST_F(RegionViewTest, KnowsNothingBeforeAnybodyAsked) {
  EXPECT_TRUE(view_.snapshot()->volumes.empty());
  EXPECT_FALSE(view_.snapshot()->all_at);
  EXPECT_EQ(asked(), 0);
}

TEST_F(RegionViewTest, OneAnswerServesAllWhoTakeItsAge) {
  ASSERT_TRUE(view_.volumes(5s, {}));
  clock_.advance(5s);
  auto const again = view_.volumes(5s, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(asked(), 1);
  EXPECT_EQ((*again)->volumes.size(), 2u);
  EXPECT_EQ((*again)->volumes.front().id, "vol-a");
  EXPECT_TRUE(view_.volume("vol-b", 5s, {}));
  EXPECT_EQ(asked(), 1);
  clock_.advance(1ms);
  ASSERT_TRUE(view_.volumes(5s, {}));
  EXPECT_EQ(asked(), 2);
  ASSERT_TRUE(view_.volumes(0s, {}));
  EXPECT_EQ(asked(), 3) << "0 asks in any case";
}

TEST_F(RegionViewTest, ASnapshotStaysAsItWas) {
  auto const before = *view_.volumes(0s, {});
  ec2_.remove_volume("vol-b");
  ASSERT_TRUE(view_.volumes(0s, {}));
  view_.tagged("vol-a", {{"haagent.io/formatted-at", "now"}});
  EXPECT_EQ(before->volumes.size(), 2u);
  EXPECT_EQ(before->volume("vol-a")->tag("haagent.io/formatted-at"), "");
  EXPECT_EQ(view_.snapshot()->volumes.size(), 1u);
  EXPECT_EQ(view_.snapshot()->volume("vol-a")->tag("haagent.io/formatted-at"), "now");
  EXPECT_EQ(view_.snapshot()->volume("vol-b"), nullptr);
}

TEST_F(RegionViewTest, AnAnswerByIdsLeavesTheOthersAsOldAsTheyAre) {
  ASSERT_TRUE(view_.volumes(0s, {}));
  clock_.advance(10s);
  ec2_.add(volume_of("vol-a", "a/a"));
  ec2_.add(volume_of("vol-b", "b/b"));
  auto const seen = view_.volumes_by_id({"vol-a"}, {});
  ASSERT_TRUE(seen);
  EXPECT_EQ((*seen)->volume("vol-a")->tag("k8s.io/etcd/main"), "a/a");
  EXPECT_EQ((*seen)->volume("vol-b")->tag("k8s.io/etcd/main"), "a/a,b,c");
  EXPECT_EQ((*seen)->volume_at.at("vol-a"), clock_.steady());
  EXPECT_EQ((*seen)->volume_at.at("vol-b"), clock_.steady() - 10s);
  EXPECT_EQ((*seen)->all_at, clock_.steady() - 10s);
}

TEST_F(RegionViewTest, AVolumeThatIsGoneMakesTheNextQuestionOneForAll) {
  ASSERT_TRUE(view_.volumes(0s, {}));
  ec2_.remove_volume("vol-b");
  auto const failed = view_.volumes_by_id({"vol-a", "vol-b"}, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(ec2_code(failed.error()), "InvalidVolume.NotFound");
  EXPECT_FALSE(view_.snapshot()->all_at);
}

TEST_F(RegionViewTest, WhoNeedsNothingWaitsForNobody) {
  ASSERT_TRUE(view_.instances({"i-a"}, 10s, {}));
  test::SilentEc2 slow(ec2_);
  RegionView view(slow, clock_, "x.example");
  slow.silent = true;
  std::stop_source stop;
  std::jthread other([&] { (void)view.volumes(0s, stop.get_token()); });
  ASSERT_TRUE(test::eventually([&] { return slow.waiting == 1; }));
  EXPECT_TRUE(view.instances({}, 10s, {})) << "it hangs where it waits";
  stop.request_stop();
}

TEST_F(RegionViewTest, AnInterruptedQuestionIsAskedAgain) {
  test::SilentEc2 slow(ec2_);
  RegionView view(slow, clock_, "x.example");
  slow.silent = true;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(view.instances({"i-a"}, 10s, stop.get_token()));
  slow.silent = false;
  auto const seen = view.instances({"i-a"}, 10s, {});
  ASSERT_TRUE(seen);
  EXPECT_TRUE((*seen)->instances.contains("i-a"));
}

// EC2 answered before the tags were there, and the answer comes after them.
TEST_F(RegionViewTest, ATagOfOursOutlastsADescribeThatWasUnderWay) {
  test::SilentEc2 slow(ec2_);
  RegionView view(slow, clock_, "x.example");
  ASSERT_TRUE(view.volumes(0s, {}));
  slow.silent = true;
  std::jthread other([&] { EXPECT_TRUE(view.volumes(0s, {})); });
  ASSERT_TRUE(test::eventually([&] { return slow.waiting == 1; }));
  std::jthread tags([&] { view.tagged("vol-a", {{"haagent.io/formatting", "x"}}); });
  slow.silent = false;
  other.join();
  tags.join();
  EXPECT_EQ(view.snapshot()->volume("vol-a")->tag("haagent.io/formatting"), "x");
}

TEST_F(RegionViewTest, AnErrorKeepsWhatIsKnown) {
  ASSERT_TRUE(view_.volumes(0s, {}));
  clock_.advance(10s);
  ec2_.throttle(1);
  EXPECT_FALSE(view_.volumes(0s, {}));
  EXPECT_EQ(view_.snapshot()->volumes.size(), 2u);
  EXPECT_EQ(view_.snapshot()->all_at, clock_.steady() - 10s);
}

TEST_F(RegionViewTest, InstancesAreAskedForOnceInAWhileWhetherEc2AnswersOrNot) {
  ec2_.throttle(1);
  EXPECT_FALSE(view_.instances({"i-a"}, 10s, {}));
  clock_.advance(10s);
  EXPECT_TRUE((*view_.instances({"i-a"}, 10s, {}))->instances.empty());
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), 1);
  clock_.advance(1s);
  EXPECT_TRUE((*view_.instances({"i-a"}, 10s, {}))->instances.contains("i-a"));
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), 2);
  ASSERT_TRUE(view_.instances({"i-a", "i-z"}, 10s, {}));
  EXPECT_EQ(ec2_.calls().back().arguments, std::vector<std::string>{"instance-id=i-z"})
      << "the other one is known";
}

TEST_F(RegionViewTest, WhoAsksMeanwhileWaitsForThatAnswer) {
  test::SilentEc2 slow(ec2_);
  slow.silent = true;
  RegionView view(slow, clock_, "x.example");
  std::jthread first([&] { EXPECT_TRUE(view.volumes(5s, {})); });
  ASSERT_TRUE(test::eventually([&] { return slow.asked == 1; }));
  std::jthread second([&] { EXPECT_TRUE(view.volumes(5s, {})); });
  slow.silent = false;
  first.join();
  second.join();
  EXPECT_EQ(slow.asked, 1);
}

TEST_F(RegionViewTest, AStopEndsTheWaitAndTheNextOneAsksItself) {
  test::SilentEc2 slow(ec2_);
  slow.silent = true;
  RegionView view(slow, clock_, "x.example");
  std::stop_source stop_first;
  std::jthread first([&] { EXPECT_FALSE(view.volumes(5s, stop_first.get_token())); });
  ASSERT_TRUE(test::eventually([&] { return slow.asked == 1; }));
  std::stop_source stop_second;
  std::atomic<bool> ended = false;
  std::jthread second([&] {
    auto const got = view.volumes(5s, stop_second.get_token());
    EXPECT_TRUE(!got && got.error().kind == Kind::interrupted);
    ended = true;
  });
  stop_second.request_stop();
  EXPECT_TRUE(test::eventually([&] { return ended.load(); })) << "it waits for the first one";
  stop_first.request_stop();
  first.join();
  slow.silent = false;
  EXPECT_TRUE(view.volumes(5s, {}));
}

}  // namespace
}  // namespace haagent::aws
