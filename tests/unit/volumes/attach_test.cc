// The rows volume-main and volume-events against an EC2 with all its habits.
#include "volumes/attach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/runner.h"
#include "tests/unit/volumes/machine.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class AttachTest : public testing::Test {
 protected:
  AttachTest() {
    ec2.add(etcd_volume("vol-m", EtcdCluster::main));
    ec2.add(etcd_volume("vol-e", EtcdCluster::events));
    know(machine);
  }
  void know(Machine& each) {
    each.devices.know("vol-m", 1);
    each.devices.know("vol-e", 2);
    if (!second_pair_) return;
    each.devices.know("vol-md", 3);
    each.devices.know("vol-ed", 4);
  }
  void add_second_pair() {
    ec2.add(etcd_volume("vol-md", EtcdCluster::main, "d/a,d"));
    ec2.add(etcd_volume("vol-ed", EtcdCluster::events, "d/a,d"));
    second_pair_ = true;
    know(machine);
  }
  void remove(std::string const& id) {
    ec2.remove_volume(id);
    machine.devices.forget(id);
  }
  // Another instance, which holds vol-m.
  void give_to_old_owner(std::string const& state = "running") {
    aws::Instance old;
    old.id = "i-old";
    old.state = state;
    old.zone = "eu-west-1a";
    ec2.add(old);
    auto volume = etcd_volume("vol-m", EtcdCluster::main);
    volume.state = "in-use";
    volume.attachments = {attached_to("i-old")};
    ec2.add(volume);
  }
  std::string owner_of(std::string const& volume_id) {
    auto volume = ec2.volume(volume_id);
    return volume.attachments.empty() ? "" : volume.attachments[0].instance_id;
  }

  test::FakeClock clock;
  test::FakeEc2 ec2{clock};
  Machine machine{ec2, clock, "i-me"};

 private:
  bool second_pair_ = false;
};

TEST_F(AttachTest, AFreshMasterTakesItsPairWithFewCalls) {
  ec2.looks_while_attaching = 1;
  ASSERT_TRUE(machine.attach_both());
  EXPECT_EQ(owner_of("vol-m"), "i-me");
  EXPECT_EQ(owner_of("vol-e"), "i-me");
  EXPECT_EQ(machine.facts->main.volume.get()->device_name, "/dev/sdf");
  EXPECT_EQ(machine.facts->events.volume.get()->device_name, "/dev/sdg");
  EXPECT_EQ(machine.facts->main.volumes.get()->size(), 1u);
  EXPECT_EQ(ec2.calls_of("AttachVolume"), 2);
  EXPECT_LE(ec2.calls_of("DescribeVolumes"), 5) << "one before, four polls";
  EXPECT_EQ(ec2.calls_of("DescribeInstances"), 0);
  EXPECT_EQ(ec2.calls_of("DetachVolume"), 0);
  auto calls = ec2.calls();
  EXPECT_EQ(calls[0].action, "DescribeVolumes");
  EXPECT_EQ(calls[1].action, "AttachVolume") << "one describe is enough to attach";
  EXPECT_EQ(calls[2].action, "AttachVolume") << "both in one act";
}

TEST_F(AttachTest, SevenSecondsOfAttachingAreSeenWithFourPolls) {
  ec2.looks_while_attaching = 3;
  ASSERT_TRUE(machine.attach_both(20s));
  EXPECT_EQ(ec2.calls_of("DescribeVolumes"), 5);
}

TEST_F(AttachTest, ADiskThatTurnsUpIsAskedForAtOnce) {
  ec2.looks_while_attaching = 0;
  ec2.describe_lag = 600ms;
  machine.turn("volume-main");
  clock.advance(500ms);
  machine.turn("volume-main");  // still shown as available; the next poll is a second away
  auto before = ec2.calls_of("DescribeVolumes");
  clock.advance(200ms);
  // Another client's describe moves the fake on; the disk appears with it.
  ASSERT_TRUE(ec2.describe_volumes({.ids = {"vol-m"}}, {}));
  machine.turn("volume-main");
  EXPECT_EQ(ec2.calls_of("DescribeVolumes"), before + 2);
  EXPECT_THAT(machine.look("volume-main"), HasSubstr("done: VolumeAttached vol-m"));
}

TEST_F(AttachTest, ARebootNeedsNoCallAtAll) {
  ASSERT_TRUE(machine.attach_both());
  auto before = ec2.calls().size();
  machine.reboot();
  EXPECT_EQ(machine.look("volume-main"), "done: VolumeAttached vol-m");
  EXPECT_EQ(machine.look("volume-events"), "done: VolumeAttached vol-e");
  EXPECT_THAT(machine.message("volume-events").text, HasSubstr("/dev/sdg"));
  EXPECT_EQ(ec2.calls().size(), before);
  EXPECT_EQ(machine.facts->main.volume.get()->members, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_FALSE(machine.facts->main.volumes.get()) << "EC2 was not asked";
}

TEST_F(AttachTest, TheRecordOfAnotherInstanceCountsForNothing) {
  ASSERT_TRUE(machine.attach_both());
  auto path = machine.root / "var/lib/haagent/volumes.json";
  auto text = test::bytes_of(path);
  text.replace(text.find("i-me"), 4, "i-ami");
  test::write_bytes(path, text);
  auto before = ec2.calls_of("DescribeVolumes");
  machine.reboot();
  ASSERT_TRUE(machine.attach_both());
  EXPECT_GT(ec2.calls_of("DescribeVolumes"), before);
  EXPECT_THAT(test::bytes_of(path), HasSubstr("i-me"));
}

TEST_F(AttachTest, ATornRecordIsWrittenAnew) {
  ASSERT_TRUE(machine.attach_both());
  auto path = machine.root / "var/lib/haagent/volumes.json";
  test::write_bytes(path, test::bytes_of(path).substr(0, 40));
  machine.reboot();
  ASSERT_TRUE(machine.attach_both());
  EXPECT_THAT(test::bytes_of(path), HasSubstr("\"vol-e\""));
  EXPECT_EQ(ec2.calls_of("AttachVolume"), 2);
}

TEST_F(AttachTest, ARecordOfAnotherShapeIsWrittenAnew) {
  test::write_bytes(machine.root / "var/lib/haagent/volumes.json",
                    R"({"instanceId": "i-me", "volumes": ["vol-x"]})");
  ASSERT_TRUE(machine.attach_both());
  auto before = ec2.calls().size();
  machine.reboot();
  EXPECT_EQ(machine.look("volume-main"), "done: VolumeAttached vol-m");
  EXPECT_EQ(ec2.calls().size(), before) << "the record was good for nothing";
}

TEST_F(AttachTest, ARecordedVolumeWhoseDiskIsGoneIsAskedFor) {
  ASSERT_TRUE(machine.attach_both());
  ASSERT_TRUE(ec2.detach_volume("vol-m", "i-me", false, {}));
  machine.reboot();
  ASSERT_TRUE(machine.attach_both());
  EXPECT_EQ(owner_of("vol-m"), "i-me");
}

TEST_F(AttachTest, DescribesThatLagDoNotMakeItTakeASecondVolume) {
  add_second_pair();
  ec2.describe_lag = 5s;
  ASSERT_TRUE(machine.attach_both());
  EXPECT_EQ(ec2.calls_of("AttachVolume"), 2);
  EXPECT_EQ(owner_of("vol-md"), "");
  EXPECT_EQ(owner_of("vol-ed"), "");
}

TEST_F(AttachTest, AFreeVolumeWhoseDiskIsHereIsHeldForStaleOnlyForAWhile) {
  // A disk that lingers after a detach, or a describe that lags behind an attach: who knows.
  machine.devices.lingering = {"vol-m"};
  EXPECT_FALSE(machine.converge({"volume-main"}, 29s));
  EXPECT_THAT(machine.said["volume-main"], HasSubstr("VolumeChanging vol-m here"));
  EXPECT_EQ(ec2.mutating_calls(), 0);
  EXPECT_TRUE(machine.attach_both(20s));
}

TEST_F(AttachTest, ALostAnswerIsNoReasonForASecondVolume) {
  add_second_pair();
  for (auto lag : {0s, 2s, 8s}) {
    SCOPED_TRACE(lag.count());
    ec2.describe_lag = lag;
    ec2.lose_next_answer("AttachVolume");
    ASSERT_TRUE(machine.attach_both());
    EXPECT_EQ(owner_of("vol-m"), "i-me");
    EXPECT_EQ(owner_of("vol-md"), "");
    EXPECT_EQ(owner_of("vol-ed"), "");
    Facts& facts = *machine.facts;
    ASSERT_TRUE(release(*machine.volumes, EtcdCluster::main, facts, clock));
    ASSERT_TRUE(release(*machine.volumes, EtcdCluster::events, facts, clock));
    machine.reboot();
  }
}

TEST_F(AttachTest, ThrottlingTwentyTimesLeaksNoName) {
  ec2.on_call = [&, left = 20](std::string const& action) mutable {
    if (action == "AttachVolume" && left > 0 && left--) ec2.throttle(1);
  };
  ASSERT_TRUE(machine.attach_both(120s));
  EXPECT_EQ(ec2.volume("vol-m").attachments[0].device, "/dev/sdf");
  EXPECT_EQ(ec2.volume("vol-e").attachments[0].device, "/dev/sdg");
}

// A try that asks before it acts makes two calls, and would be refused the second one each time.
TEST_F(AttachTest, ThrottlingOfEveryOtherCallEndsNoTryForGood) {
  ec2.on_call = [&, calls = 0](std::string const&) mutable {
    if (++calls % 2 == 0) ec2.throttle(1);
  };
  ASSERT_TRUE(machine.attach_both(10s));
}

TEST_F(AttachTest, AThrottledAttachIsTransient) {
  machine.look("volume-main");
  ec2.throttle(1);
  auto acted = machine.act();
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::transient);
  EXPECT_THAT(acted.error().message.text,
              testing::AllOf(HasSubstr("vol-m"), HasSubstr("/dev/sdf")));
}

TEST_F(AttachTest, ADeniedAttachNamesThePermission) {
  machine.look("volume-main");
  ec2.fail_next("AttachVolume", "UnauthorizedOperation", "You are not authorized");
  auto acted = machine.act();
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::denied);
  EXPECT_THAT(acted.error().message.text, HasSubstr("ec2:AttachVolume"));
}

TEST_F(AttachTest, AnInstanceThatIsStillPendingIsWaitedFor) {
  ec2.set_instance_state("i-me", "pending");
  machine.look("volume-main");
  auto acted = machine.act();
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::transient);
  ec2.set_instance_state("i-me", "running");
  ASSERT_TRUE(machine.attach_both());
}

TEST_F(AttachTest, ANameThatEc2CallsTakenIsLeftForTheNext) {
  auto me = ec2.instance("i-me");
  me.block_devices.push_back({"/dev/sdf", "vol-data"});
  me.block_devices.push_back({"/dev/sdg", "vol-data2"});
  ec2.add(me);
  ASSERT_TRUE(machine.attach_both());
  EXPECT_EQ(ec2.volume("vol-m").attachments[0].device, "/dev/sdh");
  EXPECT_EQ(ec2.volume("vol-e").attachments[0].device, "/dev/sdi");
  EXPECT_EQ(ec2.calls_of("AttachVolume"), 3) << "after the first no it asks for its own mapping";
}

TEST_F(AttachTest, ANameThatNobodyListsIsLeftForTheNextToo) {
  ec2.fail_next(
      "AttachVolume", "InvalidParameterValue",
      "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in use");
  ASSERT_TRUE(machine.attach_both());
  EXPECT_EQ(ec2.volume("vol-m").attachments[0].device, "/dev/sdg");
}

TEST_F(AttachTest, AStuckAttachmentIsGivenUpForAnotherName) {
  ec2.looks_while_attaching = -1;
  EXPECT_FALSE(machine.attach_both(89s));
  EXPECT_EQ(ec2.calls_of("DetachVolume"), 0);
  ec2.looks_while_attaching = 1;
  ASSERT_TRUE(machine.attach_both(60s));
  EXPECT_EQ(ec2.volume("vol-m").attachments[0].device, "/dev/sdh");
  EXPECT_EQ(ec2.volume("vol-e").attachments[0].device, "/dev/sdi");
  for (auto const& call : ec2.calls())
    EXPECT_EQ(std::ranges::count(call.arguments, "force"), 0) << call.action;
}

TEST_F(AttachTest, FallingBackToAvailableIsSaidToBeTheKey) {
  ec2.looks_while_attaching = -1;
  machine.turn("volume-main");
  clock.advance(500ms);
  EXPECT_THAT(machine.look("volume-main"), HasSubstr("VolumeChanging vol-m attaching"));
  ASSERT_TRUE(ec2.detach_volume("vol-m", "i-me", true, {}));  // what EC2 does without a word
  EXPECT_FALSE(machine.converge({"volume-main"}, 5s));
  EXPECT_EQ(machine.said["volume-main"], "waiting: VolumeKeyUnusable vol-m");
  EXPECT_THAT(machine.message("volume-main").advice, HasSubstr("kms:CreateGrant"));
  EXPECT_EQ(ec2.calls_of("AttachVolume"), 2) << "main and events, and no second try at once";
}

// --- Owners.

TEST_F(AttachTest, AVolumeOfARunningOwnerIsNeverTaken) {
  machine.config.volumes.force_detach_terminated = true;
  machine.reboot();
  give_to_old_owner();
  EXPECT_FALSE(machine.attach_both(600s));
  EXPECT_THAT(machine.said["volume-main"],
              "waiting: VolumeHeldElsewhere vol-m attached to i-old (running)");
  EXPECT_EQ(ec2.mutating_calls(), 0);
  EXPECT_EQ(owner_of("vol-m"), "i-old");
  EXPECT_EQ(owner_of("vol-e"), "") << "events stay for whoever gets main";
}

// Another row's describe shows it free before this one asks again.
TEST_F(AttachTest, WhatIsAttachedAgainIsNoLongerOnItsWayOut) {
  ec2.looks_while_attaching = -1;
  machine.turn("volume-main");
  clock.advance(91s);
  ASSERT_FALSE(machine.turn("volume-main"));
  ASSERT_EQ(ec2.calls_of("DetachVolume"), 1) << machine.said["volume-main"];
  ec2.looks_while_attaching = 1;
  ASSERT_TRUE(machine.region->volumes(0s, {}));
  EXPECT_TRUE(machine.converge({"volume-main"}, 20s)) << machine.said["volume-main"];
}

// The answer takes longer than a describe may lag, and shows as free whose disk is here.
TEST_F(AttachTest, HowLongAVolumeIsShownAsFreeCountsFromTheAnswer) {
  machine.devices.lingering = {"vol-m"};
  bool slow = true;
  ec2.on_call = [&](std::string const& action) {
    if (action == "DescribeVolumes" && std::exchange(slow, false)) clock.advance(35s);
  };
  auto const first = machine.look("volume-main");
  EXPECT_TRUE(first.starts_with("waiting: ")) << first;
  clock.advance(1s);
  EXPECT_EQ(machine.look("volume-main"), first);
  clock.advance(30s);
  EXPECT_NE(machine.look("volume-main"), first) << "then the disk says nothing any more";
}

TEST_F(AttachTest, AFreedVolumeIsTakenWithinFiveSeconds) {
  give_to_old_owner();
  ec2.detach_time = 90s;
  EXPECT_FALSE(machine.attach_both(100s));
  ec2.set_instance_state("i-old", "terminated");
  EXPECT_FALSE(machine.attach_both(89s));
  EXPECT_THAT(machine.said["volume-main"], HasSubstr("detaching from i-old (terminated)"));
  auto freed = clock.steady();
  while (ec2.calls_of("AttachVolume") == 0 && clock.steady() - freed < 60s) {
    machine.turn("volume-main");
    machine.turn("volume-events");
    clock.advance(500ms);
  }
  EXPECT_LE(clock.steady() - freed, 6s) << "a second until it is free, five to take it";
  EXPECT_EQ(owner_of("vol-m"), "i-me");
}

TEST_F(AttachTest, WaitingAsksSparingly) {
  give_to_old_owner();
  EXPECT_FALSE(machine.attach_both(600s));
  EXPECT_LE(ec2.calls_of("DescribeVolumes"), 600 / 4 + 4) << "both rows share one poll";
  EXPECT_LE(ec2.calls_of("DescribeInstances"), 600 / 10 + 1);
  for (auto const& call : ec2.calls())
    if (call.action == "DescribeInstances") {
      EXPECT_EQ(call.arguments, std::vector<std::string>{"instance-id=i-old"});
    }
}

TEST_F(AttachTest, ATerminatedOwnersVolumeIsForcedOnlyWhereThatIsAskedFor) {
  give_to_old_owner();
  auto old = ec2.instance("i-old");
  old.state = "terminated";
  ec2.add(old);  // gone, and yet its attachment hangs
  EXPECT_FALSE(machine.attach_both(120s));
  EXPECT_EQ(ec2.calls_of("DetachVolume"), 0);

  machine.config.volumes.force_detach_terminated = true;
  machine.reboot();
  ASSERT_TRUE(machine.attach_both(60s));
  EXPECT_EQ(owner_of("vol-m"), "i-me");
  EXPECT_EQ(ec2.calls_of("DetachVolume"), 1);
}

TEST_F(AttachTest, AnOwnerWhoseStateIsDeniedIsStillWaitedFor) {
  give_to_old_owner();
  ec2.on_call = [&](std::string const& action) {
    if (action == "DescribeInstances") ec2.fail_next(action, "UnauthorizedOperation", "no");
  };
  EXPECT_THAT(machine.look("volume-main"), HasSubstr("attached to i-old (state not known)"));
}

TEST_F(AttachTest, TwoMastersAndOnePairNeverEndWithHalfOfItEach) {
  Machine other(ec2, clock, "i-other");
  know(other);
  for (int i = 0; i < 40; ++i) {
    other.turn(i % 2 ? "volume-events" : "volume-main");
    machine.turn("volume-events");
    machine.turn("volume-main");
    other.turn(i % 2 ? "volume-main" : "volume-events");
    clock.advance(500ms);
  }
  EXPECT_FALSE(owner_of("vol-m").empty());
  EXPECT_EQ(owner_of("vol-m"), owner_of("vol-e"));
}

TEST_F(AttachTest, TwoMastersAndTwoPairsTakeOneEach) {
  add_second_pair();
  for (bool lag : {false, true}) {
    SCOPED_TRACE(lag);
    ec2.describe_lag = lag ? 3s : 0s;
    for (auto const* id : {"vol-m", "vol-e", "vol-md", "vol-ed"}) {
      auto volume = ec2.volume(id);
      volume.state = "available";
      volume.attachments.clear();
      ec2.add(volume);
    }
    std::string suffix = lag ? "-2" : "-1";
    Machine one(ec2, clock, "i-one" + suffix), two(ec2, clock, "i-two" + suffix);
    know(one);
    know(two);
    // Both have looked before either acts.
    one.look("volume-main");
    two.look("volume-main");
    bool all = false;
    for (int i = 0; i < 120 && !all; ++i) {
      all = true;
      for (auto const* row : {"volume-main", "volume-events"})
        for (auto* each : {&one, &two}) all = each->turn(row) && all;
      clock.advance(500ms);
    }
    ASSERT_TRUE(all) << one.said["volume-main"] << " / " << two.said["volume-main"];
    EXPECT_EQ(owner_of("vol-m"), owner_of("vol-e"));
    EXPECT_EQ(owner_of("vol-md"), owner_of("vol-ed"));
    EXPECT_NE(owner_of("vol-m"), owner_of("vol-md"));
  }
}

TEST_F(AttachTest, ASecondVolumeThatIsNotMountedGoesBack) {
  ASSERT_TRUE(machine.attach_both());
  add_second_pair();
  auto second = etcd_volume("vol-md", EtcdCluster::main, "d/a,d");
  second.state = "in-use";
  second.attachments = {attached_to("i-me", "/dev/sdp")};
  ec2.add(second);
  std::filesystem::remove(machine.root / "var/lib/haagent/volumes.json");
  machine.reboot();
  ASSERT_TRUE(machine.attach_both());
  EXPECT_EQ(owner_of("vol-md"), "");
  EXPECT_EQ(owner_of("vol-m"), "i-me");
}

TEST_F(AttachTest, AMountedVolumeStaysWhateverElseIsAttached) {
  add_second_pair();
  auto mine = etcd_volume("vol-md", EtcdCluster::main, "d/a,d");
  mine.state = "in-use";
  mine.attachments = {attached_to("i-me", "/dev/sdp")};
  ec2.add(mine);
  auto second = etcd_volume("vol-m", EtcdCluster::main, "a/a,d");
  second.state = "in-use";
  second.attachments = {attached_to("i-me", "/dev/sdf")};
  second.attachments[0].attach_time = "2026-01-01T00:00:00Z";  // the earlier one
  ec2.add(second);
  machine.mounts.mounts = {{3, "/", "/somewhere", "ext4", "/dev/vol-md", false}};
  EXPECT_THAT(machine.look("volume-main"), "needed: VolumeMisplaced vol-m");
}

TEST_F(AttachTest, AVolumeThatVanishesBetweenPollsIsNoFailure) {
  give_to_old_owner();
  machine.look("volume-main");
  remove("vol-e");
  clock.advance(5s);
  EXPECT_THAT(machine.look("volume-main"), HasSubstr("transient: "));
  clock.advance(1s);
  EXPECT_THAT(machine.look("volume-main"), HasSubstr("waiting: VolumeHeldElsewhere vol-m"));
}

TEST_F(AttachTest, AVolumeThatIsMadeWhileItWaitsIsSeen) {
  remove("vol-e");
  EXPECT_FALSE(machine.attach_both(10s));
  EXPECT_THAT(machine.said["volume-events"], HasSubstr("waiting: VolumeMissing events of a"));
  EXPECT_EQ(owner_of("vol-m"), "i-me") << "main does not wait for events";
  ec2.add(etcd_volume("vol-e", EtcdCluster::events));
  EXPECT_TRUE(machine.attach_both(40s));
}

TEST_F(AttachTest, UnderTheRealRunnerBothRowsEndWithOnePair) {
  add_second_pair();
  ec2.looks_while_attaching = 2;
  test::FakeFilesystems filesystems;
  std::vector<Row> rows;
  for (auto cluster : kEtcdClusters) {
    Row row;
    row.step = machine.volumes->steps(cluster, filesystems).volume;
    rows.push_back(std::move(row));
  }
  Runner runner(std::move(rows), clock, [](auto const&, std::size_t) {});
  EXPECT_TRUE(runner.converge(*machine.facts, {})) << runner.rows()[0].message.text;
  EXPECT_EQ(ec2.calls_of("AttachVolume"), 2);
  EXPECT_EQ(owner_of("vol-m"), "i-me");
  EXPECT_EQ(owner_of("vol-e"), "i-me");
}

TEST_F(AttachTest, StoppedMeansStopped) {
  std::stop_source stop;
  stop.request_stop();
  auto finding = machine.step("volume-main").look(*machine.facts, stop.get_token());
  ASSERT_FALSE(finding);
  EXPECT_EQ(finding.error().kind, Kind::interrupted);
}

TEST_F(AttachTest, ReleaseUnmountsDetachesAndForgets) {
  ASSERT_TRUE(machine.attach_both());
  machine.look("device-main");
  auto point =
      std::filesystem::weakly_canonical(machine.root / "var/lib/haagent-etcd/main").string();
  machine.mounts.mounts = {{1, "/", point, "ext4", "/dev/vol-m", false}};
  ASSERT_TRUE(release(*machine.volumes, EtcdCluster::main, *machine.facts, clock));
  EXPECT_TRUE(machine.mounts.mounts.empty());
  EXPECT_EQ(owner_of("vol-m"), "");
  EXPECT_EQ(owner_of("vol-e"), "i-me");
  EXPECT_FALSE(machine.facts->main.volume.get());
  EXPECT_TRUE(release(*machine.volumes, EtcdCluster::main, *machine.facts, clock)) << "once more";
  machine.reboot();
  EXPECT_THAT(machine.look("volume-main"), "needed: VolumeFree vol-m as /dev/sdf");
}

TEST_F(AttachTest, ReleaseLeavesWhatIsStillMounted) {
  ASSERT_TRUE(machine.attach_both());
  auto point =
      std::filesystem::weakly_canonical(machine.root / "var/lib/haagent-etcd/main").string();
  std::vector<Mount> const covered = {{1, "/", point, "ext4", "/dev/vol-m", false},
                                      {9, "/", point, "tmpfs", "tmpfs", false}};
  machine.mounts.mounts = covered;
  auto released = release(*machine.volumes, EtcdCluster::main, *machine.facts, clock);
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().kind, Kind::transient);
  EXPECT_EQ(released.error().message.reason, Reason::VolumeInUse);
  EXPECT_THAT(released.error().message.text, HasSubstr(point));
  EXPECT_EQ(machine.mounts.mounts, covered) << "the other is not ours to unmount";
  EXPECT_EQ(owner_of("vol-m"), "i-me");
}

}  // namespace
}  // namespace haagent::volumes
