// Three masters at once: as a cluster comes up on the day that it is made, and one of them alone.
// The tests are one story, in this order: each goes on with what the one before left.
#include <gmock/gmock.h>

#include "tests/vm/machines.h"

namespace haagent::sim {
namespace {

using testing::IsEmpty;

// Emulated machines that share few processors are no network of a few milliseconds.
constexpr char kSlow[] = "{heartbeatInterval: 1s, electionTimeout: 10s}";

// One processor in each: what two of one machine have to tell each other takes long where neither
// has a processor of this machine for itself. 3 GiB of memory, and a processor each to be quick:
// HAAGENT_VM_THREE=1 asks for it.
class VmCluster : public testing::Test {
 protected:
  static bool is_asked_for() { return std::getenv("HAAGENT_VM_THREE") != nullptr; }
  static void SetUpTestSuite() {
    if (is_asked_for() && no_machines_because().empty())
      machines_ = std::make_unique<Machines>(
          "cluster", ClusterPlan{.members = "abc",
                                 .etcd_settings = fmt::format("{{main: {0}, events: {0}}}", kSlow),
                                 .processors = 1});
  }
  static void TearDownTestSuite() { machines_.reset(); }
  void SetUp() override {
    if (auto const why = no_machines_because(); !why.empty()) GTEST_SKIP() << why;
    if (!is_asked_for()) GTEST_SKIP() << "takes long: HAAGENT_VM_THREE=1 asks for it";
    for (auto const& master : region().masters()) {
      ASSERT_TRUE(machines().master_is_ready(master));
      ASSERT_TRUE(machines().has_booted(master));
    }
  }

  static Machines& machines() { return *machines_; }
  static ClusterRegion& region() { return machines_->region(); }

 private:
  static inline std::unique_ptr<Machines> machines_;
};

TEST_F(VmCluster, ThreeMastersAtOnceFormOneClusterOfThree) {
  for (auto cluster : kEtcdClusters) {
    EXPECT_TRUE(machines().comes_true([&] { return region().is_whole("masters-a", cluster, 3); }));
    EXPECT_TRUE(region().put("masters-a", cluster, "said", "once"));
    for (auto const& master : region().masters())
      EXPECT_TRUE(
          machines().comes_true([&] { return region().get(master, cluster, "said") == "once"; }));
  }
  for (auto const& master : region().masters())
    EXPECT_THAT(complaints(machines(), master, {"it gets no fixes any more"}), IsEmpty()) << master;
}

// Whoever is paged for a lost quorum needs the agent: nothing that systemd still waits for, such
// as an etcd that cannot serve, may hold it back.
TEST_F(VmCluster, AKilledAgentIsBackWhileThereIsNoQuorum) {
  static constexpr char kMaster[] = "masters-a";
  auto const agent = [] { return machines().of_unit(kMaster, "haagent", "MainPID"); };
  auto const etcd = [] { return machines().of_unit(kMaster, "haagent-etcd@main", "MainPID"); };
  // Of the agent that runs: what one wrote that was killed is still there to be read.
  auto const tells_of_it = [&]() -> bool {
    auto const status = region().status(kMaster);
    auto const* pid = status.find("pid");
    return pid && std::to_string(pid->as_integer().value_or(0)) == agent() &&
           region().sentence(kMaster, "etcd-main").contains("run 'haagent etcd recover' here");
  };
  for (auto other : {"masters-b", "masters-c"})
    region().command("freeze", Tree::map({{"instance", region().instance_of(other)}}));
  ASSERT_TRUE(machines().comes_true(tells_of_it));

  // One that starts anew is in the middle of its start for as long as there is no quorum.
  auto const etcd_before = etcd();
  machines().ask(kMaster, "systemctl kill -s KILL haagent-etcd@main");
  ASSERT_TRUE(machines().comes_true([&] { return etcd() != "0" && etcd() != etcd_before; }));
  auto const etcd_now = etcd();
  auto const agent_before = agent();
  machines().ask(kMaster, "kill -9 " + agent_before);
  ASSERT_TRUE(machines().comes_true(
      [&] { return agent() != "0" && agent() != agent_before && tells_of_it(); }));
  EXPECT_EQ(etcd(), etcd_now);

  for (auto other : {"masters-b", "masters-c"})
    region().command("thaw", Tree::map({{"instance", region().instance_of(other)}}));
  for (auto const& master : region().masters()) ASSERT_TRUE(machines().master_is_ready(master));
  EXPECT_EQ(etcd(), etcd_now);
  for (auto cluster : kEtcdClusters)
    EXPECT_EQ(region().get(kMaster, cluster, "said"), "once") << to_string(cluster);
}

}  // namespace
}  // namespace haagent::sim
