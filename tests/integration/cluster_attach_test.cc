// Volumes that are slow, refused, contended or missing: each instance takes one whole pair or says
// what it waits for. Only etcd's disks matter here; two pairs of three are in one zone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Names = std::vector<std::string>;

// What is free, or may be had now, is asked for within 5 s; and as much again, in milliseconds, for
// a machine that runs many tests at once.
constexpr int kWithin = 10'000;

// Every volume that this instance was ever given, as often as it was.
Names ever_attached(ClusterRegion const& region, std::string const& instance) {
  Names names;
  for (auto name : {"main-a", "main-b", "events-a", "events-b"})
    for ([[maybe_unused]] auto moment :
         region.moments(region.volume_id(name), "attaching", "to " + instance))
      names.push_back(name);
  return names;
}

bool has_mounted_both(ClusterRegion const& region, std::string const& where) {
  return region.step_state(where, "mount-main") == "done" &&
         region.step_state(where, "mount-events") == "done";
}

class ClusterAttach : public testing::Test {
 public:
  static void SetUpTestSuite() {
    if (!no_cluster_because().empty()) return;
    region_ = two_pairs();
    // These take more than a minute: they begin before all others, and are asked at the end.
    stuck_ = two_pairs();
    stuck_->command("stuck-attach", Tree::map({{"count", 1}}));
    stuck_->launch("masters-a");
    throttled_ = two_pairs();
    throttled_->api("throttle",
                    Tree::map({{"next", 20}, {"action", Tree::list({"AttachVolume"})}}));
    throttled_->launch("masters-a");
  }
  static void TearDownTestSuite() {
    for (auto* each : {&region_, &stuck_, &throttled_}) each->reset();
  }

 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  }
  // Back to what it was: nobody there, every volume free.
  void TearDown() override {
    if (!region_) return;
    region_->api("ok");
    region_->command("lag", Tree::map({{"by", "0s"}}));
    region_->command("running-delay", Tree::map({{"delay", "0s"}}));
    for (auto group : {"masters-a", "masters-b"}) region_->launch(group, 0);
    for (auto const& id : extra_) region_->power_cut({id});
    EXPECT_TRUE(region_->comes_true([&] {
      for (auto name : {"main-a", "main-b", "events-a", "events-b"})
        if (region_->volume(name).text_at("state") != "available") return false;
      return true;
    }));
  }

  static std::unique_ptr<ClusterRegion> two_pairs() {
    return std::make_unique<ClusterRegion>(
        ClusterPlan{.members = "abc", .zones = "aab", .launched = false});
  }
  static ClusterRegion& region() { return *region_; }
  std::string launched(std::string const& group) {
    region().launch(group);
    std::string id;
    EXPECT_TRUE(region().comes_true([&] {
      id = region().instance_of(group);
      return !id.empty();
    }));
    return id;
  }
  std::string one_more() {
    auto const id =
        region().command("run-instance", Tree::map({{"like", "masters-a"}})).text_at("instance");
    extra_.push_back(id);
    return id;
  }
  static auto is_one_pair() {
    return AnyOf(ElementsAre("main-a", "events-a"), ElementsAre("main-b", "events-b"));
  }

  static inline std::unique_ptr<ClusterRegion> region_, stuck_, throttled_;
  Names extra_;
};

TEST_F(ClusterAttach, WhileDescribesLagTheTruth) {
  region().command("lag", Tree::map({{"by", "5s"}}));
  auto const id = launched("masters-a");
  ASSERT_TRUE(region().comes_true([&] { return has_mounted_both(region(), id); }, 60s));
  EXPECT_THAT(ever_attached(region(), id), is_one_pair());
  EXPECT_EQ(region().calls(id)["ec2:AttachVolume"], 2) << "the answer to the call is believed";
}

TEST_F(ClusterAttach, BeforeTheInstanceIsRunning) {
  region().command("running-delay", Tree::map({{"delay", "3s"}}));
  auto const id = launched("masters-a");
  ASSERT_TRUE(region().comes_true([&] { return has_mounted_both(region(), id); }, 60s));
  auto const running = region().moments(id, "running");
  ASSERT_EQ(running.size(), 1u);
  for (auto const& name : ever_attached(region(), id)) {
    auto const attaching = region().moments(region().volume_id(name), "attaching", "to " + id);
    EXPECT_GE(attaching.front(), running.front());
    EXPECT_LE(attaching.front() - running.front(), kWithin) << name;
  }
  EXPECT_THAT(ever_attached(region(), id), is_one_pair());
}

TEST_F(ClusterAttach, AMissingPermissionIsNamedAtOnce) {
  region().api("deny", Tree::map({{"action", Tree::list({"AttachVolume"})}}));
  auto const id = launched("masters-a");
  ASSERT_TRUE(
      region().comes_true([&] { return region().step_state(id, "volume-main") == "failed"; }, 10s));
  EXPECT_TRUE(region().has_reason(id, "volume-main", Reason::PermissionDenied));
  EXPECT_EQ(region().subject(id, "volume-main"), "ec2:AttachVolume UnauthorizedOperation");
  auto const page = region().run(id, {"haagent", "status", "-v"});
  EXPECT_EQ(page.code, 1);
  EXPECT_THAT(page.out, HasSubstr("ec2:AttachVolume"));

  region().api("ok");  // granted; nobody has to start anything again
  EXPECT_TRUE(region().comes_true([&] { return has_mounted_both(region(), id); }, 60s));
}

// Three masters come up at once in a zone with two pairs.
TEST_F(ClusterAttach, EachOfARaceHasAWholePairOrWaitsForItsOwner) {
  region().launch("masters-a");
  region().launch("masters-b");
  auto const third = one_more();
  Names ids;
  ASSERT_TRUE(region().comes_true(
      [&] {
        ids = {region().instance_of("masters-a"), region().instance_of("masters-b"), third};
        return std::ranges::count_if(
                   ids, [&](auto const& id) { return has_mounted_both(region(), id); }) == 2;
      },
      60s));
  std::string waits;
  std::set<Names> pairs;
  for (auto const& id : ids) {
    Names now;
    for (auto name : {"main-a", "main-b", "events-a", "events-b"})
      if (region().holder_of(name) == id) now.push_back(name);
    if (now.empty())
      waits = id;
    else
      EXPECT_THAT(now, is_one_pair());
    pairs.insert(now);
  }
  EXPECT_EQ(pairs.size(), 3u);
  ASSERT_NE(waits, "");

  // The one that goes without says who has them; it takes nothing away, whatever becomes of those.
  auto const holder = region().holder_of("main-a");
  ASSERT_TRUE(region().comes_true([&] {
    return region().step_state(waits, "volume-main") == "waiting" &&
           region().has_reason(waits, "volume-main", Reason::VolumeHeldElsewhere) &&
           region().subject(waits, "volume-main").contains(holder + " (running)");
  }));
  region().command("freeze", Tree::map({{"instance", holder}}));
  region().command("reset-counts");
  ASSERT_TRUE(
      region().comes_true([&] { return region().calls(waits)["ec2:DescribeVolumes"] >= 2; }));
  EXPECT_TRUE(region().has_reason(waits, "volume-main", Reason::VolumeHeldElsewhere));
  EXPECT_THAT(region().subject(waits, "volume-main"), HasSubstr(holder + " (running)"));
  for (auto const& [action, count] : region().calls(waits))
    EXPECT_FALSE(action.starts_with("ec2:") && !action.starts_with("ec2:Describe")) << action;
  EXPECT_EQ(region().holder_of("main-a"), holder);
  region().command("thaw", Tree::map({{"instance", holder}}));
}

// ---- with regions of their own

// The old owner is gone and EC2 takes its time.
TEST_F(ClusterAttach, AFreedVolumeIsAttachedWithinFiveSeconds) {
  ClusterRegion region({.members = "a", .delays = {{"release", "20s"}}});
  ASSERT_TRUE(region.gets_ready());
  auto const old = region.instance_of("masters-a");
  ASSERT_TRUE(region.put("masters-a", EtcdCluster::main, "before", "kept"));
  region.power_cut({old});
  std::string next;
  ASSERT_TRUE(region.comes_true([&] {
    next = region.instance_of("masters-a");
    return !next.empty() && next != old &&
           region.has_reason(next, "volume-main", Reason::VolumeHeldElsewhere) &&
           region.subject(next, "volume-main").contains(old + " (terminated)");
  }));
  EXPECT_EQ(region.step_state(next, "volume-main"), "waiting");

  ASSERT_TRUE(region.gets_ready());
  for (auto name : {"main-a", "events-a"}) {
    auto const id = region.volume_id(name);
    auto const freed = region.moments(id, "available");
    auto const attaching = region.moments(id, "attaching", "to " + next);
    ASSERT_FALSE(freed.empty());
    ASSERT_EQ(attaching.size(), 1u);
    EXPECT_GE(attaching.front(), freed.back());
    EXPECT_LE(attaching.front() - freed.back(), kWithin) << name;
  }
  EXPECT_EQ(region.calls(next)["ec2:DetachVolume"], 0);
  EXPECT_EQ(region.get("masters-a", EtcdCluster::main, "before"), "kept");
}

TEST_F(ClusterAttach, WithoutAnEventsVolumeMainServesAndTheRestFollows) {
  ClusterRegion region({.members = "a", .without = {"events-a"}});
  ASSERT_TRUE(region.comes_true([&] {
    return !region.instance_of("masters-a").empty() &&
           region.is_whole("masters-a", EtcdCluster::main, 1) &&
           region.step_state("masters-a", "volume-events") == "waiting" &&
           region.step_state("masters-a", "etcd-main") == "done";
  }));
  EXPECT_TRUE(region.put("masters-a", EtcdCluster::main, "without-events", "written"));
  auto const page = region.run("masters-a", {"haagent", "status", "-v"});
  EXPECT_EQ(page.code, 3);
  EXPECT_TRUE(region.has_reason("masters-a", "volume-events", Reason::VolumeMissing));
  for (auto words : {"k8s.io/etcd/events", "eu-west-1a"}) {
    EXPECT_THAT(region.sentence("masters-a", "volume-events"), HasSubstr(words));
    EXPECT_THAT(page.out, HasSubstr(words));
  }
  auto const apiserver = "test -e /etc/kubernetes/manifests/kube-apiserver.yaml";
  EXPECT_NE(region.sh("masters-a", apiserver).code, 0) << "it would crash-loop";

  region.create_volume("events-a", "eu-west-1a", EtcdCluster::events, "a/a");
  ASSERT_TRUE(region.gets_ready(60s));
  EXPECT_EQ(region.sh("masters-a", apiserver).code, 0);
  EXPECT_EQ(region.get("masters-a", EtcdCluster::main, "without-events"), "written");
}

// ---- begun with the suite

TEST_F(ClusterAttach, ThrottledTwentyTimes) {
  auto& throttled = *throttled_;
  std::string id;
  ASSERT_TRUE(throttled.comes_true(
      [&] {
        id = throttled.instance_of("masters-a");
        return !id.empty() && has_mounted_both(throttled, id);
      },
      200s));
  EXPECT_THAT(ever_attached(throttled, id), is_one_pair());
  EXPECT_EQ(throttled.calls(id)["ec2:AttachVolume"], 20 + 2);
}

TEST_F(ClusterAttach, AnAttachmentThatHangsIsGivenUpForAnotherName) {
  auto& stuck = *stuck_;
  std::string id;
  ASSERT_TRUE(stuck.comes_true(
      [&] {
        id = stuck.instance_of("masters-a");
        return !id.empty() && has_mounted_both(stuck, id);
      },
      150s));
  auto const given = ever_attached(stuck, id);
  EXPECT_EQ(given.size(), 3u) << testing::PrintToString(given);
  EXPECT_THAT(std::set(given.begin(), given.end()),
              AnyOf(std::set<std::string>{"main-a", "events-a"},
                    std::set<std::string>{"main-b", "events-b"}));
  std::string hung;
  for (auto const& name : given)
    if (std::ranges::count(given, name) == 2) hung = stuck.volume_id(name);
  EXPECT_EQ(stuck.moments(hung, "attaching", "stuck").size(), 1u);
  std::set<std::string> devices;
  for (auto device : {"/dev/sdf", "/dev/sdg", "/dev/sdh"})
    if (!stuck.moments(hung, "attaching", device).empty()) devices.insert(device);
  EXPECT_EQ(devices.size(), 2u);
}

}  // namespace
}  // namespace haagent::sim
