// A node is ready while it serves: what its components say of themselves, and what the cluster has
// of it, whatever files are in place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

class ClusterHealth : public SharedCluster<ClusterHealth> {
 public:
  static ClusterPlan plan() { return {.members = "a", .workers = 1}; }

 protected:
  void SetUp() override {
    SharedCluster<ClusterHealth>::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(region().comes_true([&] { return region().is_ready("workers"); }, 60s));
  }
  static void signal(std::string const& where, char const* name, std::string const& what) {
    auto const sent = region().sh(where, fmt::format("pkill -{} -f '{}'", name, what));
    EXPECT_EQ(sent.code, 0) << what << ": " << sent.out;
  }
  static testing::AssertionResult is_unwell(std::string const& where, std::string const& step,
                                            Reason reason, Duration within = 30s) {
    return region().comes_true(
        [&] {
          return region().step_state(where, step) != "done" &&
                 region().has_reason(where, step, reason) &&
                 region().run(where, {"haagent", "status"}).code == 1;
        },
        within);
  }
  static testing::AssertionResult is_ready_again(std::string const& where) {
    return region().comes_true([&] { return region().is_ready(where); }, 60s);
  }

  // Its processes, by their whole command lines.
  static constexpr char kKubelet[] = "^/usr/lib/haagent-sim/apiserver$";
  static constexpr char kKubeProxy[] = "^kube-proxy proxy ";
  static constexpr char kApiserver[] = "^kube-apiserver serve ";
};

TEST_F(ClusterHealth, ReadySaysThatTheNodeServes) {
  for (auto const* where : {"masters-a", "workers"}) {
    SCOPED_TRACE(where);
    EXPECT_TRUE(region().has_reason(where, "kubelet-health", Reason::KubeletHealthy));
    EXPECT_TRUE(region().has_reason(where, "node", Reason::NodeServes));
    EXPECT_TRUE(region().has_reason(where, "kube-proxy-health", Reason::KubeProxyHealthy));
    // Nobody has brought a pod network, and haagent does not wait for one.
    EXPECT_EQ(region().subject(where, "node"), "False");
  }
  EXPECT_TRUE(region().has_reason("masters-a", "apiserver", Reason::ApiserverReady));
  EXPECT_EQ(region().step_state("workers", "apiserver"), "");
}

TEST_F(ClusterHealth, AKubeletThatHangsLosesItsLeaseAndComesBack) {
  signal("workers", "STOP", kKubelet);
  EXPECT_TRUE(is_unwell("workers", "kubelet-health", Reason::KubeletUnhealthy));
  EXPECT_TRUE(is_unwell("workers", "node", Reason::NodeLeaseStale, 90s));
  EXPECT_TRUE(region().is_ready("masters-a"));
  signal("workers", "CONT", kKubelet);
  EXPECT_TRUE(is_ready_again("workers"));
}

TEST_F(ClusterHealth, AKubeletThatIsGoneMakesTheNodeNotReady) {
  signal("workers", "TERM", kKubelet);  // the instance's init does not start it again then
  EXPECT_TRUE(is_unwell("workers", "kubelet-health", Reason::KubeletUnhealthy));
  // With it went what it ran.
  EXPECT_TRUE(is_unwell("workers", "kube-proxy-health", Reason::KubeProxyUnhealthy));
  region().sh("workers", "setsid /usr/lib/haagent-sim/apiserver </dev/null >/dev/null 2>&1 &");
  EXPECT_TRUE(is_ready_again("workers"));
}

TEST_F(ClusterHealth, KubeProxyThatHangsMakesTheNodeNotReady) {
  signal("workers", "STOP", kKubeProxy);
  EXPECT_TRUE(is_unwell("workers", "kube-proxy-health", Reason::KubeProxyUnhealthy));
  signal("workers", "CONT", kKubeProxy);
  EXPECT_TRUE(is_ready_again("workers"));
}

TEST_F(ClusterHealth, WithoutItsApiserverAMasterIsNotReadyAndAWorkerIsNotKnownToBe) {
  signal("masters-a", "STOP", kApiserver);
  EXPECT_TRUE(is_unwell("masters-a", "apiserver", Reason::ApiserverNotReady));
  EXPECT_TRUE(is_unwell("workers", "node", Reason::NodeNotKnown));
  EXPECT_TRUE(region().has_reason("workers", "kubelet-health", Reason::KubeletHealthy));
  signal("masters-a", "CONT", kApiserver);
  EXPECT_TRUE(is_ready_again("masters-a"));
  EXPECT_TRUE(is_ready_again("workers"));
}

}  // namespace
}  // namespace haagent::sim
