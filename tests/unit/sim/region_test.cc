#include "tests/sim/region.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "tests/support/eventually.h"
#include "tests/unit/sim/sim_world.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using Power = Region::PowerAction;
using test::eventually;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// ---- instances

TEST(RegionInstances, ArePendingThenPoweredThenRunning) {
  World world;
  auto const id = world.member("masters-a").id;
  EXPECT_TRUE(is_id(id, "i"));
  EXPECT_EQ(id.size(), 19u);
  EXPECT_EQ(world.state_of(id), InstanceState::pending);
  EXPECT_THAT(world.hosts.hosts, IsEmpty());

  world.pass(500ms);
  EXPECT_EQ(world.state_of(id), InstanceState::pending);  // powered, and EC2 still says pending
  ASSERT_TRUE(world.hosts.hosts.contains(id));
  auto const& host = world.hosts.hosts[id];
  EXPECT_TRUE(host.running);
  EXPECT_EQ(host.spec.zone, "eu-west-1a");
  EXPECT_EQ(host.spec.address, "10.0.0.10");
  EXPECT_EQ(host.spec.hostname, "ip-10-0-0-10.eu-west-1.compute.internal");
  EXPECT_THAT(host.spec.argv, ElementsAre("/usr/sbin/haagent", "run"));

  world.pass(500ms);
  EXPECT_EQ(world.state_of(id), InstanceState::running);
  EXPECT_EQ(world.region.instance(id)->lifecycle, "InService");
  EXPECT_EQ(world.region.instance(id)->tags.at("aws:autoscaling:groupName"), "masters-a");
  EXPECT_THAT(world.hosts.targets, ElementsAre("10.0.0.10", "10.0.16.10", "10.0.32.10"));
}

TEST(RegionInstances, OneThatDiesIsReplacedByAnotherWithANewAddress) {
  World world;
  world.boot();
  auto const old = world.member("masters-b");
  ASSERT_TRUE(world.region.change_power({old.id}, Power::power_cut, "test"));
  EXPECT_EQ(world.state_of(old.id), InstanceState::shutting_down);
  EXPECT_FALSE(world.hosts.hosts[old.id].running);
  EXPECT_FALSE(world.hosts.hosts[old.id].orderly);
  EXPECT_THAT(world.hosts.targets, ElementsAre("10.0.0.10", "10.0.32.10"));

  world.pass(500ms);
  EXPECT_EQ(world.state_of(old.id), InstanceState::terminated);
  EXPECT_FALSE(world.hosts.hosts.contains(old.id));
  EXPECT_THAT(world.members("masters-b"), IsEmpty());  // the group takes a second to see it

  world.pass(500ms);
  auto const fresh = world.member("masters-b");
  EXPECT_NE(fresh.id, old.id);
  EXPECT_EQ(fresh.zone, "eu-west-1b");
  EXPECT_EQ(fresh.address, "10.0.16.11");
  world.pass(1s);
  EXPECT_EQ(world.state_of(fresh.id), InstanceState::running);
}

TEST(RegionInstances, TerminateIsOrderlyAndPowerCutIsNot) {
  World world;
  world.boot();
  auto const id = world.member("masters-a").id;
  auto changes = world.region.change_power({id}, Power::terminate, "test");
  ASSERT_TRUE(changes);
  EXPECT_EQ(changes->front().before, InstanceState::running);
  EXPECT_EQ(changes->front().after, InstanceState::shutting_down);
  EXPECT_TRUE(world.hosts.hosts[id].orderly);
}

TEST(RegionInstances, OneEndedBeforePowerOnNeverRuns) {
  World world;
  auto const id = world.member("masters-a").id;
  ASSERT_TRUE(world.region.change_power({id}, Power::terminate, "test"));
  world.pass(1s);
  EXPECT_EQ(world.state_of(id), InstanceState::terminated);
  EXPECT_FALSE(world.hosts.hosts.contains(id));
}

TEST(RegionInstances, OneWhosePid1EndsIsReplaced) {
  World world;
  world.boot();
  auto const id = world.member("masters-a").id;
  world.hosts.hosts[id].on_exit();
  EXPECT_EQ(world.state_of(id), InstanceState::shutting_down);
  world.pass(3s);
  EXPECT_NE(world.member("masters-a").id, id);
}

TEST(RegionInstances, TheEndOfAnEarlierBootsPid1IsNotTheEndOfThisOne) {
  World world;
  world.boot();
  auto const id = world.member("masters-a").id;
  auto const first_boot = world.hosts.hosts[id].on_exit;
  ASSERT_TRUE(world.region.change_power({id}, Power::reboot, "test"));
  EXPECT_EQ(world.hosts.hosts[id].boots, 2);
  first_boot();
  EXPECT_EQ(world.state_of(id), InstanceState::running);
}

TEST(RegionInstances, AMachineThatCannotStartOneLeadsToAnotherTry) {
  World world;
  world.hosts.refuse_starts = true;
  world.pass(500ms);
  EXPECT_THAT(world.hosts.hosts, IsEmpty());
  world.hosts.refuse_starts = false;
  world.pass(5s);
  EXPECT_EQ(world.member("masters-a").state, InstanceState::running);
}

TEST(RegionInstances, StoppedOnesOfAGroupAreReplacedOthersStartAgain) {
  World world;
  world.boot();
  auto const member = world.member("masters-a").id;
  auto const alone = world.region.run_instance("eu-west-1a", "masters-a");
  ASSERT_TRUE(alone);
  world.pass(1s);
  auto const volume = world.volume("main-a");
  ASSERT_TRUE(world.region.attach_volume(volume, *alone, "/dev/sdf"));
  world.pass(2s);

  ASSERT_TRUE(world.region.change_power({member, *alone}, Power::stop, "test"));
  EXPECT_EQ(world.state_of(*alone), InstanceState::stopped);
  EXPECT_EQ(world.shown(volume).state, VolumeState::in_use);  // EBS stays attached while stopped

  ASSERT_TRUE(world.region.change_power({*alone}, Power::start, "test"));
  world.pass(3s);
  EXPECT_EQ(world.state_of(*alone), InstanceState::running);
  EXPECT_TRUE(world.hosts.hosts[*alone].devices.contains(volume));
  EXPECT_EQ(world.state_of(member), InstanceState::terminated);
  EXPECT_NE(world.member("masters-a").id, member);
}

TEST(RegionInstances, RebootKeepsAddressAndBringsVolumesBack) {
  World world;
  world.boot();
  auto const before = world.member("masters-a");
  auto const volume = world.volume("main-a");
  ASSERT_TRUE(world.region.attach_volume(volume, before.id, "/dev/sdf"));
  world.pass(2s);
  ASSERT_TRUE(world.region.change_power({before.id}, Power::hard_reboot, "test"));
  auto const after = world.member("masters-a");
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.address, before.address);
  EXPECT_EQ(world.hosts.hosts[after.id].boots, 2);
  EXPECT_FALSE(world.hosts.hosts[after.id].orderly);
  EXPECT_EQ(world.hosts.hosts[after.id].devices[volume], "/dev/sdf");
  EXPECT_THAT(world.hosts.second_plugs, IsEmpty());
}

// The machine must be rid of what its region gave back, on or off, or the next one cannot have it.
TEST(RegionInstances, WhatIsDetachedAfterARebootOrAStopLeavesTheMachine) {
  for (auto const how : {Power::reboot, Power::stop}) {
    World world;
    world.boot();
    auto const id = world.region.run_instance("eu-west-1a", "masters-a");
    ASSERT_TRUE(id);
    world.pass(1s);
    auto const volume = world.volume("main-a");
    ASSERT_TRUE(world.region.attach_volume(volume, *id, "/dev/sdf"));
    world.pass(2s);
    ASSERT_TRUE(world.region.change_power({*id}, how, "test"));
    ASSERT_TRUE(world.region.detach_volume(volume, *id, "", false));
    world.pass(2s);
    EXPECT_EQ(world.shown(volume).state, VolumeState::available);
    EXPECT_THAT(world.hosts.hosts[*id].devices, IsEmpty());
    EXPECT_THAT(world.hosts.second_plugs, IsEmpty());
  }
}

TEST(RegionInstances, FreezeAndThaw) {
  World world;
  auto const id = world.member("masters-a").id;
  EXPECT_EQ(world.region.freeze(id, true).error().kind, Kind::conflict);  // not powered yet
  world.boot();
  ASSERT_TRUE(world.region.freeze(id, true));
  EXPECT_TRUE(world.hosts.hosts[id].frozen);
  ASSERT_TRUE(world.region.freeze(id, false));
  EXPECT_FALSE(world.hosts.hosts[id].frozen);
  EXPECT_EQ(world.region.freeze("i-0123", true).error().kind, Kind::invalid);
}

TEST(RegionInstances, AHundredAddressesAreNeverSharedByTheLiving) {
  auto spec = three_zones();
  spec.groups[0].max = spec.groups[0].desired = 100;
  World world(spec);
  std::set<std::string> seen;
  for (auto const& instance : world.members("masters-a")) seen.insert(instance.address);
  EXPECT_THAT(seen, SizeIs(100));
}

TEST(RegionInstances, SpotNoticeEndsTheInstanceAtItsTime) {
  World world;
  world.boot();
  auto const id = world.member("masters-a").id;
  ASSERT_TRUE(world.region.spot_notice(id, 2s));
  EXPECT_TRUE(world.region.instance(id)->spot_termination);
  world.pass(1900ms);
  EXPECT_EQ(world.state_of(id), InstanceState::running);
  world.pass(200ms);
  EXPECT_EQ(world.state_of(id), InstanceState::shutting_down);
}

// ---- volumes

TEST(RegionVolumes, AttachGoesFromAttachingToAttachedWithTheDevice) {
  World world;
  world.boot();
  auto const instance = world.member("masters-a").id;
  auto const volume = world.volume("main-a");
  auto attachment = world.region.attach_volume(volume, instance, "/dev/sdf");
  ASSERT_TRUE(attachment);
  EXPECT_EQ(attachment->state, AttachmentState::attaching);
  EXPECT_EQ(world.shown(volume).state, VolumeState::in_use);
  world.pass(1450ms);
  EXPECT_EQ(world.shown(volume).attachment->state, AttachmentState::attaching);
  EXPECT_THAT(world.hosts.hosts[instance].devices, IsEmpty());
  world.pass(50ms);
  EXPECT_EQ(world.shown(volume).attachment->state, AttachmentState::attached);
  EXPECT_EQ(world.hosts.hosts[instance].devices[volume], "/dev/sdf");
}

struct DeviceTiming {
  Duration offset;
  bool device_first;
};
class RegionDeviceTiming : public testing::TestWithParam<DeviceTiming> {};

TEST_P(RegionDeviceTiming, TheDeviceComesBeforeOrAfterTheAttachmentShows) {
  World world;
  world.boot();
  world.region.set_delays([](Delays& delays) { delays.device = GetParam().offset; });
  auto const instance = world.member("masters-a").id;
  auto const volume = world.volume("main-a");
  ASSERT_TRUE(world.region.attach_volume(volume, instance, "/dev/sdf"));
  auto const has_device = [&] { return world.hosts.hosts[instance].devices.contains(volume); };
  auto const is_attached = [&] {
    return world.shown(volume).attachment->state == AttachmentState::attached;
  };
  for (int i = 0; i < 100 && !has_device() && !is_attached(); ++i) world.pass(50ms);
  EXPECT_EQ(has_device(), GetParam().device_first);
  EXPECT_EQ(is_attached(), !GetParam().device_first);
  world.pass(2s);
  EXPECT_TRUE(has_device());
  EXPECT_TRUE(is_attached());
}
INSTANTIATE_TEST_SUITE_P(Timings, RegionDeviceTiming,
                         testing::Values(DeviceTiming{-500ms, true}, DeviceTiming{500ms, false},
                                         DeviceTiming{-1h, true}));

TEST(RegionVolumes, DetachTakesItsTimeAndTheDevice) {
  World world;
  world.boot();
  auto const instance = world.member("masters-a").id;
  auto const volume = world.volume("main-a");
  ASSERT_TRUE(world.region.attach_volume(volume, instance, "/dev/sdf"));
  world.pass(2s);
  auto detaching = world.region.detach_volume(volume, instance, "", false);
  ASSERT_TRUE(detaching);
  EXPECT_EQ(detaching->state, AttachmentState::detaching);
  world.pass(950ms);
  EXPECT_EQ(world.shown(volume).state, VolumeState::in_use);
  EXPECT_TRUE(world.hosts.hosts[instance].devices.contains(volume));
  world.pass(50ms);
  EXPECT_EQ(world.shown(volume).state, VolumeState::available);
  EXPECT_FALSE(world.shown(volume).attachment);
  EXPECT_FALSE(world.hosts.hosts[instance].devices.contains(volume));
}

TEST(RegionVolumes, OneThatIsMountedStaysBusyUntilItIsNot) {
  World world;
  world.boot();
  auto const instance = world.member("masters-a").id;
  auto const volume = world.volume("main-a");
  ASSERT_TRUE(world.region.attach_volume(volume, instance, "/dev/sdf"));
  world.pass(2s);
  world.hosts.mounted.insert(volume);
  ASSERT_TRUE(world.region.detach_volume(volume, instance, "", false));
  world.pass(20s);
  EXPECT_EQ(world.shown(volume).attachment->state, AttachmentState::busy);
  world.hosts.mounted.clear();
  world.pass(1s);
  EXPECT_EQ(world.shown(volume).state, VolumeState::available);
}

TEST(RegionVolumes, ATerminatedInstanceGivesItsVolumesBackWithoutDetachVolume) {
  World world;
  world.boot();
  auto const instance = world.member("masters-a").id;
  auto const volume = world.volume("main-a");
  auto const root = world.region.instance(instance)->root_volume;
  ASSERT_TRUE(world.region.attach_volume(volume, instance, "/dev/sdf"));
  world.pass(2s);
  ASSERT_TRUE(world.region.change_power({instance}, Power::power_cut, "test"));
  world.pass(500ms);
  EXPECT_EQ(world.state_of(instance), InstanceState::terminated);
  EXPECT_EQ(world.shown(volume).attachment->state, AttachmentState::detaching);
  EXPECT_FALSE(world.region.view().volumes.contains(root));  // delete on termination
  world.pass(950ms);
  EXPECT_EQ(world.shown(volume).state, VolumeState::in_use);
  world.pass(50ms);
  EXPECT_EQ(world.shown(volume).state, VolumeState::available);
}

TEST(RegionVolumes, NoVolumeLeavesAMachineThatIsNotKnownToBeOff) {
  World world;
  world.boot();
  auto const instance = world.member("masters-a").id;
  auto const volume = world.volume("main-a");
  ASSERT_TRUE(world.region.attach_volume(volume, instance, "/dev/sdf"));
  world.pass(2s);
  world.hosts.failing_stops = 5;
  ASSERT_TRUE(world.region.change_power({instance}, Power::terminate, "test"));
  world.pass(4s);
  EXPECT_TRUE(world.hosts.hosts[instance].devices.contains(volume));
  EXPECT_EQ(world.shown(volume).state, VolumeState::in_use);
  world.pass(4s);
  EXPECT_EQ(world.shown(volume).state, VolumeState::available);
  EXPECT_THAT(world.hosts.second_plugs, IsEmpty());
}

TEST(RegionVolumes, AnAttachInFlightOnADyingInstanceIsGivenBack) {
  World world;
  world.boot();
  auto const instance = world.member("masters-a").id;
  auto const volume = world.volume("main-a");
  ASSERT_TRUE(world.region.attach_volume(volume, instance, "/dev/sdf"));
  ASSERT_TRUE(world.region.change_power({instance}, Power::power_cut, "test"));
  world.pass(3s);
  EXPECT_EQ(world.shown(volume).state, VolumeState::available);
  auto const fresh = world.member("masters-a").id;
  ASSERT_TRUE(world.region.attach_volume(volume, fresh, "/dev/sdf"));
  world.pass(2s);
  EXPECT_TRUE(world.hosts.hosts[fresh].devices.contains(volume));
  EXPECT_THAT(world.hosts.second_plugs, IsEmpty());
}

TEST(RegionVolumes, AStuckAttachStaysUntilItIsDetached) {
  World world;
  world.boot();
  world.region.set_stuck_attaches(1);
  auto const instance = world.member("masters-a").id;
  auto const volume = world.volume("main-a");
  ASSERT_TRUE(world.region.attach_volume(volume, instance, "/dev/sdf"));
  world.pass(10min);
  EXPECT_EQ(world.shown(volume).attachment->state, AttachmentState::attaching);
  EXPECT_THAT(world.hosts.hosts[instance].devices, IsEmpty());
  ASSERT_TRUE(world.region.detach_volume(volume, instance, "", false));
  world.pass(2s);
  ASSERT_TRUE(world.region.attach_volume(volume, instance, "/dev/sdg"));
  world.pass(2s);
  EXPECT_EQ(world.shown(volume).attachment->state, AttachmentState::attached);
}

TEST(RegionVolumes, DescribeLagsTheTruthByItsDelay) {
  World world;
  world.boot();
  world.region.set_describe_lag(3s);
  auto const instance = world.member("masters-a").id;
  auto const volume = world.volume("main-a");
  ASSERT_TRUE(world.region.attach_volume(volume, instance, "/dev/sdf"));
  EXPECT_EQ(world.shown(volume).state, VolumeState::in_use);
  EXPECT_EQ(world.shown(volume, /*lagging=*/true).state, VolumeState::available);
  // The truth decides what a call answers, whatever Describe says.
  EXPECT_EQ(world.region.attach_volume(volume, instance, "/dev/sdg").error().code, "VolumeInUse");
  world.pass(3s);
  EXPECT_EQ(world.shown(volume).attachment->state, AttachmentState::attached);
  EXPECT_EQ(world.shown(volume, /*lagging=*/true).attachment->state, AttachmentState::attaching);
  world.pass(2s);
  EXPECT_EQ(world.shown(volume, /*lagging=*/true).attachment->state, AttachmentState::attached);
}

TEST(RegionVolumes, ASnapshotIsACopyAndAVolumeMadeFromItSaysSo) {
  World world;
  auto const volume = world.volume("main-a");
  auto snapshot = world.region.create_snapshot(volume, "before", {{"why", "test"}});
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(world.hosts.volumes[snapshot->id].second, "/volumes/" + volume);
  CreateVolume request;
  request.zone = "eu-west-1b";
  request.snapshot_id = snapshot->id;
  EXPECT_EQ(world.region.create_volume(request).error().code, "IncorrectState");  // still pending
  world.pass(1s);
  auto made = world.region.create_volume(request);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->state, VolumeState::creating);
  world.pass(1s);
  EXPECT_EQ(world.shown(made->id).state, VolumeState::available);
  EXPECT_EQ(world.shown(made->id).snapshot_id, snapshot->id);
  EXPECT_EQ(world.hosts.volumes[made->id].second, "/volumes/" + snapshot->id);
}

TEST(RegionVolumes, AClientTokenMakesOneVolume) {
  World world;
  CreateVolume request;
  request.zone = "eu-west-1b";
  request.size_gib = 2;
  request.client_token = "once";
  auto first = world.region.create_volume(request);
  auto second = world.region.create_volume(request);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->id, second->id);
}

// ---- what EC2 refuses: code and words, one row each

struct Refusal {
  char const* name;
  std::function<ApiError(World&)> ask;
  ApiError answer;
};
class RegionRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(RegionRefuses, WithEc2sCodeAndWords) {
  auto spec = three_zones();
  spec.attachment_limit = 3;
  World world(spec);
  world.boot();
  auto error = GetParam().ask(world);
  // Ids are random: V, W and I stand for main-a, main-b and masters-a's instance.
  auto const replace = [&](std::string const& id, std::string const& with) {
    for (auto at = error.message.find(id); at != std::string::npos; at = error.message.find(id)) {
      error.message.replace(at, id.size(), with);
    }
  };
  replace(world.volume("main-a"), "V");
  replace(world.volume("main-b"), "W");
  for (auto const& [id, instance] : world.region.view().instances) {
    if (instance.group == "masters-a") replace(id, "I");
  }
  EXPECT_EQ(error.code, GetParam().answer.code);
  EXPECT_EQ(error.status, GetParam().answer.status);
  EXPECT_EQ(error.message, GetParam().answer.message);
}

std::string master_a(World& world) {
  return world.member("masters-a").id;
}
ApiError attach(World& world, std::string const& volume, std::string const& instance,
                std::string const& device = "/dev/sdf") {
  auto done = world.region.attach_volume(volume, instance, device);
  return done ? ApiError{"none", 200, ""} : done.error();
}
ApiError detach(World& world, std::string const& volume, std::string const& instance = "",
                std::string const& device = "") {
  auto done = world.region.detach_volume(volume, instance, device, false);
  return done ? ApiError{"none", 200, ""} : done.error();
}

INSTANTIATE_TEST_SUITE_P(
    Table, RegionRefuses,
    testing::Values(
        Refusal{"attached_already",
                [](World& w) {
                  attach(w, w.volume("main-a"), master_a(w));
                  return attach(w, w.volume("main-a"), master_a(w), "/dev/sdg");
                },
                {"VolumeInUse", 400, "V is already attached to an instance"}},
        Refusal{"pending_instance",
                [](World& w) {
                  auto id = w.region.run_instance("eu-west-1a", "masters-a").value();
                  auto error = attach(w, w.volume("main-a"), id);
                  error.message.replace(error.message.find(id), id.size(), "J");
                  return error;
                },
                {"IncorrectState", 400, "Instance 'J' is not 'running'."}},
        Refusal{"dying_instance",
                [](World& w) {
                  auto id = master_a(w);
                  (void)w.region.change_power({id}, Power::terminate, "test");
                  return attach(w, w.volume("main-a"), id);
                },
                {"IncorrectState", 400, "Instance 'I' is not 'running'."}},
        Refusal{"device_taken",
                [](World& w) {
                  attach(w, w.volume("main-a"), master_a(w));
                  return attach(w, w.volume("events-a"), master_a(w));
                },
                {"InvalidParameterValue", 400,
                 "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in "
                 "use"}},
        Refusal{"root_device_taken",
                [](World& w) { return attach(w, w.volume("main-a"), master_a(w), "xvda"); },
                {"InvalidParameterValue", 400,
                 "Invalid value 'xvda' for unixDevice. Attachment point xvda is already in use"}},
        Refusal{
            "device_name",
            [](World& w) { return attach(w, w.volume("main-a"), master_a(w), "/dev/nvme1n1"); },
            {"InvalidParameterValue", 400,
             "Value (/dev/nvme1n1) for parameter device is invalid. /dev/nvme1n1 is not a valid "
             "EBS device name."}},
        Refusal{"limit",
                [](World& w) {
                  CreateVolume more;
                  more.zone = "eu-west-1a";
                  more.size_gib = 1;
                  auto third = w.region.create_volume(more).value().id;
                  w.pass(1s);
                  attach(w, w.volume("main-a"), master_a(w), "/dev/sdf");
                  attach(w, w.volume("events-a"), master_a(w), "/dev/sdg");
                  return attach(w, third, master_a(w), "/dev/sdh");
                },
                {"AttachmentLimitExceeded", 400,
                 "The attachment limit for instance 'I' has been reached"}},
        Refusal{"zone",
                [](World& w) { return attach(w, w.volume("main-b"), master_a(w)); },
                {"InvalidVolume.ZoneMismatch", 400,
                 "The volume 'W' is not in the same availability zone as instance 'I'"}},
        Refusal{
            "no_volume",
            [](World& w) { return attach(w, "vol-0123456789abcdef0", master_a(w)); },
            {"InvalidVolume.NotFound", 400, "The volume 'vol-0123456789abcdef0' does not exist."}},
        Refusal{"no_instance",
                [](World& w) { return attach(w, w.volume("main-a"), "i-0123456789abcdef0"); },
                {"InvalidInstanceID.NotFound", 400,
                 "The instance ID 'i-0123456789abcdef0' does not exist"}},
        Refusal{
            "malformed_volume",
            [](World& w) { return attach(w, "volume-1", master_a(w)); },
            {"InvalidVolumeID.Malformed", 400, "Invalid id: \"volume-1\" (expecting \"vol-...\")"}},
        Refusal{
            "malformed_instance",
            [](World& w) { return attach(w, w.volume("main-a"), "i-xyz"); },
            {"InvalidInstanceID.Malformed", 400, "Invalid id: \"i-xyz\" (expecting \"i-...\")"}},
        Refusal{"detach_free",
                [](World& w) { return detach(w, w.volume("main-a")); },
                {"IncorrectState", 400, "Volume 'V' is in the 'available' state."}},
        Refusal{"detach_from_another",
                [](World& w) {
                  attach(w, w.volume("main-a"), master_a(w));
                  return detach(w, w.volume("main-a"), "i-0123456789abcdef0");
                },
                {"InvalidAttachment.NotFound", 400,
                 "The attachment of volume 'V' to instance 'i-0123456789abcdef0' does not exist"}},
        Refusal{"detach_root",
                [](World& w) {
                  auto const root = w.member("masters-a").root_volume;
                  auto error = detach(w, root);
                  error.message.replace(error.message.find(root), root.size(), "R");
                  return error;
                },
                {"OperationNotPermitted", 400,
                 "Unable to detach root volume 'R' from a running instance"}},
        Refusal{"delete_attached",
                [](World& w) {
                  attach(w, w.volume("main-a"), master_a(w));
                  return w.region.delete_volume(w.volume("main-a")).error();
                },
                {"VolumeInUse", 400, "Volume V is currently attached to I"}},
        Refusal{"create_in_no_zone",
                [](World& w) {
                  CreateVolume request;
                  request.zone = "eu-west-1z";
                  request.size_gib = 1;
                  return w.region.create_volume(request).error();
                },
                {"InvalidZone.NotFound", 400, "The zone 'eu-west-1z' does not exist."}},
        Refusal{"create_from_no_snapshot",
                [](World& w) {
                  CreateVolume request;
                  request.zone = "eu-west-1a";
                  request.snapshot_id = "snap-0123456789abcdef1";
                  return w.region.create_volume(request).error();
                },
                {"InvalidSnapshot.NotFound", 400,
                 "The snapshot 'snap-0123456789abcdef1' does not exist."}},
        Refusal{"tag_reserved",
                [](World& w) {
                  return w.region.create_tags({w.volume("main-a")}, {{"aws:x", "y"}}).error();
                },
                {"InvalidParameterValue", 400,
                 "Tag keys starting with 'aws:' are reserved for internal use"}},
        Refusal{"tag_count",
                [](World& w) {
                  Tags many;
                  for (int i = 0; i < 49; ++i) many[fmt::format("tag-{}", i)] = "";
                  return w.region.create_tags({w.volume("main-a")}, many).error();
                },
                {"TagLimitExceeded", 400, "More than 50 tags specified for a resource"}},
        Refusal{"tag_nothing",
                [](World& w) { return w.region.create_tags({"thing-1"}, {{"a", "b"}}).error(); },
                {"InvalidID", 400, "The ID 'thing-1' is not valid"}},
        Refusal{"stop_ended",
                [](World& w) {
                  auto id = master_a(w);
                  (void)w.region.change_power({id}, Power::terminate, "test");
                  return w.region.change_power({id}, Power::stop, "test").error();
                },
                {"IncorrectInstanceState", 400,
                 "The instance 'I' is not in a state from which it can be stopped."}}),
    [](auto const& row) { return row.param.name; });

TEST(RegionTags, MetadataTagsAllowNoSlash) {
  auto spec = three_zones();
  spec.groups[0].launch.metadata.tags = true;
  World world(spec);
  auto const id = world.member("masters-a").id;
  auto refused = world.region.create_tags({id}, {{"kubernetes.io/cluster/x", "owned"}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("not a valid tag key"));
  EXPECT_TRUE(world.region.create_tags({id}, {{"team", "etcd"}}));
}

TEST(RegionTags, AreSetAndDeletedByKeyAndByValue) {
  World world;
  auto const id = world.volume("main-a");
  ASSERT_TRUE(world.region.create_tags({id}, {{"a", "1"}, {"b", "2"}}));
  ASSERT_TRUE(world.region.delete_tags({id}, {{"a", "other"}, {"b", std::nullopt}}));
  EXPECT_TRUE(world.shown(id).tags.contains("a"));
  EXPECT_FALSE(world.shown(id).tags.contains("b"));
  ASSERT_TRUE(world.region.delete_tags({id}, {}));
  EXPECT_THAT(world.shown(id).tags, IsEmpty());
}

// ---- zones, groups, the network

TEST(RegionZones, OneThatIsDownKillsItsInstancesAndReplacesNoneUntilItIsUp) {
  World world;
  world.boot();
  auto const old = world.member("masters-c").id;
  ASSERT_TRUE(world.region.set_zone("eu-west-1c", false));
  EXPECT_FALSE(world.hosts.hosts[old].running);
  world.pass(1min);
  EXPECT_THAT(world.members("masters-c"), IsEmpty());
  EXPECT_THAT(world.members("masters-a"), SizeIs(1));
  ASSERT_TRUE(world.region.set_zone("eu-west-1c", true));
  world.pass(3s);
  EXPECT_EQ(world.member("masters-c").state, InstanceState::running);
  EXPECT_FALSE(world.region.set_zone("eu-west-1z", false));
}

TEST(RegionGroups, GrowAndShrinkWithinTheirBounds) {
  auto spec = three_zones();
  Group workers;
  workers.name = "workers";
  workers.zones = {"eu-west-1a", "eu-west-1b", "eu-west-1c"};
  workers.min = 0;
  workers.max = 6;
  workers.desired = 3;
  spec.groups.push_back(workers);
  World world(spec);
  world.boot();
  std::set<std::string> zones;
  for (auto const& each : world.members("workers")) zones.insert(each.zone);
  EXPECT_THAT(zones, SizeIs(3));
  ASSERT_TRUE(world.region.set_desired_capacity("workers", 6));
  world.pass(3s);
  EXPECT_THAT(world.members("workers"), SizeIs(6));
  ASSERT_TRUE(world.region.set_desired_capacity("workers", 1));
  world.pass(3s);
  EXPECT_THAT(world.members("workers"), SizeIs(1));
  EXPECT_EQ(world.region.set_desired_capacity("workers", 7).error().message,
            "New SetDesiredCapacity value 7 is above max value 6 for the AutoScalingGroup.");
  EXPECT_EQ(world.region.set_desired_capacity("none", 1).error().code, "ValidationError");
}

TEST(RegionGroups, ANewLaunchTemplateIsForTheNextInstances) {
  World world(three_zones());
  world.boot();
  auto const before = world.member("masters-a");
  ASSERT_TRUE(world.region.set_user_data("masters-a", "role: other\n"));
  EXPECT_EQ(world.region.instance(before.id)->from.user_data, before.from.user_data);
  ASSERT_TRUE(world.region.terminate_in_group(before.id, /*decrement=*/false));
  world.pass(10s);
  EXPECT_NE(world.member("masters-a").id, before.id);
  EXPECT_EQ(world.member("masters-a").from.user_data, "role: other\n");
  EXPECT_FALSE(world.region.set_user_data("none", ""));
}

TEST(RegionGroups, ATerminatingHookWaitsForItsCompletion) {
  auto spec = three_zones();
  spec.groups[0].terminating = LifecycleHook{"release", 30s};
  World world(spec);
  world.boot();
  auto const id = world.member("masters-a").id;
  ASSERT_TRUE(world.region.terminate_in_group(id, /*decrement=*/false));
  world.pass(20s);
  EXPECT_EQ(world.state_of(id), InstanceState::running);
  EXPECT_EQ(world.region.instance(id)->lifecycle, "Terminating:Wait");
  ASSERT_TRUE(world.region.heartbeat_lifecycle("masters-a", "release", id));
  world.pass(20s);
  EXPECT_EQ(world.state_of(id), InstanceState::running);  // the heartbeat began the time anew
  ASSERT_TRUE(world.region.complete_lifecycle("masters-a", "release", id));
  world.pass(1s);
  EXPECT_EQ(world.state_of(id), InstanceState::terminated);
  EXPECT_EQ(world.region.complete_lifecycle("masters-a", "release", id).error().message,
            "No active Lifecycle Action found with instance ID " + id);
}

TEST(RegionGroups, ATerminatingHookThatNobodyCompletesTimesOut) {
  auto spec = three_zones();
  spec.groups[0].terminating = LifecycleHook{"release", 30s};
  World world(spec);
  world.boot();
  auto const id = world.member("masters-a").id;
  ASSERT_TRUE(world.region.terminate_in_group(id, false));
  world.pass(29s);
  EXPECT_EQ(world.state_of(id), InstanceState::running);
  world.pass(2s);
  EXPECT_EQ(world.state_of(id), InstanceState::terminated);
}

TEST(RegionGroups, ALaunchingHookHoldsAnInstanceOutOfService) {
  auto spec = three_zones();
  spec.groups[0].launching = LifecycleHook{"ready", 30s};
  World world(spec);
  world.boot();
  auto const id = world.member("masters-a").id;
  EXPECT_EQ(world.region.instance(id)->lifecycle, "Pending:Wait");
  EXPECT_THAT(world.hosts.targets, SizeIs(2));  // it is no target of the load balancer yet
  world.pass(20s);
  ASSERT_TRUE(world.region.heartbeat_lifecycle("masters-a", "ready", id));
  world.pass(20s);
  EXPECT_EQ(world.region.instance(id)->lifecycle, "Pending:Wait");
  ASSERT_TRUE(world.region.complete_lifecycle("masters-a", "ready", id));
  world.pass(1s);
  EXPECT_EQ(world.region.instance(id)->lifecycle, "InService");
  EXPECT_THAT(world.hosts.targets, SizeIs(3));
}

TEST(RegionGroups, ALaunchingHookThatNobodyCompletesEndsTheInstance) {
  auto spec = three_zones();
  spec.groups[0].launching = LifecycleHook{"ready", 30s};
  World world(spec);
  world.boot();
  auto const id = world.member("masters-a").id;
  world.pass(32s);
  EXPECT_EQ(world.state_of(id), InstanceState::terminated);
  EXPECT_NE(world.member("masters-a").id, id);
}

TEST(RegionGroups, AWarmInstanceIsNoMemberUntilItLeavesThePool) {
  auto spec = three_zones();
  spec.groups[0].launching = LifecycleHook{"ready", 30s};
  spec.groups[0].max = 2;
  World world(spec);
  world.boot();
  auto const warm = world.region.run_warm("masters-a");
  ASSERT_TRUE(warm);
  world.boot();
  EXPECT_EQ(world.region.instance(*warm)->lifecycle, "Warmed:Pending:Wait");
  ASSERT_TRUE(world.region.complete_lifecycle("masters-a", "ready", *warm));
  EXPECT_EQ(world.region.instance(*warm)->lifecycle, "Warmed:Running");
  world.pass(5s);
  EXPECT_EQ(world.state_of(*warm), InstanceState::running);  // the group does not call it too much
  ASSERT_TRUE(world.region.set_desired_capacity("masters-a", 2));
  ASSERT_TRUE(world.region.leave_warm_pool(*warm));
  EXPECT_EQ(world.region.instance(*warm)->lifecycle, "Pending:Wait");
  EXPECT_EQ(world.region.leave_warm_pool(*warm).error().kind, Kind::conflict);
}

TEST(RegionNetwork, APartitionOfAZoneHoldsForItsNewInstancesToo) {
  World world;
  world.boot();
  ASSERT_TRUE(world.region.partition({"eu-west-1a"}, {"eu-west-1b", "eu-west-1c"}));
  EXPECT_TRUE(world.hosts.cut.contains({"10.0.0.10", "10.0.16.10"}));
  EXPECT_FALSE(world.hosts.cut.contains({"10.0.16.10", "10.0.32.10"}));
  (void)world.region.change_power({world.member("masters-a").id}, Power::power_cut, "test");
  world.pass(3s);
  EXPECT_TRUE(world.hosts.cut.contains({"10.0.0.11", "10.0.16.10"}));
  ASSERT_TRUE(world.region.heal());
  EXPECT_THAT(world.hosts.cut, IsEmpty());
  EXPECT_THAT(world.region.partition({"eu-west-1z"}, {"eu-west-1b"}).error().message.text,
              HasSubstr("neither a zone nor an instance"));
  EXPECT_THAT(world.region.partition({"eu-west-1b"}, {"eu-west-1b"}).error().message.text,
              HasSubstr("on both sides"));
}

TEST(RegionNetwork, AZoneWithoutInstancesIsCutOffForThoseToCome) {
  World world;
  world.boot();
  ASSERT_TRUE(world.region.set_zone("eu-west-1a", false));
  world.pass(3s);
  ASSERT_TRUE(world.region.partition({"eu-west-1a"}, {"eu-west-1b"}));
  EXPECT_THAT(world.hosts.cut, IsEmpty());
  ASSERT_TRUE(world.region.set_zone("eu-west-1a", true));
  world.pass(3s);
  EXPECT_TRUE(world.hosts.cut.contains({"10.0.0.11", "10.0.16.10"}));
}

TEST(RegionTimeline, SaysWhatHappenedWhenAndWhere) {
  World world;
  world.boot();
  auto const id = world.member("masters-a").id;
  world.pass(200ms);
  (void)world.region.change_power({id}, Power::power_cut, "test");
  auto const events = world.region.timeline().events();
  auto cut =
      std::find_if(events.begin(), events.end(), [](auto& e) { return e.what == "power-cut"; });
  ASSERT_NE(cut, events.end());
  EXPECT_EQ(to_line(*cut), fmt::format("       1.200 s  {:<22}  eu-west-1a    power-cut", id));
}

// ---- with real time and threads: nothing is lost, nothing deadlocks

TEST(RegionThreads, CallersOnManyThreadsAndATickingRegionAgree) {
  test::FakeHosts hosts;
  SystemClock clock;
  ThreadStrands strands;
  auto spec = three_zones();
  spec.delays = {10ms, 10ms, 10ms, 10ms, 10ms, 0ms, 10ms, 10ms, 10ms};
  Region region(spec, hosts, clock, strands);
  ASSERT_TRUE(region.start());
  std::jthread runner([&](std::stop_token stop) { region.run(stop); });
  auto const running = [&] {
    auto const view = region.view();
    return std::count_if(view.instances.begin(), view.instances.end(),
                         [](auto& each) { return each.second.state == InstanceState::running; });
  };
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(eventually([&] { return running() == 3; }));
    auto const view = region.view();
    std::vector<std::jthread> callers;
    for (auto const& [id, instance] : view.instances) {
      if (instance.state != InstanceState::running) continue;
      callers.emplace_back([&, id = id, zone = instance.zone] {
        for (auto const& [volume_id, volume] : view.volumes) {
          if (volume.zone == zone && !volume.is_root) {
            (void)region.attach_volume(volume_id, id,
                                       volume.name[0] == 'm' ? "/dev/sdf" : "/dev/sdg");
          }
        }
        std::this_thread::sleep_for(15ms);
        (void)region.change_power({id}, Power::power_cut, "test");
      });
    }
  }
  EXPECT_TRUE(eventually([&] {
    auto const view = region.view();
    return running() == 3 && std::all_of(view.volumes.begin(), view.volumes.end(), [](auto& each) {
             return each.second.is_root || each.second.state == VolumeState::available;
           });
  }));
  runner.request_stop();
  runner.join();
  region.shut_down();
  EXPECT_THAT(hosts.second_plugs, IsEmpty());
}

}  // namespace
}  // namespace haagent::sim
