// What clients of the apiservers see of masters that go in good order, behind the health checks of
// the templates' load balancer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/kubernetes/clients.h"
#include "tests/kubernetes/cluster.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

// The load balancer turns away after two, ten seconds apart; what clients see until then counts.
constexpr auto kTwoHealthChecks = 25s;

class KubernetesHandover : public KubernetesTest<KubernetesHandover> {
 public:
  static ClusterPlan plan() {
    auto plan = plan_of_kubernetes();
    plan.health_interval = "10s";
    plan.hooks = {{"launching", "600s"}, {"terminating", "180s"}};
    return plan;
  }

 protected:
  void SetUp() override {
    KubernetesTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // Clients of the test before have counted in it.
    ASSERT_EQ(cluster().kubectl("delete configmap of-writer-new-3 --ignore-not-found").code, 0);
  }
  static testing::AssertionResult clients_write() {
    return region().comes_true([] {
      auto const count =
          cluster().out_of("get configmap of-writer-new-3 -o jsonpath='{.data.count}'");
      return !count.empty() && std::stoi(count) >= 50;
    });
  }
  // The one that clients would miss the most: it leads etcd, and so does its apiserver's lease.
  static std::string leader() {
    for (auto const& master : region().masters())
      if (region().leads(master, EtcdCluster::main)) return master;
    return region().masters().front();
  }
};

TEST_F(KubernetesHandover, AClientFailsOnceAtMostWhenAnOperatorGivesAMasterUp) {
  auto const group = leader();
  Clients clients(region());
  ASSERT_TRUE(clients_write());
  auto const asked = region().run(group, {"haagent", "hand-over"});
  EXPECT_EQ(asked.code, 0) << asked.out;
  std::this_thread::sleep_for(kTwoHealthChecks);
  EXPECT_TRUE(no_client_fails_more_than(1, clients.end()));
  auto const undone = region().run(group, {"haagent", "hand-over", "--undo"});
  EXPECT_EQ(undone.code, 0) << undone.out;
}

TEST_F(KubernetesHandover, AClientFailsOnceAtMostWhenTheGroupReplacesAMaster) {
  auto const group = leader();
  auto const old = region().instance_of(group);
  Clients clients(region());
  ASSERT_TRUE(clients_write());
  region().command("replace", Tree::map({{"instance", old}}));
  EXPECT_TRUE(region().comes_true(
      [&] { return cluster().is_replaced(group, old) && region().is_ready(group); }, 5min))
      << region().told();
  std::this_thread::sleep_for(kTwoHealthChecks);
  EXPECT_TRUE(no_client_fails_more_than(1, clients.end()));
}

}  // namespace
}  // namespace haagent::sim
