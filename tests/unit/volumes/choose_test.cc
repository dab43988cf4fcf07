#include "volumes/choose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/in_short.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

std::string const kMe = "i-me";
std::string const kTime = "2026-01-15T10:00:00Z";

aws::Attachment attachment(std::string instance, std::string state = "attached",
                           std::string device = "/dev/sdf", std::string time = kTime) {
  return {.instance_id = std::move(instance),
          .device = std::move(device),
          .state = std::move(state),
          .attach_time = std::move(time),
          .delete_on_termination = false};
}

aws::Volume volume(std::string id, EtcdCluster cluster, std::string tag,
                   std::vector<aws::Attachment> attachments = {}) {
  aws::Volume out;
  out.id = std::move(id);
  out.zone = "eu-west-1a";
  out.state = attachments.empty() ? "available" : "in-use";
  out.create_time = kTime;
  out.size_gib = 20;
  out.attachments = std::move(attachments);
  out.tags = {{etcd_tag_name(cluster), std::move(tag)},
              {"kubernetes.io/cluster/prod.example.com", "owned"},
              {"k8s.io/role/control-plane", "1"}};
  return out;
}

aws::Volume main_volume(std::string id, std::vector<aws::Attachment> attachments = {},
                        std::string tag = "a/a,b,c") {
  return volume(std::move(id), EtcdCluster::main, std::move(tag), std::move(attachments));
}
aws::Volume events_volume(std::string id, std::vector<aws::Attachment> attachments = {},
                          std::string tag = "a/a,b,c") {
  return volume(std::move(id), EtcdCluster::events, std::move(tag), std::move(attachments));
}

struct World : Observed, Remembered {};

Plan choose(World const& world) {
  return volumes::choose(world, world);
}

World world(std::vector<aws::Volume> volumes) {
  World out;
  out.cluster = "prod.example.com";
  out.instance_id = kMe;
  out.zone = "eu-west-1a";
  out.region = "eu-west-1";
  out.volumes = std::move(volumes);
  out.now = SteadyTime(1h);
  return out;
}

aws::Instance instance(std::string id, std::string state) {
  aws::Instance out;
  out.id = std::move(id);
  out.state = std::move(state);
  return out;
}

// What is said of a choice.
Message message_of(Choice const& choice) {
  struct {
    Message operator()(Mine const&) { return {}; }
    Message operator()(Attach const&) { return {}; }
    Message operator()(Detach const& c) { return c.why; }
    Message operator()(Wait const& c) { return c.message; }
    Message operator()(Refuse const& c) { return c.message; }
  } say;
  return std::visit(say, choice);
}

// A choice in one line, by its reason and subject, so that a table reads as a table.
std::string said(Choice const& choice) {
  struct {
    std::string operator()(Mine const& c) { return "mine " + c.volume.volume_id; }
    std::string operator()(Attach const& c) {
      return "attach " + c.volume.volume_id + " as " + c.device;
    }
    std::string operator()(Detach const& c) {
      return (c.force ? "force-detach " : "detach ") + c.volume_id + " from " + c.instance_id +
             ": " + std::string(to_string(c.why.reason));
    }
    std::string operator()(Wait const& c) { return "wait: " + test::in_short(c.message); }
    std::string operator()(Refuse const& c) { return "refuse: " + test::in_short(c.message); }
  } say;
  return std::visit(say, choice);
}

// --- The ordinary ways.

TEST(Choose, TakesTheFreePairOfMyZoneUnderTwoNames) {
  auto plan = choose(world({main_volume("vol-m"), events_volume("vol-e")}));
  EXPECT_EQ(said(plan.main), "attach vol-m as /dev/sdf");
  EXPECT_EQ(said(plan.events), "attach vol-e as /dev/sdg");
  EXPECT_TRUE(plan.owners.empty()) << "nobody's state matters";
}

TEST(Choose, HandsOnWhatTheTagsSay) {
  auto w = world({main_volume("vol-m")});
  w.volumes[0].tags["haagent.io/etcd-cluster-id"] = "cafe";
  w.volumes[0].tags["haagent.io/formatted-at"] = kTime;
  auto plan = choose(w);
  auto const& mine = std::get<Attach>(plan.main).volume;
  EXPECT_EQ(mine.member, "a");
  EXPECT_EQ(mine.members, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(mine.etcd_cluster_id, "cafe");
  EXPECT_EQ(mine.formatted_at, kTime);
  EXPECT_EQ(mine.size_gib, 20u);
}

TEST(Choose, WhatIsAttachedHereIsMine) {
  auto plan = choose(world({main_volume("vol-m", {attachment(kMe)}),
                            events_volume("vol-e", {attachment(kMe, "attached", "/dev/sdg")})}));
  EXPECT_EQ(said(plan.main), "mine vol-m");
  EXPECT_EQ(said(plan.events), "mine vol-e");
  EXPECT_EQ(std::get<Mine>(plan.main).volume.device_name, "/dev/sdf");
  EXPECT_EQ(std::get<Mine>(plan.main).volume.instance_id, kMe);
}

TEST(Choose, AttachingHereIsNotYetMine) {
  auto plan = choose(world({main_volume("vol-m", {attachment(kMe, "attaching")})}));
  EXPECT_EQ(said(plan.main), "wait: VolumeChanging vol-m attaching");
  EXPECT_THAT(message_of(plan.main).text, HasSubstr("/dev/sdf"));
}

TEST(Choose, AcceptsTheMasterRoleTagOfOlderKops) {
  auto w = world({main_volume("vol-m")});
  w.volumes[0].tags.erase("k8s.io/role/control-plane");
  w.volumes[0].tags["k8s.io/role/master"] = "1";
  EXPECT_EQ(said(choose(w).main), "attach vol-m as /dev/sdf");
}

TEST(Choose, LeavesOtherZonesAndOtherClustersAlone) {
  auto w = world({main_volume("vol-b"), main_volume("vol-x")});
  w.volumes[0].zone = "eu-west-1b";
  w.volumes[1].tags.erase("kubernetes.io/cluster/prod.example.com");
  w.volumes[1].tags["kubernetes.io/cluster/other.example.com"] = "owned";
  auto const main = choose(w).main;
  EXPECT_EQ(said(main), "wait: VolumeMissing main in eu-west-1a");
  EXPECT_THAT(message_of(main).text,
              AllOf(HasSubstr("k8s.io/etcd/main"),
                    HasSubstr("kubernetes.io/cluster/prod.example.com=owned")));
  EXPECT_THAT(
      message_of(main).advice,
      HasSubstr("create-volume --region eu-west-1 --availability-zone eu-west-1a --size 20 "));
  EXPECT_TRUE(choose(w).looks_wider);
}

TEST(Choose, WhatNearlyFitsIsNamedBeforeAnythingIsMadeBesideIt) {
  auto w = world({});
  w.wider = {main_volume("vol-m")};
  w.wider[0].tags["kubernetes.io/cluster/prod.example.com"] = "shared";
  auto const main = choose(w).main;
  EXPECT_EQ(said(main), "wait: VolumeNearlyTagged vol-m");
  EXPECT_THAT(message_of(main).text, AllOf(HasSubstr("eu-west-1a"), HasSubstr("'shared'")));
  EXPECT_THAT(message_of(main).advice, AllOf(HasSubstr("create-tags --region eu-west-1 "),
                                             testing::Not(HasSubstr("create-volume"))));
  EXPECT_EQ(said(choose(w).events), "wait: VolumeMissing events in eu-west-1a")
      << "none nearly fits there";
}

TEST(Choose, NothingIsMadeWhereEveryMemberHasItsVolume) {
  auto w = world({main_volume("vol-m")});
  w.volumes[0].zone = "eu-west-1b";
  w.volumes[0].tags["k8s.io/etcd/main"] = "a/a";
  auto const main = choose(w).main;
  EXPECT_EQ(said(main), "wait: VolumeInAnotherZone main in eu-west-1a");
  EXPECT_THAT(message_of(main).text, AllOf(HasSubstr("vol-m"), HasSubstr("eu-west-1b")));
  EXPECT_THAT(message_of(main).advice, testing::Not(HasSubstr("create-volume")));
}

TEST(Choose, AMissingEventsVolumeDoesNotHoldMainBack) {
  auto w = world({main_volume("vol-m"), events_volume("vol-e")});
  w.volumes[1].zone = "eu-west-1b";
  auto plan = choose(w);
  EXPECT_EQ(said(plan.main), "attach vol-m as /dev/sdf");
  EXPECT_EQ(said(plan.events), "wait: VolumeInAnotherZone events of a in eu-west-1a");
  EXPECT_THAT(message_of(plan.events).text, AllOf(HasSubstr("k8s.io/etcd/events=a/..."),
                                                  HasSubstr("vol-e"), HasSubstr("eu-west-1b")));
  EXPECT_THAT(message_of(plan.events).advice, testing::Not(HasSubstr("create-volume")));
}

TEST(Choose, EventsAreNeverTakenWithoutTheirMain) {
  auto plan =
      choose(world({main_volume("vol-m", {attachment("i-other")}), events_volume("vol-e")}));
  EXPECT_THAT(said(plan.main), HasSubstr("wait: VolumeHeldElsewhere vol-m"));
  EXPECT_EQ(said(plan.events), "wait: MainVolumeNotHeld");
}

TEST(Choose, EventsFollowTheMemberOfMyMain) {
  auto plan = choose(
      world({main_volume("vol-md", {attachment(kMe)}, "d/a,d"), main_volume("vol-ma", {}, "a/a,d"),
             events_volume("vol-ea", {}, "a/a,d"), events_volume("vol-ed", {}, "d/a,d")}));
  EXPECT_EQ(said(plan.main), "mine vol-md");
  EXPECT_EQ(said(plan.events), "attach vol-ed as /dev/sdg");
}

TEST(Choose, WaitsForAVolumeThatIsBeingMade) {
  auto w = world({main_volume("vol-m")});
  w.volumes[0].state = "creating";
  EXPECT_EQ(said(choose(w).main), "wait: VolumeChanging vol-m creating");
}

// --- Stale describes: our own answer is believed.

TEST(Choose, BelievesTheAttachAnswerWhileDescribesStillShowAvailable) {
  auto w = world({main_volume("vol-m"), events_volume("vol-e"), main_volume("vol-md", {}, "d/a,d"),
                  events_volume("vol-ed", {}, "d/a,d")});
  w.beliefs["vol-m"] = {"/dev/sdf", w.now - 3s};
  w.beliefs["vol-e"] = {"/dev/sdg", w.now - 3s};
  auto plan = choose(w);
  EXPECT_EQ(said(plan.main), "wait: VolumeChanging vol-m attaching");
  EXPECT_EQ(said(plan.events), "wait: VolumeChanging vol-e attaching");
  EXPECT_THAT(message_of(plan.events).text, HasSubstr("/dev/sdg"));
}

TEST(Choose, BelievesTheAttachAnswerWhileDescribesStillShowTheOwnerBefore) {
  auto w = world({main_volume("vol-m", {attachment("i-old", "detaching")})});
  w.beliefs["vol-m"] = {"/dev/sdf", w.now - 1s};
  EXPECT_EQ(said(choose(w).main), "wait: VolumeChanging vol-m attaching");
}

TEST(Choose, BelievesItsOwnDisksBeforeAnAvailableThatIsStale) {
  auto w = world({main_volume("vol-m"), main_volume("vol-md", {}, "d/a,d"),
                  events_volume("vol-ed", {}, "d/a,d")});
  w.present = {"vol-m"};
  EXPECT_EQ(said(choose(w).main), "wait: VolumeChanging vol-m here");
}

TEST(Choose, ASecondVolumeIsNotTakenWhileTheFirstIsUnsettled) {
  auto w = world({main_volume("vol-m"), events_volume("vol-e"), main_volume("vol-md", {}, "d/a,d"),
                  events_volume("vol-ed", {}, "d/a,d")});
  w.unsettled["vol-m"] = {Reason::AttachmentNotKnown, "EC2 does not show who took it"};
  EXPECT_EQ(said(choose(w).main), "wait: AttachmentNotKnown vol-m, vol-md")
      << "it may be ours by a lost answer";
  w.unsettled = {{"vol-md", w.unsettled["vol-m"]}};
  EXPECT_EQ(said(choose(w).main), "wait: AttachmentNotKnown vol-md, vol-m")
      << "what is free is not why it waits";
}

TEST(Choose, AStuckAttachmentIsGivenUpAfterNinetySecondsWithoutForce) {
  auto w = world({main_volume("vol-m", {attachment(kMe, "attaching")})});
  w.attaching_since["vol-m"] = w.now - 89s;
  EXPECT_THAT(said(choose(w).main), HasSubstr("wait: "));
  w.attaching_since["vol-m"] = w.now - 90s;
  EXPECT_THAT(said(choose(w).main), HasSubstr("detach vol-m from i-me: VolumeStuckAttaching"));
  EXPECT_EQ(message_of(choose(w).main).subject, "vol-m as /dev/sdf");
}

TEST(Choose, WaitsWhileItIsBeingDetachedFromHere) {
  for (auto state : {"detaching", "busy"}) {
    auto plan = choose(world({main_volume("vol-m", {attachment(kMe, state)})}));
    EXPECT_THAT(said(plan.main), AllOf(HasSubstr("wait: VolumeChanging vol-m "), HasSubstr(state)));
  }
}

// --- Others hold it.

struct OwnerCase {
  std::string owner_state;  // empty: not asked for yet
  std::string attachment_state;
  bool force;
  std::string expected;
  bool has_advice = false;
};

class ChooseOwner : public testing::TestWithParam<OwnerCase> {};

TEST_P(ChooseOwner, DecidesWhatBecomesOfItsVolume) {
  auto const& row = GetParam();
  auto w = world({main_volume("vol-m", {attachment("i-other", row.attachment_state)})});
  w.force_detach_terminated = row.force;
  if (!row.owner_state.empty()) w.instances["i-other"] = instance("i-other", row.owner_state);
  auto plan = choose(w);
  EXPECT_EQ(said(plan.main), row.expected);
  EXPECT_EQ(!message_of(plan.main).advice.empty(), row.has_advice);
  EXPECT_EQ(message_of(plan.main).text.contains(kTime), row.expected.starts_with("wait: "));
  EXPECT_TRUE(plan.owners.contains("i-other"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, ChooseOwner,
    testing::Values(
        OwnerCase{"", "attached", true,
                  "wait: VolumeHeldElsewhere vol-m attached to i-other (state not known)"},
        OwnerCase{"running", "attached", true,
                  "wait: VolumeHeldElsewhere vol-m attached to i-other (running)", true},
        OwnerCase{"pending", "attached", true,
                  "wait: VolumeHeldElsewhere vol-m attached to i-other (pending)", true},
        OwnerCase{"running", "attaching", true,
                  "wait: VolumeHeldElsewhere vol-m attaching to i-other (running)", true},
        OwnerCase{"stopping", "attached", true,
                  "wait: VolumeHeldElsewhere vol-m attached to i-other (stopping)"},
        OwnerCase{"stopped", "attached", true,
                  "wait: VolumeHeldElsewhere vol-m attached to i-other (stopped)", true},
        OwnerCase{"shutting-down", "attached", true,
                  "wait: VolumeHeldElsewhere vol-m attached to i-other (shutting-down)"},
        OwnerCase{"shutting-down", "detaching", true,
                  "wait: VolumeHeldElsewhere vol-m detaching from i-other (shutting-down)"},
        OwnerCase{"terminated", "attached", false,
                  "wait: VolumeHeldElsewhere vol-m attached to i-other (terminated)"},
        OwnerCase{"terminated", "detaching", true,
                  "wait: VolumeHeldElsewhere vol-m detaching from i-other (terminated)"},
        OwnerCase{"terminated", "attached", true,
                  "force-detach vol-m from i-other: VolumeLeftAttached"}));

TEST(Choose, AFreePairIsTakenWhileAnotherMembersIsHeld) {
  auto w = world({main_volume("vol-ma", {attachment("i-1")}, "a/a,d"),
                  events_volume("vol-ea", {attachment("i-1")}, "a/a,d"),
                  main_volume("vol-md", {}, "d/a,d"), events_volume("vol-ed", {}, "d/a,d")});
  auto plan = choose(w);
  EXPECT_EQ(said(plan.main), "attach vol-md as /dev/sdf");
  EXPECT_EQ(said(plan.events), "attach vol-ed as /dev/sdg");
}

TEST(Choose, AWholePairIsTakenBeforeHalfOfOne) {
  auto plan = choose(world(
      {main_volume("vol-ma", {}, "a/a,d"), events_volume("vol-ea", {attachment("i-1")}, "a/a,d"),
       main_volume("vol-md", {}, "d/a,d"), events_volume("vol-ed", {}, "d/a,d")}));
  EXPECT_EQ(said(plan.main), "attach vol-md as /dev/sdf");
  EXPECT_EQ(said(plan.events), "attach vol-ed as /dev/sdg");
}

TEST(Choose, HalfAPairIsTakenAtOnceWhereThereIsNoOther) {
  auto plan =
      choose(world({main_volume("vol-m"),
                    events_volume("vol-e", {attachment("i-old", "detaching", "/dev/sdg")})}));
  EXPECT_EQ(said(plan.main), "attach vol-m as /dev/sdf");
  EXPECT_THAT(said(plan.events), HasSubstr("wait: VolumeHeldElsewhere vol-e detaching from i-old"));
}

TEST(Choose, SaysAllOwnersWhereEveryPairIsHeld) {
  auto w = world({main_volume("vol-ma", {attachment("i-1")}, "a/a,d"),
                  main_volume("vol-md", {attachment("i-2")}, "d/a,d")});
  w.instances["i-1"] = instance("i-1", "running");
  w.instances["i-2"] = instance("i-2", "shutting-down");
  EXPECT_EQ(said(choose(w).main),
            "wait: VolumeHeldElsewhere vol-ma attached to i-1 (running), "
            "vol-md attached to i-2 (shutting-down)");
}

TEST(Choose, ATerminatedOwnersVolumeIsForcedThoughAnotherIsHeldByTheLiving) {
  auto w = world({main_volume("vol-ma", {attachment("i-1")}, "a/a,d"),
                  main_volume("vol-md", {attachment("i-2")}, "d/a,d")});
  w.instances["i-1"] = instance("i-1", "running");
  w.instances["i-2"] = instance("i-2", "terminated");
  w.force_detach_terminated = true;
  EXPECT_THAT(said(choose(w).main), HasSubstr("force-detach vol-md from i-2"));
}

// --- What is held wrongly goes back; what could be right is never let go.

TEST(Choose, ASecondMainVolumeGoesBack) {
  auto w = world({main_volume("vol-ma", {attachment(kMe, "attached", "/dev/sdf")}, "a/a,d"),
                  main_volume("vol-md", {attachment(kMe, "attached", "/dev/sdh")}, "d/a,d"),
                  events_volume("vol-ed", {attachment(kMe, "attached", "/dev/sdg")}, "d/a,d")});
  auto plan = choose(w);
  EXPECT_EQ(said(plan.main), "detach vol-ma from i-me: VolumeMisplaced")
      << "the one whose events volume is here stays";
  EXPECT_EQ(said(plan.events), "mine vol-ed");
}

TEST(Choose, OfTwoTheOneAttachedFirstStays) {
  auto w = world(
      {main_volume("vol-ma", {attachment(kMe, "attached", "/dev/sdf", "2026-01-15T10:00:09Z")},
                   "a/a,d"),
       main_volume("vol-md", {attachment(kMe, "attached", "/dev/sdh", "2026-01-15T10:00:01Z")},
                   "d/a,d")});
  EXPECT_THAT(said(choose(w).main), HasSubstr("detach vol-ma from i-me"));
}

TEST(Choose, TheRecordedOneStaysWhateverWasFirst) {
  auto w = world(
      {main_volume("vol-ma", {attachment(kMe, "attached", "/dev/sdf", "2026-01-15T10:00:09Z")},
                   "a/a,d"),
       main_volume("vol-md", {attachment(kMe, "attached", "/dev/sdh", "2026-01-15T10:00:01Z")},
                   "d/a,d")});
  w.recorded[EtcdCluster::main] = "vol-ma";
  EXPECT_THAT(said(choose(w).main), HasSubstr("detach vol-md from i-me"));
}

// It lacks the tag of the role, so that it must not be touched, and speaks for nobody.
TEST(Choose, AnEventsVolumeThatIsUnfitDoesNotSayWhichOfTwoStays) {
  auto events = events_volume("vol-e", {attachment(kMe)}, "b/a,b,c");
  events.tags.erase("k8s.io/role/control-plane");
  auto const plan = choose(world(
      {main_volume("vol-a", {attachment(kMe, "attached", "/dev/sdf", "2026-01-15T09:00:00Z")}),
       main_volume("vol-b", {attachment(kMe, "attached", "/dev/sdg", kTime)}, "b/a,b,c"), events}));
  auto const* back = std::get_if<Detach>(&plan.main);
  ASSERT_TRUE(back) << message_of(plan.main).text;
  EXPECT_EQ(back->volume_id, "vol-b");
}

TEST(Choose, AMountedVolumeIsNeverGivenBack) {
  auto w = world({main_volume("vol-ma", {attachment(kMe, "attached", "/dev/sdf")}, "a/a,d"),
                  main_volume("vol-md", {attachment(kMe, "attached", "/dev/sdh")}, "d/a,d")});
  w.in_use = {"vol-ma", "vol-md"};
  EXPECT_THAT(said(choose(w).main), HasSubstr("refuse: "));
  w.in_use = {"vol-md"};
  w.recorded[EtcdCluster::main] = "vol-ma";
  EXPECT_THAT(said(choose(w).main), HasSubstr("detach vol-ma from i-me"));
}

TEST(Choose, TwoOfOneMemberAttachedHereAreRefused) {
  auto w = world({main_volume("vol-1", {attachment(kMe, "attached", "/dev/sdf")}),
                  main_volume("vol-2", {attachment(kMe, "attached", "/dev/sdh")})});
  EXPECT_EQ(said(choose(w).main), "refuse: VolumesAmbiguous vol-1 vol-2");
}

TEST(Choose, EventsOfAnotherMemberGoBack) {
  auto plan =
      choose(world({main_volume("vol-ma", {attachment(kMe)}, "a/a,d"),
                    events_volume("vol-ed", {attachment(kMe, "attached", "/dev/sdg")}, "d/a,d"),
                    events_volume("vol-ea", {}, "a/a,d")}));
  EXPECT_EQ(said(plan.main), "mine vol-ma");
  EXPECT_THAT(said(plan.events), HasSubstr("detach vol-ed from i-me"));
}

TEST(Choose, EventsGoBackWhereALivingMasterHoldsTheirMain) {
  auto w = world({main_volume("vol-m", {attachment("i-1")}),
                  events_volume("vol-e", {attachment(kMe, "attached", "/dev/sdg")})});
  EXPECT_EQ(said(choose(w).events), "mine vol-e") << "not before the owner's state is known";
  w.instances["i-1"] = instance("i-1", "running");
  EXPECT_THAT(said(choose(w).events), HasSubstr("detach vol-e from i-me"));
  w.in_use = {"vol-e"};
  EXPECT_EQ(said(choose(w).events), "mine vol-e");
  w.in_use.clear();
  w.instances["i-1"].state = "shutting-down";
  EXPECT_EQ(said(choose(w).events), "mine vol-e") << "the successor may hold events first";
}

TEST(Choose, WhatIsOnItsWayOutIsNotDetachedAgain) {
  auto w = world({main_volume("vol-ma", {attachment(kMe, "attached", "/dev/sdf")}, "a/a,d"),
                  main_volume("vol-md", {attachment(kMe, "attached", "/dev/sdh")}, "d/a,d"),
                  events_volume("vol-ed", {attachment(kMe, "attached", "/dev/sdg")}, "d/a,d")});
  w.letting_go = {"vol-ma"};
  auto plan = choose(w);
  EXPECT_EQ(said(plan.main), "mine vol-md");
  EXPECT_EQ(said(plan.events), "mine vol-ed");

  w = world({main_volume("vol-m", {attachment("i-1")}),
             events_volume("vol-e", {attachment(kMe, "attached", "/dev/sdg")})});
  w.instances["i-1"] = instance("i-1", "running");
  w.letting_go = {"vol-e"};
  EXPECT_THAT(said(choose(w).events), HasSubstr("wait: "));

  w = world({main_volume("vol-m", {attachment("i-1")})});
  w.instances["i-1"] = instance("i-1", "terminated");
  w.force_detach_terminated = true;
  w.letting_go = {"vol-m"};
  EXPECT_THAT(said(choose(w).main),
              HasSubstr("wait: VolumeHeldElsewhere vol-m detaching from i-1"));
}

TEST(Choose, MainFollowsTheEventsVolumeThatIsHere) {
  auto plan =
      choose(world({main_volume("vol-ma", {}, "a/a,d"), events_volume("vol-ea", {}, "a/a,d"),
                    main_volume("vol-md", {}, "d/a,d"),
                    events_volume("vol-ed", {attachment(kMe, "attached", "/dev/sdg")}, "d/a,d")}));
  EXPECT_EQ(said(plan.main), "attach vol-md as /dev/sdf");
  EXPECT_EQ(said(plan.events), "mine vol-ed");
}

// --- Refusals.

struct RefusalCase {
  std::string name;
  void (*spoil)(World&);
  Reason expected;
  std::string says = "";  // figures and names
};

class ChooseRefuses : public testing::TestWithParam<RefusalCase> {};

TEST_P(ChooseRefuses, NamingTheVolumeAndTheReason) {
  auto w = world({main_volume("vol-m"), events_volume("vol-e")});
  ASSERT_EQ(said(choose(w).main), "attach vol-m as /dev/sdf");
  GetParam().spoil(w);
  auto plan = choose(w);
  ASSERT_TRUE(std::holds_alternative<Refuse>(plan.main)) << said(plan.main);
  EXPECT_EQ(message_of(plan.main).reason, GetParam().expected);
  EXPECT_THAT(message_of(plan.main).subject, testing::StartsWith("vol-m"));
  EXPECT_THAT(message_of(plan.main).text, HasSubstr(GetParam().says));
  EXPECT_FALSE(std::holds_alternative<Attach>(plan.events)) << said(plan.events);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ChooseRefuses,
    testing::Values(
        RefusalCase{"two_candidates", [](World& w) { w.volumes.push_back(main_volume("vol-m2")); },
                    Reason::VolumesAmbiguous, "vol-m2"},
        RefusalCase{"a_copy_in_another_zone",
                    [](World& w) {
                      w.volumes.push_back(main_volume("vol-m2", {attachment("i-b")}));
                      w.volumes.back().zone = "eu-west-1b";
                    },
                    Reason::VolumesAmbiguous, "vol-m2"},
        RefusalCase{"snapshot", [](World& w) { w.volumes[0].snapshot_id = "snap-1"; },
                    Reason::VolumeFromSnapshot, "snap-1"},
        RefusalCase{"snapshot_attached_here",
                    [](World& w) {
                      w.volumes[0].snapshot_id = "snap-1";
                      w.volumes[0].attachments = {attachment(kMe)};
                    },
                    Reason::VolumeFromSnapshot, "snap-1"},
        RefusalCase{
            "root_device",
            [](World& w) { w.volumes[0].attachments = {attachment(kMe, "attached", "/dev/xvda")}; },
            Reason::VolumeUnfit, "/dev/xvda"},
        RefusalCase{
            "root_device_sda1",
            [](World& w) { w.volumes[0].attachments = {attachment(kMe, "attached", "/dev/sda1")}; },
            Reason::VolumeUnfit, "/dev/sda1"},
        RefusalCase{"root_device_by_the_instances_word",
                    [](World& w) {
                      w.volumes[0].attachments = {attachment(kMe, "attached", "/dev/sdf")};
                      w.instances[kMe] = instance(kMe, "running");
                      w.instances[kMe].root_device = "/dev/xvdf";
                    },
                    Reason::VolumeUnfit, "/dev/sdf"},
        RefusalCase{"multi_attach", [](World& w) { w.volumes[0].multi_attach = true; },
                    Reason::VolumeUnfit},
        RefusalCase{
            "two_attachments",
            [](World& w) { w.volumes[0].attachments = {attachment(kMe), attachment("i-other")}; },
            Reason::VolumeUnfit, "i-other"},
        RefusalCase{"delete_on_termination",
                    [](World& w) {
                      w.volumes[0].attachments = {attachment(kMe)};
                      w.volumes[0].attachments[0].delete_on_termination = true;
                    },
                    Reason::VolumeUnfit},
        RefusalCase{"error", [](World& w) { w.volumes[0].state = "error"; }, Reason::VolumeUnfit},
        RefusalCase{"tag_without_members",
                    [](World& w) { w.volumes[0].tags["k8s.io/etcd/main"] = "a"; },
                    Reason::VolumeTagsInvalid, "'a'"},
        RefusalCase{"tag_without_members_attached_here",
                    [](World& w) {
                      w.volumes[0].tags["k8s.io/etcd/main"] = "a";
                      w.volumes[0].attachments = {attachment(kMe)};
                    },
                    Reason::VolumeTagsInvalid, "'a'"},
        RefusalCase{"tag_of_a_stranger",
                    [](World& w) { w.volumes[0].tags["k8s.io/etcd/main"] = "d/a,b,c"; },
                    Reason::VolumeTagsInvalid, "d/a,b,c"},
        RefusalCase{"tagged_for_both",
                    [](World& w) { w.volumes[0].tags["k8s.io/etcd/events"] = "a/a,b,c"; },
                    Reason::VolumeTagsInvalid},
        RefusalCase{"no_role",
                    [](World& w) { w.volumes[0].tags.erase("k8s.io/role/control-plane"); },
                    Reason::VolumeTagsInvalid, "k8s.io/role/control-plane=1"}),
    [](auto const& row) { return row.param.name; });

TEST(Choose, ASnapshotWhoseHistoryIsTaggedIsTaken) {
  for (auto tag : {"haagent.io/formatted-at", "haagent.io/etcd-cluster-id"}) {
    auto w = world({main_volume("vol-m")});
    w.volumes[0].snapshot_id = "snap-1";
    w.volumes[0].tags[tag] = "x";
    EXPECT_EQ(said(choose(w).main), "attach vol-m as /dev/sdf") << tag;
  }
}

TEST(Choose, TheOneThatIsRecordedGoesOnBesideACopy) {
  auto w = world({main_volume("vol-m", {attachment(kMe)}), main_volume("vol-copy")});
  EXPECT_THAT(said(choose(w).main), HasSubstr("refuse: "));
  w.recorded[EtcdCluster::main] = "vol-m";
  EXPECT_EQ(said(choose(w).main), "mine vol-m");
}

TEST(Choose, VolumesThatAreBeingDeletedDoNotCount) {
  auto w = world({main_volume("vol-m"), main_volume("vol-gone")});
  w.volumes[1].state = "deleting";
  EXPECT_EQ(said(choose(w).main), "attach vol-m as /dev/sdf");
}

TEST(Choose, ABadTagOnAVolumeThatAnotherHoldsIsNotOurConcern) {
  auto w = world({main_volume("vol-m"), main_volume("vol-x", {attachment("i-other")}, "nonsense")});
  EXPECT_EQ(said(choose(w).main), "attach vol-m as /dev/sdf");
}

// --- Device names.

TEST(Choose, GivesNamesThatAreFreeHere) {
  auto w = world({main_volume("vol-m"), events_volume("vol-e")});
  w.local_names = {"xvdf"};
  w.instances[kMe] = instance(kMe, "running");
  w.instances[kMe].block_devices = {{"/dev/sda1", "vol-root"}, {"/dev/xvdg", "vol-data"}};
  w.tried_names = {"/dev/sdh"};
  auto plan = choose(w);
  EXPECT_EQ(said(plan.main), "attach vol-m as /dev/sdi");
  EXPECT_EQ(said(plan.events), "attach vol-e as /dev/sdj");
}

TEST(Choose, ANameThatABeliefHoldsIsTaken) {
  auto w = world({main_volume("vol-m"), events_volume("vol-e")});
  w.beliefs["vol-m"] = {"/dev/sdf", w.now};
  EXPECT_EQ(said(choose(w).events), "attach vol-e as /dev/sdg");
}

TEST(Choose, TriedNamesComeLastOldestFirst) {
  auto w = world({main_volume("vol-m")});
  for (char c = 'f'; c <= 'p'; ++c) w.tried_names.push_back(std::string("/dev/sd") + c);
  EXPECT_EQ(said(choose(w).main), "attach vol-m as /dev/sdf");
  w.tried_names.push_back("/dev/sdf");
  EXPECT_EQ(said(choose(w).main), "attach vol-m as /dev/sdg");
}

TEST(Choose, WaitsWhereEveryNameIsTaken) {
  auto w = world({main_volume("vol-m")});
  for (char c = 'f'; c <= 'p'; ++c) w.local_names.push_back(std::string("xvd") + c);
  EXPECT_THAT(said(choose(w).main), HasSubstr("wait: DeviceNamesExhausted vol-m"));
}

}  // namespace
}  // namespace haagent::volumes
