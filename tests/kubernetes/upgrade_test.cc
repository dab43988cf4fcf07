// A new image on every node, one after another, with the next minor of Kubernetes in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/kubernetes/clients.h"
#include "tests/kubernetes/cluster.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::SizeIs;
using testing::StartsWith;

std::string next_minor(std::string const& minor) {
  return fmt::format("1.{}", std::stoi(minor.substr(2)) + 1);
}

class KubernetesUpgrade : public KubernetesTest<KubernetesUpgrade> {
 public:
  static ClusterPlan plan() {
    auto plan = plan_of_kubernetes();
    plan.more_kubernetes = next_minor(plan.kubernetes);
    plan.health_interval = "10s";
    plan.hooks = {{"launching", "600s"}, {"terminating", "180s"}};
    return plan;
  }

 protected:
  // As the README of packaging/aws says it.
  static bool may_go_on() {
    for (auto const& master : region().masters())
      if (region().run(master, {"haagent", "status", "--cluster"}).code != 0) return false;
    return true;
  }
  static void replace(std::string const& instance) {
    region().command("replace", Tree::map({{"instance", instance}}));
  }
  static std::string kubelet_of(std::string const& where) {
    return cluster().out_of("get node " + cluster().node_of(where) +
                            " -o jsonpath='{.status.nodeInfo.kubeletVersion}'");
  }
};

TEST_F(KubernetesUpgrade, EveryNodeIsRolledToTheNextMinorWhileClientsWriteAndRead) {
  auto const to = "v" + plan().more_kubernetes + ".";
  cluster().with_web();
  Clients clients(region());
  for (auto const& group : region().masters()) {
    region().use_kubernetes(group, plan().more_kubernetes);
    ASSERT_TRUE(region().comes_true(may_go_on, kComesUp)) << region().told();
    auto const old = region().instance_of(group);
    replace(old);
    ASSERT_TRUE(region().comes_true(
        [&] { return cluster().is_replaced(group, old) && region().is_ready(group); }, kComesUp))
        << region().told();
    EXPECT_THAT(kubelet_of(group), StartsWith(to));
    EXPECT_THAT(cluster().kubectl_on(group, "version -o json").out,
                testing::HasSubstr("\"gitVersion\": \"" + to));
  }
  region().use_kubernetes("workers", plan().more_kubernetes);
  for (auto const& old : cluster().workers()) {
    replace(old);
    ASSERT_TRUE(region().comes_true(
        [&] {
          auto const now = cluster().workers();
          return now.size() == 2 && std::ranges::find(now, old) == now.end() &&
                 std::ranges::all_of(now, [](auto const& id) { return region().is_ready(id); });
        },
        kComesUp))
        << region().told();
  }
  ASSERT_TRUE(cluster().gets_whole());
  // One for each master that goes.
  EXPECT_TRUE(no_client_fails_more_than(3, clients.end()));
  auto const kubelets = words_of(
      cluster().out_of("get nodes -o jsonpath='{.items[*].status.nodeInfo.kubeletVersion}'"));
  EXPECT_THAT(kubelets, testing::AllOf(SizeIs(5), Each(StartsWith(to))));
  EXPECT_TRUE(region().comes_true([] { return cluster().web_serves(); }, 2min));
}

// A launch template that was forgotten, or is ahead: its master starts no apiserver, and is put
// right by another instance.
TEST_F(KubernetesUpgrade, AMasterTwoMinorsAwayStartsNoApiserver) {
  auto const group = std::string("masters-c");
  auto const now =
      words_of(
          cluster().out_of("get nodes -o jsonpath='{.items[*].status.nodeInfo.kubeletVersion}'"))
          .front();
  auto const minor = now.substr(1, now.rfind('.') - 1);
  auto const away = fmt::format("1.{}", std::stoi(minor.substr(2)) - 2);
  region().use_kubernetes(group, away);
  auto const old = region().instance_of(group);
  replace(old);
  ASSERT_TRUE(region().comes_true(
      [&] {
        return cluster().is_replaced(group, old) &&
               region().has_reason(group, "version-skew", Reason::ApiserverVersionUnfit);
      },
      kComesUp))
      << region().told();
  EXPECT_EQ(region().step_state(group, "version-skew"), "refused");
  EXPECT_EQ(region().step_state(group, "etcd-main"), "done");
  EXPECT_NE(region().sh(group, "ls /etc/kubernetes/manifests/kube-apiserver.yaml").code, 0);
  EXPECT_EQ(cluster().kubectl_on("masters-a", "get nodes").code, 0);

  region().use_kubernetes(group, minor);
  region().power_cut({group});
  ASSERT_TRUE(cluster().gets_whole());
}

}  // namespace
}  // namespace haagent::sim
