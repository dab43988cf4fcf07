// The fake is held to EC2's rules, since the tests of volumes stand on it.
#include "tests/support/fake_ec2.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace haagent::test {
namespace {

using namespace std::chrono_literals;
using aws::ec2_code;

class FakeEc2Test : public testing::Test {
 protected:
  FakeEc2Test() {
    ec2.add(aws::Instance{.id = "i-1", .state = "running", .zone = "eu-west-1a"});
    ec2.add(aws::Instance{.id = "i-2", .state = "running", .zone = "eu-west-1a"});
    ec2.add(aws::Instance{.id = "i-3", .state = "running", .zone = "eu-west-1b"});
    ec2.add(aws::Volume{.id = "vol-1",
                        .zone = "eu-west-1a",
                        .state = "available",
                        .tags = {{"k8s.io/etcd/main", "a/a,b,c"}}});
    ec2.add(aws::Volume{.id = "vol-2", .zone = "eu-west-1a", .state = "available"});
  }

  aws::Volume shown(std::string const& id) {
    auto volumes = ec2.describe_volumes({.ids = {id}}, {});
    return volumes ? volumes->at(0) : aws::Volume{};
  }
  std::string_view attach_code(std::string const& volume, std::string const& instance,
                               std::string const& device = "/dev/sdf") {
    auto attached = ec2.attach_volume(volume, instance, device, {});
    return attached ? "" : ec2_code(attached.error());
  }

  FakeClock clock;
  FakeEc2 ec2{clock};
};

TEST_F(FakeEc2Test, AttachmentShowsAsAttachingBeforeItIsAttached) {
  ec2.looks_while_attaching = 2;
  auto attached = ec2.attach_volume("vol-1", "i-1", "/dev/sdf", {});
  ASSERT_TRUE(attached);
  EXPECT_EQ(attached->state, "attaching");
  EXPECT_EQ(shown("vol-1").attachments.at(0).state, "attaching");
  EXPECT_EQ(shown("vol-1").attachments.at(0).state, "attaching");
  EXPECT_EQ(shown("vol-1").attachments.at(0).state, "attached");
  EXPECT_EQ(shown("vol-1").state, "in-use");
  EXPECT_EQ(ec2.instance("i-1").block_devices.at(0), (aws::BlockMapping{"/dev/sdf", "vol-1"}));
}

TEST_F(FakeEc2Test, StuckAttachmentNeverArrives) {
  ec2.looks_while_attaching = -1;
  ASSERT_EQ(attach_code("vol-1", "i-1"), "");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(shown("vol-1").attachments.at(0).state, "attaching");
}

TEST_F(FakeEc2Test, RefusesAsEc2Does) {
  ec2.add(aws::Instance{.id = "i-4", .state = "pending", .zone = "eu-west-1a"});
  ec2.add(aws::Volume{.id = "vol-3", .zone = "eu-west-1a", .state = "creating"});
  EXPECT_EQ(attach_code("vol-1", "i-4"), "IncorrectState");
  EXPECT_EQ(attach_code("vol-3", "i-1"), "IncorrectState");
  EXPECT_EQ(attach_code("vol-1", "i-3"), "InvalidVolume.ZoneMismatch");
  EXPECT_EQ(attach_code("vol-9", "i-1"), "InvalidVolume.NotFound");
  EXPECT_EQ(attach_code("vol-1", "i-9"), "InvalidInstanceID.NotFound");
  EXPECT_EQ(attach_code("vol-1", "i-1"), "");
  EXPECT_EQ(attach_code("vol-1", "i-2"), "VolumeInUse");
  EXPECT_EQ(attach_code("vol-1", "i-1"), "VolumeInUse");
  EXPECT_EQ(attach_code("vol-2", "i-1", "/dev/sdf"), "InvalidParameterValue");
  EXPECT_EQ(attach_code("vol-2", "i-1", "/dev/sdg"), "");

  EXPECT_EQ(ec2_code(ec2.detach_volume("vol-1", "i-2", false, {}).error()),
            "InvalidAttachment.NotFound");
  EXPECT_TRUE(ec2.detach_volume("vol-1", "i-1", false, {}));
  EXPECT_EQ(ec2_code(ec2.detach_volume("vol-1", "i-1", false, {}).error()), "IncorrectState");
}

TEST_F(FakeEc2Test, DescribeLagsButTheVolumeIsTaken) {
  ec2.describe_lag = 10s;
  ASSERT_EQ(attach_code("vol-1", "i-1"), "");
  EXPECT_EQ(shown("vol-1").state, "available");
  EXPECT_TRUE(shown("vol-1").attachments.empty());
  EXPECT_EQ(ec2.volume("vol-1").state, "in-use");
  EXPECT_EQ(attach_code("vol-1", "i-2"), "VolumeInUse");
  clock.advance(10s);
  EXPECT_EQ(shown("vol-1").state, "in-use");
}

TEST_F(FakeEc2Test, DetachTakesItsTimeAndATerminatedInstanceLetsGo) {
  ec2.detach_time = 5s;
  ASSERT_EQ(attach_code("vol-1", "i-1"), "");
  ec2.set_instance_state("i-1", "terminated");
  EXPECT_EQ(shown("vol-1").attachments.at(0).state, "detaching");
  EXPECT_EQ(attach_code("vol-1", "i-2"), "VolumeInUse");
  clock.advance(5s);
  EXPECT_EQ(shown("vol-1").state, "available");
  EXPECT_TRUE(ec2.instance("i-1").block_devices.empty());
  EXPECT_EQ(attach_code("vol-1", "i-2"), "");
}

TEST_F(FakeEc2Test, MountedVolumeStaysBusyUntilItIsUnmountedOrForced) {
  ASSERT_EQ(attach_code("vol-1", "i-1"), "");
  ec2.set_mounted("vol-1", true);
  EXPECT_TRUE(ec2.detach_volume("vol-1", "i-1", false, {}));
  EXPECT_EQ(shown("vol-1").attachments.at(0).state, "busy");
  ec2.set_mounted("vol-1", false);
  EXPECT_EQ(shown("vol-1").state, "available");

  ASSERT_EQ(attach_code("vol-1", "i-1"), "");
  ec2.set_mounted("vol-1", true);
  EXPECT_TRUE(ec2.detach_volume("vol-1", "i-1", true, {}));
  EXPECT_EQ(shown("vol-1").state, "available");
}

TEST_F(FakeEc2Test, FiltersAreAndedAndTheirValuesOred) {
  auto found = ec2.describe_volumes(
      {.filters = {{"tag:k8s.io/etcd/main", {"*"}}, {"status", {"in-use", "available"}}}}, {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->at(0).id, "vol-1");
  EXPECT_EQ(ec2.describe_volumes({.filters = {{"status", {"in-use"}}}}, {})->size(), 0u);
  EXPECT_EQ(
      ec2.describe_instances({.filters = {{"availability-zone", {"eu-west-1a"}}}}, {})->size(), 2u);
  EXPECT_EQ(ec2_code(ec2.describe_volumes({.filters = {{"colour", {"red"}}}}, {}).error()),
            "InvalidParameterValue");
}

TEST_F(FakeEc2Test, ScriptedTroubleComesOnceEach) {
  ec2.throttle(1);
  EXPECT_EQ(attach_code("vol-1", "i-1"), "RequestLimitExceeded");
  ec2.fail_next("AttachVolume", "UnauthorizedOperation", "You are not authorized.");
  EXPECT_EQ(attach_code("vol-1", "i-1"), "UnauthorizedOperation");
  EXPECT_TRUE(ec2.volume("vol-1").attachments.empty());
  ec2.lose_next_answer("AttachVolume");
  auto lost = ec2.attach_volume("vol-1", "i-1", "/dev/sdf", {});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, Kind::transient);
  EXPECT_EQ(ec2.volume("vol-1").attachments.size(), 1u);
  EXPECT_EQ(ec2.calls_of("AttachVolume"), 3);
  EXPECT_EQ(ec2.mutating_calls(), 3);
  EXPECT_EQ(ec2.calls().at(0).arguments, (std::vector<std::string>{"vol-1", "i-1", "/dev/sdf"}));
}

TEST_F(FakeEc2Test, TagsAreAddedAndOverwritten) {
  ASSERT_TRUE(ec2.create_tags("vol-1", {{"a", "1"}, {"k8s.io/etcd/main", "b/a,b,c"}}, {}));
  EXPECT_EQ(ec2.volume("vol-1").tags,
            (std::map<std::string, std::string>{{"a", "1"}, {"k8s.io/etcd/main", "b/a,b,c"}}));
  EXPECT_EQ(ec2_code(ec2.create_tags("vol-9", {{"a", "1"}}, {}).error()), "InvalidVolume.NotFound");
}

}  // namespace
}  // namespace haagent::test
