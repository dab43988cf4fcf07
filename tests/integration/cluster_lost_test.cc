// A cluster that is lost, brought back by an operator's command on one master.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/base/facts.h"
#include "tests/integration/cluster_lost.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr char const* kLease = "/registry/masterleases/10.9.9.9";

class ClusterLost : public testing::Test {
 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    region_.emplace(plan_of_a_lost_cluster());
    ASSERT_TRUE(region().gets_ready());
  }
  ClusterRegion& region() { return *region_; }
  Outcome haagent(std::string const& where, std::string const& arguments) {
    return haagent_etcd(region(), where, arguments);
  }
  std::optional<ClusterRegion> region_;
};

TEST_F(ClusterLost, OneCommandBringsAllMembersBackFromABackup) {
  auto const main = EtcdCluster::main;
  auto const before = region().cluster_id("masters-a", main);
  ASSERT_TRUE(region().put("masters-a", main, "precious", "yes"));
  ASSERT_TRUE(region().put("masters-a", main, kLease, "{}"));
  auto const backup = haagent("masters-b", "backup");
  ASSERT_EQ(backup.code, 0) << backup.out;
  ASSERT_TRUE(region().put("masters-a", main, "later", "gone"));

  // While it serves, nobody breaks it.
  auto refused = haagent("masters-a", "restore");
  EXPECT_EQ(refused.code, 77) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::QuorumServes)) << refused.out;
  refused = haagent("masters-a", "recover --lose-newer-writes");
  EXPECT_EQ(refused.code, 77) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::QuorumServes)) << refused.out;

  lose_volumes_of(region(), "abc");
  for (auto const& master : region().masters()) region().launch(master);
  ASSERT_TRUE(region().comes_true([&] {
    return std::ranges::all_of(region().masters(), [&](auto const& master) {
      return region().sentence(master, "etcd-main").contains("'haagent etcd restore'");
    });
  })) << region().told();

  EtcdCommand const restored(region(), "masters-a", "restore --latest");
  ASSERT_TRUE(restored.ends_with(0));
  ASSERT_TRUE(region().gets_ready()) << region().told();
  auto const after = region().cluster_id("masters-a", main);
  EXPECT_NE(after, before);
  for (auto const& master : region().masters()) {
    EXPECT_EQ(region().cluster_id(master, main), after);
    EXPECT_EQ(region().get(master, main, "precious"), "yes") << master;
    EXPECT_EQ(region().get(master, main, "later"), "") << master;
    EXPECT_EQ(region().get(master, main, kLease), "") << "an apiserver that is dead";
  }
  EXPECT_TRUE(region().is_whole("masters-a", main, 3));
  auto const status = region().etcdctl("masters-a", main, {"get", "precious", "-w", "json"});
  if (can_raise_revisions()) {
    EXPECT_THAT(status.out, testing::ContainsRegex("\"revision\":10000000[0-9][0-9]"));
  }

  // It is over: nothing of it is done again, and there is nothing to restore.
  EXPECT_EQ(haagent("masters-b", "restore").code, 77);
  region().power_cut({"masters-b"});
  ASSERT_TRUE(region().gets_ready()) << region().told();
  EXPECT_EQ(region().cluster_id("masters-b", main), after);

  // One member anew, on purpose.
  auto const ids = region().members("masters-a", main);
  EtcdCommand const replaced(region(), "masters-a", "replace b");
  ASSERT_TRUE(replaced.ends_with(0));
  EXPECT_TRUE(region().is_whole("masters-a", main, 3));
  EXPECT_NE(region().members("masters-a", main), ids);
  EXPECT_EQ(region().get("masters-b", main, "precious"), "yes");
  EXPECT_EQ(region().sh("masters-b", "ls -d /var/lib/haagent-etcd/main/data.2*").code, 0)
      << "what it had is set aside";
}

TEST_F(ClusterLost, TheOneVolumeThatIsLeftGoesOnWithAllItHas) {
  auto const main = EtcdCluster::main;
  auto const before = region().cluster_id("masters-a", main);
  ASSERT_EQ(haagent("masters-a", "backup").code, 0);
  ASSERT_TRUE(region().put("masters-a", main, "newer", "kept"));
  lose_volumes_of(region(), "bc");
  for (auto const& master : {"masters-b", "masters-c"}) region().launch(master);
  ASSERT_TRUE(region().comes_true([&] {
    return region().sentence("masters-a", "etcd-main").contains("haagent etcd recover") &&
           region().step_state("masters-b", "mount-main") == "done" &&
           region().step_state("masters-c", "mount-main") == "done";
  })) << region().told();

  auto refused = haagent("masters-a", "restore");
  EXPECT_EQ(refused.code, 77) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::NewerDataElsewhere)) << refused.out;
  refused = haagent("masters-b", "recover --lose-newer-writes");
  EXPECT_EQ(refused.code, 77) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::NothingToRecoverFrom)) << refused.out;

  EtcdCommand const recovered(region(), "masters-a", "recover");
  ASSERT_TRUE(recovered.ends_with(0));
  ASSERT_TRUE(region().gets_ready()) << region().told();
  EXPECT_TRUE(region().comes_true([&] { return region().is_whole("masters-a", main, 3); }))
      << region().told();
  EXPECT_EQ(region().cluster_id("masters-c", main), before);
  for (auto const& master : region().masters())
    EXPECT_EQ(region().get(master, main, "newer"), "kept") << master;
  EXPECT_EQ(region().sh("masters-a", "grep force-new-cluster /etc/haagent/etcd/main.yaml").code, 1);
}

// The worst night: the one that is left has been started anew as well, and its etcd serves nobody.
TEST_F(ClusterLost, TheOneThatIsLeftWasStartedAnewAndSaysWhatARecoveryMayDrop) {
  auto const main = EtcdCluster::main;
  ASSERT_TRUE(region().put("masters-a", main, "newer", "kept"));
  ASSERT_TRUE(region().put("masters-a", main, "newest", "perhaps"));
  lose_volumes_of(region(), "bc");
  region().power_cut({"masters-a"});
  ASSERT_TRUE(region().comes_true([&] {
    return region().has_reason("masters-a", "etcd-main", Reason::EtcdStarting) &&
           region().sentence("masters-a", "etcd-main").contains("haagent etcd recover");
  })) << region().told();

  auto const refused = haagent("masters-a", "recover");
  EXPECT_EQ(refused.code, 77) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::VolumesNotCompared)) << refused.out;

  EtcdCommand const recovered(region(), "masters-a", "recover --lose-newer-writes");
  for (auto const& master : {"masters-b", "masters-c"}) region().launch(master);
  ASSERT_TRUE(recovered.ends_with(0));
  ASSERT_TRUE(region().gets_ready()) << region().told();
  EXPECT_TRUE(region().comes_true([&] { return region().is_whole("masters-a", main, 3); }))
      << region().told();
  for (auto const& master : region().masters())
    EXPECT_EQ(region().get(master, main, "newer"), "kept") << master;
}

}  // namespace
}  // namespace haagent::sim
