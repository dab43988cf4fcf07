// AWS's own command line client, unchanged, against the region's API and instance metadata on
// loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "agent/base/json.h"
#include "agent/base/process.h"
#include "tests/sim/running_region.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_hosts.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::HasSubstr;

constexpr char const* kAws = "/usr/bin/aws";
constexpr char const* kSecret = "operator-secret";

RegionSpec small_region() {
  RegionSpec spec;
  spec.operators = {{"AKIAOPERATOR00000000", kSecret}};
  spec.delays.launch = spec.delays.running = spec.delays.attach = 10ms;
  spec.delays.create_volume = spec.delays.detach = 10ms;
  for (char letter : {'a', 'b'}) {
    auto const zone = fmt::format("eu-west-1{}", letter);
    spec.zones.push_back({zone, fmt::format("10.0.{}.1", (letter - 'a') * 16)});
    for (int i = 0; i < 4; ++i) {
      VolumeSpec volume;
      volume.name = fmt::format("v{}-{}", i, letter);
      volume.zone = zone;
      volume.tags = {{"k8s.io/etcd/main", fmt::format("{}/a,b", letter)},
                     {"number", std::to_string(i)}};
      spec.volumes.push_back(volume);
    }
    Group group;
    group.name = fmt::format("masters-{}", letter);
    group.zones = {zone};
    group.launch.role = "master";
    spec.groups.push_back(group);
  }
  spec.buckets = {{"state", "", ""}, {"far", "us-west-2", ""}};
  return spec;
}

class AwsCli : public testing::Test {
 protected:
  void SetUp() override {
    if (::access(kAws, X_OK) != 0) GTEST_SKIP() << "no " << kAws << ": apt-get install awscli";
    Places places;
    places.answer_strangers = true;
    auto running = RunningRegion::start(small_region(), hosts_, places);
    ASSERT_TRUE(running) << running.error().message.text;
    running_ = std::move(*running);
    ASSERT_TRUE(eventually([&] {
      auto const view = region().view();
      return std::all_of(view.instances.begin(), view.instances.end(),
                         [](auto& each) { return each.second.state == InstanceState::running; });
    }));
  }

  Region& region() { return running_->region(); }

  ProcessOutcome aws(std::vector<std::string> arguments,
                     std::vector<std::string> credentials = {
                         "AWS_ACCESS_KEY_ID=AKIAOPERATOR00000000",
                         std::string("AWS_SECRET_ACCESS_KEY=") + kSecret}) {
    ProcessSpec spec;
    spec.argv = {
        kAws,       "--endpoint-url", running_->api_url(), "--region",           "eu-west-1",
        "--output", "json",           "--no-cli-pager",    "--cli-read-timeout", "20"};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.environment = {"HOME=" + home_.path().string(), "AWS_MAX_ATTEMPTS=1"};
    spec.environment.insert(spec.environment.end(), credentials.begin(), credentials.end());
    auto outcome = process_.run(spec, {});
    EXPECT_TRUE(outcome) << outcome.error().message.text;
    return outcome ? *outcome : ProcessOutcome{};
  }
  // What it prints where it works.
  Tree answer(std::vector<std::string> arguments) {
    auto const outcome = aws(std::move(arguments));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    if (outcome.out.empty()) return {};
    auto tree = json::parse(outcome.out);
    EXPECT_TRUE(tree) << outcome.out;
    return tree.value_or(Tree());
  }

  std::string volume(std::string const& name) {
    for (auto const& [id, each] : region().view().volumes) {
      if (each.name == name) return id;
    }
    ADD_FAILURE() << name;
    return "";
  }
  Instance master(std::string const& group) {
    for (auto const& [_, instance] : region().view().instances) {
      if (instance.group == group && instance.is_alive()) return instance;
    }
    ADD_FAILURE() << group;
    return {};
  }

  test::TemporaryDirectory home_;
  test::FakeHosts hosts_;
  SystemProcess process_;
  std::unique_ptr<RunningRegion> running_;
};

TEST_F(AwsCli, DescribeVolumesWithFilters) {
  auto const found =
      answer({"ec2", "describe-volumes", "--filters", "Name=availability-zone,Values=eu-west-1b",
              "Name=tag:number,Values=2,3", "Name=tag-key,Values=k8s.io/*"});
  auto const& volumes = found.find("Volumes")->items();
  ASSERT_EQ(volumes.size(), 2u);
  std::set<std::string> ids;
  for (auto const& each : volumes) {
    ids.insert(each.text_at("VolumeId"));
    EXPECT_EQ(each.text_at("AvailabilityZone"), "eu-west-1b");
    EXPECT_EQ(each.text_at("State"), "available");
    EXPECT_EQ(each.text_at("Size"), "1");
    EXPECT_EQ(each.text_at("SnapshotId"), "");
    EXPECT_EQ(each.text_at("MultiAttachEnabled"), "false");
    EXPECT_EQ(each.find("Attachments")->items().size(), 0u);
    EXPECT_EQ(each.find("Tags")->items().size(), 2u);
  }
  EXPECT_EQ(ids, (std::set{volume("v2-b"), volume("v3-b")}));
}

TEST_F(AwsCli, AttachAndDetachVolume) {
  auto const id = volume("v0-a");
  auto const instance = master("masters-a").id;
  auto const attachment = answer({"ec2", "attach-volume", "--volume-id", id, "--instance-id",
                                  instance, "--device", "/dev/sdf"});
  EXPECT_EQ(attachment.text_at("State"), "attaching");
  EXPECT_EQ(attachment.text_at("Device"), "/dev/sdf");
  EXPECT_EQ(attachment.text_at("DeleteOnTermination"), "false");
  ASSERT_TRUE(eventually(
      [&] { return region().view().volumes[id].attachment->state == AttachmentState::attached; }));
  EXPECT_EQ(region().view().volumes[id].attachment->instance_id, instance);

  auto const shown = answer({"ec2", "describe-volumes", "--volume-ids", id});
  auto const& seen = shown.find("Volumes")->items().front().find("Attachments")->items().front();
  EXPECT_EQ(seen.text_at("State"), "attached");
  EXPECT_EQ(seen.text_at("InstanceId"), instance);

  auto const second = aws({"ec2", "attach-volume", "--volume-id", id, "--instance-id", instance,
                           "--device", "/dev/sdg"});
  EXPECT_EQ(second.exit_code, 254);
  EXPECT_THAT(second.err, HasSubstr("An error occurred (VolumeInUse) when calling the AttachVolume "
                                    "operation"));
  EXPECT_THAT(second.err, HasSubstr(id + " is already attached to an instance"));

  EXPECT_EQ(answer({"ec2", "detach-volume", "--volume-id", id}).text_at("State"), "detaching");
  ASSERT_TRUE(
      eventually([&] { return region().view().volumes[id].state == VolumeState::available; }));
}

TEST_F(AwsCli, DescribeInstances) {
  auto const mine = master("masters-a");
  auto const found =
      answer({"ec2", "describe-instances", "--filters", "Name=instance-state-name,Values=running",
              "Name=tag:aws:autoscaling:groupName,Values=masters-a"});
  auto const& reservations = found.find("Reservations")->items();
  ASSERT_EQ(reservations.size(), 1u);
  auto const& shown = reservations.front().find("Instances")->items().front();
  EXPECT_EQ(shown.text_at("InstanceId"), mine.id);
  EXPECT_EQ(shown.at_path("State.Name")->text(), "running");
  EXPECT_EQ(shown.at_path("State.Code")->text(), "16");
  EXPECT_EQ(shown.text_at("PrivateIpAddress"), mine.address);
  EXPECT_EQ(shown.text_at("PrivateDnsName"), mine.hostname);
  EXPECT_EQ(shown.at_path("Placement.AvailabilityZone")->text(), "eu-west-1a");
  EXPECT_EQ(shown.text_at("RootDeviceName"), "/dev/xvda");
  EXPECT_EQ(shown.find("NetworkInterfaces")->items().size(), 1u);
}

TEST_F(AwsCli, PagesAreFollowedToTheEnd) {
  region().calls().reset();
  auto const found = answer({"ec2", "describe-volumes", "--page-size", "5"});
  std::set<std::string> ids;
  for (auto const& each : found.find("Volumes")->items()) ids.insert(each.text_at("VolumeId"));
  EXPECT_EQ(ids.size(), 10u);  // eight, and the roots of two masters
  EXPECT_EQ(region().calls().counts()["operator"]["ec2:DescribeVolumes"].calls, 2u);
  auto const some = answer({"ec2", "describe-volumes", "--max-items", "3"});
  EXPECT_EQ(some.find("Volumes")->items().size(), 3u);
  EXPECT_NE(some.text_at("NextToken"), "");
}

TEST_F(AwsCli, DryRunChangesNothing) {
  auto const id = volume("v0-a");
  auto const outcome = aws({"ec2", "attach-volume", "--volume-id", id, "--instance-id",
                            master("masters-a").id, "--device", "/dev/sdf", "--dry-run"});
  EXPECT_EQ(outcome.exit_code, 254);
  EXPECT_THAT(outcome.err, HasSubstr("(DryRunOperation)"));
  EXPECT_FALSE(region().view().volumes[id].attachment);
}

TEST_F(AwsCli, WrongSecretsAndUnknownKeysAreRefused) {
  auto const wrong = aws({"ec2", "describe-volumes"},
                         {"AWS_ACCESS_KEY_ID=AKIAOPERATOR00000000", "AWS_SECRET_ACCESS_KEY=wrong"});
  EXPECT_EQ(wrong.exit_code, 254);
  EXPECT_THAT(wrong.err, HasSubstr("(SignatureDoesNotMatch)"));
  auto const unknown = aws({"ec2", "describe-volumes"},
                           {"AWS_ACCESS_KEY_ID=AKIANOBODY", "AWS_SECRET_ACCESS_KEY=wrong"});
  EXPECT_THAT(unknown.err, HasSubstr("(AuthFailure)"));
}

TEST_F(AwsCli, RoleCredentialsComeFromInstanceMetadata) {
  auto const mine = master("masters-b");
  ASSERT_TRUE(region().answer_strangers_as(mine.id));
  std::vector<std::string> const from_imds = {
      "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + running_->imds_url() + "/"};
  auto const who = aws({"sts", "get-caller-identity"}, from_imds);
  EXPECT_EQ(who.exit_code, 0) << who.err;
  EXPECT_EQ(json::parse(who.out)->text_at("Arn"),
            "arn:aws:sts::123456789012:assumed-role/haagent-master/" + mine.id);
  auto const calls = region().calls().counts()[mine.id];
  EXPECT_EQ(calls.at("sts:GetCallerIdentity").calls, 1u);
  EXPECT_EQ(calls.at("imds:PutToken").errors, 0u);

  region().api_faults().deny({"DescribeVolumes"});
  auto const denied = aws({"ec2", "describe-volumes"}, from_imds);
  EXPECT_THAT(denied.err, HasSubstr("(UnauthorizedOperation)"));
}

TEST_F(AwsCli, VolumesSnapshotsAndTagsAreMadeAndUnmade) {
  auto const made = answer(
      {"ec2", "create-volume", "--availability-zone", "eu-west-1a", "--size", "2",
       "--tag-specifications",
       "ResourceType=volume,Tags=[{Key=k8s.io/etcd/events,Value='a/a,b'},{Key=x,Value=<&>}]"});
  auto const id = made.text_at("VolumeId");
  EXPECT_EQ(made.text_at("State"), "creating");
  ASSERT_TRUE(
      eventually([&] { return region().view().volumes[id].state == VolumeState::available; }));
  EXPECT_EQ(region().view().volumes[id].tags.at("k8s.io/etcd/events"), "a/a,b");

  auto const snapshot = answer({"ec2", "create-snapshot", "--volume-id", id}).text_at("SnapshotId");
  ASSERT_TRUE(eventually([&] { return region().view().snapshots[snapshot].completed; }));
  auto const copy = answer(
      {"ec2", "create-volume", "--availability-zone", "eu-west-1b", "--snapshot-id", snapshot});
  EXPECT_EQ(copy.text_at("SnapshotId"), snapshot);

  auto const tags = answer(
      {"ec2", "describe-tags", "--filters", "Name=resource-id,Values=" + id, "Name=key,Values=x"});
  EXPECT_EQ(tags.find("Tags")->items().front().text_at("Value"), "<&>");
  answer({"ec2", "create-tags", "--resources", id, "--tags", "Key=x,Value=y"});
  EXPECT_EQ(region().view().volumes[id].tags.at("x"), "y");
  answer({"ec2", "delete-tags", "--resources", id, "--tags", "Key=x"});
  EXPECT_FALSE(region().view().volumes[id].tags.contains("x"));
  answer({"ec2", "delete-volume", "--volume-id", id});
  EXPECT_FALSE(region().view().volumes.contains(id));
}

TEST_F(AwsCli, GroupsZonesAndTheEndOfAnInstance) {
  auto const mine = master("masters-a").id;
  auto const groups = answer({"autoscaling", "describe-auto-scaling-groups"});
  auto const& group = groups.find("AutoScalingGroups")->items().front();
  EXPECT_EQ(group.text_at("AutoScalingGroupName"), "masters-a");
  EXPECT_EQ(group.find("Instances")->items().front().text_at("InstanceId"), mine);
  EXPECT_EQ(group.find("Instances")->items().front().text_at("LifecycleState"), "InService");
  auto const members =
      answer({"autoscaling", "describe-auto-scaling-instances", "--instance-ids", mine});
  EXPECT_EQ(members.find("AutoScalingInstances")->items().size(), 1u);
  auto const zones = answer({"ec2", "describe-availability-zones"});
  EXPECT_EQ(zones.find("AvailabilityZones")->items().size(), 2u);
  EXPECT_EQ(zones.find("AvailabilityZones")->items().front().text_at("ZoneId"), "euw1-az1");

  auto const ended = answer({"ec2", "terminate-instances", "--instance-ids", mine});
  auto const& change = ended.find("TerminatingInstances")->items().front();
  EXPECT_EQ(change.at_path("CurrentState.Name")->text(), "shutting-down");
  EXPECT_EQ(change.at_path("PreviousState.Name")->text(), "running");
  ASSERT_TRUE(eventually([&] {
    auto const view = region().view();
    return std::any_of(view.instances.begin(), view.instances.end(), [&](auto& each) {
      return each.second.group == "masters-a" && each.first != mine &&
             each.second.state == InstanceState::running;
    });
  }));
}

TEST_F(AwsCli, FaultsAreWhatTheClientKnows) {
  region().api_faults().set(FaultKind::throttle, {.next = 1, .probability = 1, .actions = {}});
  EXPECT_THAT(aws({"ec2", "describe-volumes"}).err, HasSubstr("(RequestLimitExceeded)"));
  region().api_faults().set(FaultKind::down, {.next = 1, .probability = 1, .actions = {}});
  EXPECT_THAT(aws({"ec2", "describe-volumes"}).err,
              HasSubstr("Connection was closed before we received a valid response"));
  // Its own retries get through what is over soon.
  region().api_faults().set(FaultKind::unavailable, {.next = 2, .probability = 1, .actions = {}});
  auto const outcome = aws({"ec2", "describe-regions"},
                           {"AWS_ACCESS_KEY_ID=AKIAOPERATOR00000000",
                            std::string("AWS_SECRET_ACCESS_KEY=") + kSecret, "AWS_MAX_ATTEMPTS=4"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(AwsCli, ObjectsAndLists) {
  test::write_bytes(home_ / "in", "hello");
  auto const in = (home_ / "in").string(), out = (home_ / "out").string();
  auto const put = answer({"s3api", "put-object", "--bucket", "state", "--key", "a/b c+d", "--body",
                           in, "--metadata", "who=me"});
  EXPECT_EQ(put.text_at("ETag"), "\"5d41402abc4b2a76b9719d911017c592\"");
  auto const got = answer({"s3api", "get-object", "--bucket", "state", "--key", "a/b c+d", out});
  EXPECT_EQ(test::bytes_of(out), "hello");
  EXPECT_EQ(got.at_path("Metadata.who")->text(), "me");
  answer({"s3api", "get-object", "--bucket", "state", "--key", "a/b c+d", "--range", "bytes=1-3",
          out});
  EXPECT_EQ(test::bytes_of(out), "ell");

  for (auto key : {"a/1", "b"})
    answer({"s3api", "put-object", "--bucket", "state", "--key", key, "--body", in});
  auto const listed = answer({"s3api", "list-objects-v2", "--bucket", "state", "--page-size", "1"});
  std::vector<std::string> keys;
  for (auto const& each : listed.find("Contents")->items()) keys.push_back(each.text_at("Key"));
  EXPECT_EQ(keys, (std::vector<std::string>{"a/1", "a/b c+d", "b"}));
  auto const page = aws({"s3", "ls", "s3://state/"});
  EXPECT_THAT(page.out, testing::AllOf(HasSubstr("PRE a/"), HasSubstr(" b\n"))) << page.err;

  answer({"s3api", "delete-object", "--bucket", "state", "--key", "b"});
  EXPECT_THAT(aws({"s3api", "head-object", "--bucket", "state", "--key", "b"}).err,
              HasSubstr("Not Found"));
  EXPECT_THAT(aws({"s3api", "get-object", "--bucket", "state", "--key", "b", out}).err,
              HasSubstr("NoSuchKey"));
  EXPECT_THAT(aws({"s3api", "get-object", "--bucket", "none", "--key", "b", out}).err,
              HasSubstr("NoSuchBucket"));
}

TEST_F(AwsCli, AnObjectThatIsThereIsNotCreatedAgain) {
  test::write_bytes(home_ / "in", "hello");
  std::vector<std::string> const create = {
      "s3api",           "put-object", "--bucket", "state",
      "--key",           "k",          "--body",   (home_ / "in").string(),
      "--if-none-match", "*"};
  auto const first = aws(create);
  if (first.err.find("Unknown options") != std::string::npos)
    GTEST_SKIP() << "this version of " << kAws << " knows no --if-none-match: " << first.err;
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(aws(create).err, HasSubstr("PreconditionFailed"));
}

TEST_F(AwsCli, LargeFilesGoUpAndDownInParts) {
  std::string bytes(20u << 20u, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 2654435761u >> 13u);
  test::write_bytes(home_ / "in", bytes);
  auto const up = aws({"s3", "cp", "--no-progress", (home_ / "in").string(), "s3://state/big"});
  EXPECT_EQ(up.exit_code, 0) << up.err;
  auto const object = region().buckets().get("state", "big");
  ASSERT_TRUE(object);
  EXPECT_TRUE(object->etag.ends_with("-3\"")) << object->etag;
  auto const down = aws({"s3", "cp", "--no-progress", "s3://state/big", (home_ / "out").string()});
  EXPECT_EQ(down.exit_code, 0) << down.err;
  EXPECT_TRUE(test::bytes_of(home_ / "out") == bytes);
  EXPECT_TRUE(region().buckets().uploads().empty());
}

}  // namespace
}  // namespace haagent::sim
