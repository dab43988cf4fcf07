// Masters that go in good order: what is done before the machine is off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <sstream>

#include "tests/integration/cluster_region.h"
#include "tests/integration/cluster_writer.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ClusterHandover : public SharedCluster<ClusterHandover> {
 public:
  static ClusterPlan plan() {
    return {.workers = 1, .hooks = {{"terminating", "60s"}, {"launching", "120s"}}};
  }

 protected:
  static std::string leader(EtcdCluster cluster) {
    std::string found;
    EXPECT_TRUE(region().comes_true([&] {
      for (auto const& master : region().masters())
        if (region().leads(master, cluster)) found = master;
      return !found.empty();
    }));
    return found;
  }
  static void command(std::string const& name, std::string const& instance) {
    region().command(name, Tree::map({{"instance", instance}}));
  }
  // It is gone, and the group has another.
  static bool replaced(std::string const& group, std::string const& before) {
    auto const now = region().instance_of(group);
    auto const state = region().instance(before).text_at("state");
    return !now.empty() && now != before && (state.empty() || state == "terminated");
  }
  static std::string lifecycle(std::string const& id) {
    return region().instance(id).text_at("lifecycle");
  }
  static pid_t etcd_of(std::string const& where) {
    auto const found = region().sh(where, "pgrep -f '^/usr/bin/etcd .*main'");
    return found.code == 0 ? std::stoi(found.out) : 0;
  }
  static std::string agent_of(std::string const& where) {
    return region().sh(where, "pgrep -f '^/usr/sbin/haagent run'").out;
  }
};

TEST_F(ClusterHandover, TheTerminatingHookMovesLeaderVolumesAndMembersWithoutLoss) {
  auto const group = leader(EtcdCluster::main);
  auto const old = region().instance_of(group);
  auto const members = region().members(group, EtcdCluster::main);
  auto const volume = region().volume_id(fmt::format("main-{}", group.back()));
  Writer writer(region());
  command("replace", old);
  ASSERT_TRUE(region().comes_true([&] { return replaced(group, old); }, 60s)) << region().told();
  ASSERT_TRUE(region().gets_ready()) << region().told();

  auto const calls = region().calls(old);
  EXPECT_EQ(calls.at("ec2:DetachVolume"), 2);
  EXPECT_GE(calls.at("autoscaling:CompleteLifecycleAction"), 1);
  // The volume was free before its old owner was off.
  auto const detached = region().moments(volume, "available");
  auto const off = region().moments(old, "power off");
  ASSERT_FALSE(detached.empty()) << region().timeline();
  ASSERT_FALSE(off.empty());
  EXPECT_LT(detached.back(), off.back());
  auto const acknowledged = writer.all();
  EXPECT_GE(acknowledged.size(), 10u);
  for (auto const& master : region().masters())
    EXPECT_EQ(writer.missing_on(master, acknowledged), std::vector<std::string>()) << master;
  EXPECT_EQ(region().members(group, EtcdCluster::main), members);
  EXPECT_EQ(lifecycle(region().instance_of(group)), "InService");
}

TEST_F(ClusterHandover, ARestartOfTheAgentLeavesEtcdRunning) {
  auto const etcd = etcd_of("masters-a");
  ASSERT_GT(etcd, 0);
  auto const agent = agent_of("masters-a");
  ASSERT_EQ(region().sh("masters-a", "kill -TERM " + agent).code, 0);
  ASSERT_TRUE(region().comes_true([&] { return agent_of("masters-a").empty(); }));
  EXPECT_EQ(etcd_of("masters-a"), etcd);
  ASSERT_EQ(
      region()
          .sh("masters-a", "setsid /usr/sbin/haagent run </dev/null >>/var/log/haagent.log 2>&1 &")
          .code,
      0);
  ASSERT_TRUE(region().gets_ready());
  EXPECT_EQ(etcd_of("masters-a"), etcd);
  EXPECT_EQ(region().calls(region().instance_of("masters-a"))["ec2:DetachVolume"], 0);
}

TEST_F(ClusterHandover, ARebootEndsEtcdCleanlyAndKeepsTheVolumes) {
  auto const id = region().instance_of("masters-b");
  region().command("reboot", Tree::map({{"instances", Tree::list({id})}}));
  ASSERT_TRUE(region().comes_true(
      [&] { return !region().moments(id, "rebooted").empty() && region().is_ready("masters-b"); }));
  ASSERT_TRUE(region().gets_ready());
  EXPECT_EQ(region().instance_of("masters-b"), id);
  EXPECT_EQ(region().calls(id)["ec2:DetachVolume"], 0);
  EXPECT_EQ(region().sh("masters-b", "grep -q 'the machine reboots' /var/log/haagent.log").code, 0);
}

TEST_F(ClusterHandover, ARebalanceRecommendationMovesTheLeadersAndNothingElse) {
  auto const group = leader(EtcdCluster::main);
  auto const id = region().instance_of(group);
  auto const etcd = etcd_of(group);
  command("rebalance", id);
  ASSERT_TRUE(region().comes_true([&] { return !region().leads(group, EtcdCluster::main); }))
      << region().told();
  EXPECT_NE(leader(EtcdCluster::main), group);
  ASSERT_TRUE(region().gets_ready());
  EXPECT_EQ(region().instance_of(group), id);
  EXPECT_EQ(etcd_of(group), etcd);
  EXPECT_EQ(region().calls(id)["ec2:DetachVolume"], 0);
}

TEST_F(ClusterHandover, ASpotNoticeFreesTheVolumesBeforeTheInstanceEnds) {
  auto const old = region().instance_of("masters-c");
  region().command("spot-notice", Tree::map({{"instance", old}, {"in", "40s"}}));
  ASSERT_TRUE(region().comes_true([&] { return region().holder_of("main-c") != old; }))
      << region().told();
  EXPECT_TRUE(
      region().comes_true([&] { return region().status(old).text_at("phase") == "handed over"; }));
  EXPECT_EQ(region().instance(old).text_at("state"), "running");
  ASSERT_TRUE(region().comes_true([&] { return replaced("masters-c", old); }, 90s));
  ASSERT_TRUE(region().gets_ready());
}

// The group has this instance as Terminating, and no hook waits nor will: its volumes come back
// once it is off, so the agent must not hold it.
TEST_F(ClusterHandover, AnInstanceThatIsEndedWithoutItsHookDoesNotWaitForOne) {
  auto const old = region().instance_of("masters-b");
  region().command("terminate", Tree::map({{"instances", Tree::list({old})}}));
  ASSERT_TRUE(region().comes_true([&] { return replaced("masters-b", old); }, 60s));
  EXPECT_THAT(region().log_of(old), HasSubstr("haagent stops; what it started goes on"));
  ASSERT_TRUE(region().gets_ready());
}

// Killed again and again on its way out: it goes on where it was, and nothing is lost.
TEST_F(ClusterHandover, AnAgentThatIsKilledWhileHandingOverGoesOn) {
  // The test before started the agent of masters-a by hand: nobody starts that one again.
  auto const leads = leader(EtcdCluster::events);
  auto const group = leads == "masters-a" ? "masters-b" : leads;
  auto const old = region().instance_of(group);
  Writer writer(region());
  ASSERT_EQ(region()
                .sh(old,
                    "setsid sh -c 'until grep -q \"hands over: its\" /var/log/haagent.log; do "
                    "sleep 0.02; done; for i in 1 2 3; do pkill -KILL -x haagent; sleep 1.2; done' "
                    "</dev/null >/dev/null 2>&1 &")
                .code,
            0);
  command("replace", old);
  ASSERT_TRUE(region().comes_true([&] { return replaced(group, old); }, 90s)) << region().told();
  ASSERT_TRUE(region().gets_ready()) << region().told();
  EXPECT_TRUE(region().moments(old, "lifecycle hook", "timed out").empty()) << region().timeline();
  auto const acknowledged = writer.all();
  for (auto const& master : region().masters())
    EXPECT_EQ(writer.missing_on(master, acknowledged), std::vector<std::string>()) << master;
}

TEST_F(ClusterHandover, AMissingPermissionIsToldAndTheHookCompletedAllTheSame) {
  auto const old = region().instance_of("masters-b");
  region().api("deny", Tree::map({{"action", Tree::list({"DetachVolume"})}}));
  command("replace", old);
  ASSERT_TRUE(region().comes_true([&] { return replaced("masters-b", old); }, 60s))
      << region().told();
  region().api("ok");
  EXPECT_TRUE(region().moments(old, "lifecycle hook", "timed out").empty()) << region().timeline();
  EXPECT_GE(region().calls(old)["ec2:DetachVolume"], 1) << region().log_of(old);
  ASSERT_TRUE(region().gets_ready());
}

TEST_F(ClusterHandover, AnOperatorGivesAMasterUpAndTakesItBack) {
  auto const id = region().instance_of("masters-a");
  auto const asked = region().run("masters-a", {"haagent", "hand-over"});
  EXPECT_EQ(asked.code, 0) << asked.out;
  EXPECT_EQ(region().holder_of("main-a"), "");
  EXPECT_EQ(region().holder_of("events-a"), "");
  EXPECT_EQ(etcd_of("masters-a"), 0);
  auto const undone = region().run("masters-a", {"haagent", "hand-over", "--undo"});
  EXPECT_EQ(undone.code, 0) << undone.out;
  ASSERT_TRUE(region().gets_ready());
  EXPECT_EQ(region().holder_of("main-a"), id);
}

// An apiserver that is to end serves on until the load balancer has turned to the others, and its
// etcd must do so for as long.
TEST(ClusterWithdrawal, NoClientSeesAnApiserverWithoutItsEtcd) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.workers = 1, .shutdown_delay = "8s"});
  ASSERT_TRUE(region.gets_ready()) << region.told();
  ASSERT_TRUE(region.comes_true([&] { return region.is_ready("workers"); }));
  // One that leads neither: a leader that moves is another matter.
  std::string group;
  ASSERT_TRUE(region.comes_true([&] {
    for (auto const& each : region.masters())
      if (!region.leads(each, EtcdCluster::main) && !region.leads(each, EtcdCluster::events))
        group = each;
    return !group.empty();
  }));
  // The balancer's own checks may be behind what the masters say of themselves.
  std::string const through_it = "https://10.255.0.10";
  ASSERT_TRUE(region.comes_true([&] {
    return region.run("workers", {"curl", "-skf", "-m", "2", through_it + "/healthz"}).code == 0;
  }));
  // A client that asks some twenty times a second. What it got, one line each: the status, curl's
  // own exit code and how long it took.
  auto asks = [&](std::string const& where, std::string const& url) {
    EXPECT_EQ(region
                  .sh(where, fmt::format("setsid sh -c \"while :; do curl -sk -m 5 -o /dev/null -w "
                                         "'%{{http_code}} curl %{{exitcode}} after %{{time_total}} "
                                         "s\\n' {}/healthz; sleep 0.05; done\" "
                                         "</dev/null >/var/log/codes 2>/dev/null &",
                                         url))
                  .code,
              0);
  };
  auto answers = [&](std::string const& where) {
    std::map<std::string, int> counted;
    std::istringstream lines(region.sh(where, "cat /var/log/codes").out);
    for (std::string line; std::getline(lines, line);) ++counted[line.substr(0, 3)];
    return counted;
  };
  auto told = [&](std::string const& where) {
    return region.sh(where, "grep -n -v ^200 /var/log/codes; wc -l /var/log/codes").out;
  };
  asks(group, "https://127.0.0.1:6443");
  asks("workers", through_it);
  ASSERT_TRUE(region.comes_true(
      [&] { return answers(group)["200"] > 20 && answers("workers")["200"] > 20; }));
  auto const before = answers(group);
  ASSERT_EQ(before.size(), 1u) << "it was well";
  ASSERT_EQ(answers("workers").size(), 1u) << told("workers");

  auto const asked = region.run(group, {"haagent", "hand-over"});
  EXPECT_EQ(asked.code, 0) << asked.out;
  EXPECT_TRUE(region.has_reason(group, "withdraw", Reason::ApiserverEnded));
  auto on_it = answers(group);
  // 8 s of serving on; a busy machine asks less often.
  EXPECT_GT(on_it["200"], before.at("200") + 20);
  EXPECT_GT(on_it["000"], 0) << "then nobody listens";
  EXPECT_EQ(on_it["503"], 0) << "its etcd had gone";
  auto by_balancer = answers("workers");
  EXPECT_EQ(by_balancer["503"], 0) << told("workers");
  // The balancer cuts what is under way when it finds a target unready.
  EXPECT_LE(by_balancer["000"], 1) << told("workers");
  EXPECT_GT(by_balancer["200"], 50);
}

TEST(ClusterLaunching, TheHookIsCompletedOnlyOnceTheMembersAreHealthyVoters) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.hooks = {{"launching", "30s"}}, .launched = false});
  region.launch("masters-a");
  ASSERT_TRUE(region.comes_true([&] {
    auto const id = region.instance_of("masters-a");
    return !id.empty() && region.step_state("masters-a", "etcd-main") == "waiting" &&
           region.calls(id)["autoscaling:RecordLifecycleActionHeartbeat"] >= 2;
  }));
  auto const id = region.instance_of("masters-a");
  EXPECT_EQ(region.instance(id).text_at("lifecycle"), "Pending:Wait");
  EXPECT_EQ(region.calls(id)["autoscaling:CompleteLifecycleAction"], 0);
  for (auto const* other : {"masters-b", "masters-c"}) region.launch(other);
  ASSERT_TRUE(region.comes_true(
      [&] { return region.instance(id).text_at("lifecycle") == "InService"; }, 60s))
      << region.told();
  // Its own member is a voter by then; the others may still be on their way.
  auto const members = region.members("masters-a", EtcdCluster::main);
  auto const own = std::ranges::find(members, "etcd-a", &Member::name);
  ASSERT_NE(own, members.end());
  EXPECT_TRUE(own->started && !own->learner);
}

TEST(ClusterWarmPool, AWarmMasterPreparesAndAttachesNothingAndPowersOffWithoutAHook) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.members = "a", .launched = false});
  auto const id =
      region.command("run-warm", Tree::map({{"group", "masters-a"}})).text_at("instance");
  ASSERT_TRUE(region.comes_true([&] {
    return region.status(id).text_at("phase") == "in the warm pool";
  })) << region.told();
  EXPECT_TRUE(region.comes_true([&] { return region.step_state(id, "kube-files") == "done"; }));
  EXPECT_EQ(region.calls(id)["ec2:AttachVolume"], 0);
  EXPECT_EQ(region.holder_of("main-a"), "");
  region.command("leave-warm-pool", Tree::map({{"instance", id}}));
  ASSERT_TRUE(region.comes_true([&] { return region.is_ready(id); }, 60s)) << region.told();
  EXPECT_EQ(region.holder_of("main-a"), id);

  // Its group has no hooks: that is told, and a power-off hands over all the same.
  EXPECT_TRUE(region.has_reason(id, "launching-hook", Reason::HookNotReached));
  EXPECT_EQ(region.subject(id, "launching-hook"), "InService");
  region.command("stop", Tree::map({{"instances", Tree::list({id})}}));
  ASSERT_TRUE(region.comes_true([&] { return !region.moments(id, "stopped").empty(); }))
      << region.told();
  EXPECT_EQ(region.calls(id)["ec2:DetachVolume"], 2) << region.log_of(id);
  EXPECT_NE(region.holder_of("main-a"), id);
}

}  // namespace
}  // namespace haagent::sim
