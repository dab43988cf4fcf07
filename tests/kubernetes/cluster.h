// A cluster of Kubernetes' own programs, and what tests ask of it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {

inline constexpr Duration kComesUp{6 * 60'000};

// The minor that these tests run: HAAGENT_KUBERNETES.
std::string minor_to_run();

// Three masters and two workers, with the shutdown-delay-duration of the templates. The instances
// write their logs to HAAGENT_KUBERNETES_LOGS, if it is set.
ClusterPlan plan_of_kubernetes();

std::vector<std::string> words_of(std::string const& text);
std::vector<std::string> lines_of(std::string const& text);

class KubernetesCluster : public ClusterRegion {
 public:
  explicit KubernetesCluster(ClusterPlan const& plan)
      : ClusterRegion(plan),
        nodes_wanted_(plan.members.size() + static_cast<std::size_t>(plan.workers)) {}

  // When the first instance was powered on.
  std::chrono::system_clock::time_point const started = std::chrono::system_clock::now();

  Outcome kubectl_on(std::string const& where, std::string const& arguments) const;
  // On a master that is ready.
  Outcome kubectl(std::string const& arguments) const;
  // What it prints; empty where it fails.
  std::string out_of(std::string const& arguments) const;
  void apply(std::string const& manifest) const;

  // What keeps the cluster from being whole; empty: nothing.
  std::string unready() const;
  testing::AssertionResult gets_whole();
  // When it was for the first time.
  std::optional<std::chrono::system_clock::time_point> whole_since() const { return whole_since_; }
  // Four pods that serve, the service `web`, and a pod `client` that can ask it.
  void with_web() const;
  bool web_serves() const;

  // Whether a port-forward to what serves on 8080 ("deploy/web", a pod) answers on that port.
  bool forwards_to(std::string const& target, int port) const;

  std::vector<std::string> workers() const;  // instances that run
  // The group has another instance than this one, which is gone.
  bool is_replaced(std::string const& group, std::string const& before) const;
  std::vector<std::string> nodes() const;  // and masters
  // Of an instance or group: "ip-10-0-0-5.eu-west-1.compute.internal", and its address.
  std::string node_of(std::string const& where) const;
  std::string address_of(std::string const& where) const;

 private:
  std::size_t nodes_wanted_;
  std::optional<std::chrono::system_clock::time_point> whole_since_;
};

// For the tests of one suite, which has `static ClusterPlan plan()`: each leaves the cluster whole.
template <class Suite>
class KubernetesTest : public testing::Test {
 public:
  static void SetUpTestSuite() {
    if (why_not().empty()) cluster_ = std::make_unique<KubernetesCluster>(Suite::plan());
  }
  static void TearDownTestSuite() { cluster_.reset(); }

 protected:
  void SetUp() override {
    if (auto const why = why_not(); !why.empty()) GTEST_SKIP() << why;
    ASSERT_TRUE(cluster().gets_whole());
  }
  static KubernetesCluster& cluster() { return *cluster_; }
  static ClusterRegion& region() { return *cluster_; }

 private:
  static std::string why_not() {
    auto const plan = Suite::plan();
    auto why = no_kubernetes_because(plan.kubernetes);
    if (why.empty() && !plan.more_kubernetes.empty())
      why = no_kubernetes_because(plan.more_kubernetes);
    return why;
  }
  static inline std::unique_ptr<KubernetesCluster> cluster_;
};

}  // namespace haagent::sim
