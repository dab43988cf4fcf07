// A cluster that has lost every etcd volume, brought back from its backups under real apiservers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/integration/cluster_lost.h"
#include "tests/kubernetes/cluster.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::UnorderedElementsAreArray;

class KubernetesRestore : public KubernetesTest<KubernetesRestore> {
 public:
  static ClusterPlan plan() { return plan_of_kubernetes(); }

 protected:
  static std::vector<std::string> apiservers() {
    return words_of(cluster().out_of(
        "get endpointslice kubernetes -o jsonpath='{.endpoints[*].addresses[0]}'"));
  }
  static std::vector<std::string> uids_of_web() {
    return words_of(cluster().out_of("get pods -l app=web -o jsonpath='{.items[*].metadata.uid}'"));
  }
  // Volumes, and the masters with them; blank ones take their place.
  static void lose_every_volume() {
    for (auto const& master : region().masters()) region().launch(master, 0);
    for (auto each : {'a', 'b', 'c'})
      for (auto which : kEtcdClusters) {
        auto const name = fmt::format("{}-{}", to_string(which), each);
        auto const id = region().volume_id(name);
        ASSERT_TRUE(region().comes_true(
            [&] { return region().volume(id).text_at("state") == "available"; }, 2min));
        auto const deleted = region().aws({"ec2", "delete-volume", "--volume-id", id});
        ASSERT_EQ(deleted.code, 0) << deleted.out;
        region().create_volume(name, fmt::format("eu-west-1{}", each), which,
                               fmt::format("{}/a,b,c", each));
      }
  }
  static bool every_master_waits_for_a_restore() {
    return std::ranges::all_of(region().masters(), [](auto const& master) {
      return region().has_reason(master, "etcd-main", Reason::BackupsFound) &&
             region().has_reason(master, "etcd-events", Reason::BackupsFound);
    });
  }
};

TEST_F(KubernetesRestore, ALostClusterComesBackFromItsBackups) {
  cluster().with_web();
  auto const pods = uids_of_web();
  ASSERT_EQ(pods.size(), 4u);
  ASSERT_EQ(cluster().kubectl("create configmap precious --from-literal=is=kept").code, 0);
  auto const token = cluster().out_of("create token default --duration 2h");
  ASSERT_FALSE(token.empty());
  for (auto const* which : {"", " --cluster events"}) {
    auto const backup = haagent_etcd(region(), "masters-b", std::string("backup") + which);
    ASSERT_EQ(backup.code, 0) << backup.out;
  }
  ASSERT_EQ(cluster().kubectl("create configmap later --from-literal=is=gone").code, 0);

  lose_every_volume();
  for (auto const& master : region().masters()) region().launch(master);
  ASSERT_TRUE(region().comes_true([] { return every_master_waits_for_a_restore(); }, 3min))
      << region().told();
  auto const began = std::chrono::steady_clock::now();
  for (auto const* which : {"", " --cluster events"}) {
    EtcdCommand const restored(region(), "masters-a", std::string("restore --latest") + which);
    ASSERT_TRUE(restored.ends_with(0, 3min));
  }
  ASSERT_TRUE(cluster().gets_whole());
  std::printf("restore begun to every node and pod ready: %lld s\n",
              static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(
                                         std::chrono::steady_clock::now() - began)
                                         .count()));

  EXPECT_EQ(cluster().out_of("get configmap precious -o jsonpath='{.data.is}'"), "kept");
  EXPECT_NE(cluster().kubectl("get configmap later").code, 0);
  // The apiservers of before had their leases in the backup.
  std::vector<std::string> addresses;
  for (auto const& master : region().masters())
    addresses.push_back(region().instance(region().instance_of(master)).text_at("address"));
  EXPECT_TRUE(region().comes_true(
      [&] {
        auto now = apiservers();
        std::ranges::sort(now);
        std::ranges::sort(addresses);
        return now == addresses;
      },
      1min))
      << testing::PrintToString(apiservers());
  // Tokens of service accounts stay valid: the key that signs them is in the state store.
  auto const who =
      region().sh("masters-a",
                  "kubectl --kubeconfig /dev/null --server https://10.255.0.10 "
                  "--certificate-authority /etc/kubernetes/pki/ca.crt auth whoami --token " +
                      token);
  EXPECT_EQ(who.code, 0) << who.out;
  EXPECT_THAT(who.out, HasSubstr("system:serviceaccount:default:default"));
  // Pods of workers went on all the time.
  EXPECT_THAT(uids_of_web(), UnorderedElementsAreArray(pods));
  EXPECT_TRUE(region().comes_true([] { return cluster().web_serves(); }, 1min));
  EXPECT_EQ(cluster().kubectl("exec deploy/client -- curl -sf -m 5 http://web/").code, 0);
}

}  // namespace
}  // namespace haagent::sim
