// Restores and recoveries whose agents are killed, again and again, at the steps that are shorter
// than a look: each goes on where the disk says it is, and no data is lost on the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "agent/base/facts.h"
#include "tests/integration/cluster_lost.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr auto kMain = EtcdCluster::main;

constexpr char kAside[] = "+/var/lib/haagent-etcd/main/data.2*";
constexpr char kDownload[] = "+/var/lib/haagent/scratch/restore-main";
constexpr char kBuilt[] = "+/var/lib/haagent-etcd/main/data.restored";
constexpr char kMarked[] = "+/var/lib/haagent-etcd/main/haagent.json";
constexpr char kPlaced[] = "+/var/lib/haagent-etcd/main/data";
constexpr char kConfigured[] = "+/etc/haagent/etcd/main.yaml";
constexpr char kLogged[] = "~/var/lib/haagent-etcd/main/data/member/wal/*.wal";

template <class Suite>
class Killed : public SharedCluster<Suite> {
 protected:
  using SharedCluster<Suite>::region;
  static Outcome haagent(std::string const& where, std::string const& arguments) {
    return haagent_etcd(region(), where, arguments);
  }
  static std::vector<std::unique_ptr<Killer>> killers(std::vector<std::string> const& events) {
    std::vector<std::unique_ptr<Killer>> all;
    for (auto const& master : region().masters())
      all.push_back(std::make_unique<Killer>(region(), master, SIGKILL, events));
    return all;
  }
  // Killed in the middle of what it does by itself, before anything is requested.
  static void kill_command_on_trial(std::string const& where, std::string const& arguments) {
    auto const killed = region().sh(
        where, fmt::format("/usr/sbin/haagent etcd {} & command=$!; "
                           "until [ -e /var/lib/haagent/scratch/trial-main ]; do "
                           "kill -0 $command || exit 1; done; kill -KILL $command; wait $command",
                           arguments));
    EXPECT_EQ(killed.code, 128 + SIGKILL) << killed.out;
    auto const none = haagent(where, "restore --cancel");
    EXPECT_EQ(none.code, 1) << none.out;
    EXPECT_TRUE(explains(none, Reason::RequestMissing)) << none.out;
  }
  // On masters-a, up to its request.
  static std::unique_ptr<EtcdCommand> request(std::string const& arguments) {
    auto command = std::make_unique<EtcdCommand>(region(), "masters-a", arguments);
    EXPECT_TRUE(region().comes_true([&] { return command->said().contains("requested in"); }, 60s))
        << command->said();
    return command;
  }
  static void kill_agent(std::string const& master) {
    EXPECT_EQ(region().sh(master, "pkill -KILL -f '^/usr/sbin/haagent run'").code, 0);
  }
  // While a quorum serves, agents ask for requests twice a minute; one that was killed asks once it
  // is back.
  static std::unique_ptr<EtcdCommand> request_over_running(
      std::vector<std::string> const& masters) {
    auto command = request("restore --over-running-cluster");
    for (auto const& master : masters) kill_agent(master);
    return command;
  }
  // The first cannot miss; which of the others comes too late, because two steps follow within a
  // millisecond, is chance.
  static void expect_hits(Killer const& killer, std::size_t at_least = 3) {
    auto const hits = killer.hits();
    EXPECT_GE(hits.size(), at_least) << testing::PrintToString(hits);
  }
  static void expect_everywhere(std::string const& key, std::string const& value) {
    for (auto const& master : region().masters()) {
      EXPECT_TRUE(region().comes_true([&] { return region().get(master, kMain, key) == value; }))
          << key << " on " << master << ": " << region().get(master, kMain, key);
    }
  }
};

class ClusterRestoredOver : public Killed<ClusterRestoredOver> {
 public:
  static ClusterPlan plan() { return plan_of_a_lost_cluster(); }
};

// One master has begun it, and is killed there; the others have not heard of it.
TEST_F(ClusterRestoredOver, ATakenBackRequestIsUndoneWhereItHadBegun) {
  auto const before = region().cluster_id("masters-a", kMain);
  auto const backup = haagent("masters-a", "backup");
  ASSERT_EQ(backup.code, 0) << backup.out;
  ASSERT_TRUE(region().put("masters-a", kMain, "undone", "kept"));
  for (auto const& [master, event] : {std::pair("masters-b", kAside), {"masters-c", kMarked}}) {
    SCOPED_TRACE(fmt::format("{} at {}", master, event));
    auto signal_others = [&](int signal) {
      for (auto const& other : region().masters()) {
        if (other == master) continue;
        auto const sent =
            region().sh(other, fmt::format("pkill -{} -f '^/usr/sbin/haagent run'", signal));
        EXPECT_EQ(sent.code, 0) << sent.out;
      }
    };
    signal_others(SIGSTOP);
    std::unique_ptr<EtcdCommand> command;
    {
      Killer const killer(region(), master, SIGSTOP, {event});
      command = request_over_running({master});
      ASSERT_TRUE(region().comes_true([&] { return killer.hits().size() == 1; }, 60s))
          << command->said() << region().told();
    }
    // The request stands without the command that has given it.
    bool const killed = master == std::string("masters-c");
    if (killed) command->kill();
    auto const taken_back = haagent("masters-a", "restore --cancel");
    EXPECT_EQ(taken_back.code, 0) << taken_back.out;
    if (!killed) {
      EXPECT_TRUE(command->ends_with(77));
      EXPECT_TRUE(explains({77, command->said()}, Reason::RequestWithdrawn)) << command->said();
    }
    kill_agent(master);
    signal_others(SIGCONT);
    ASSERT_TRUE(region().gets_ready(120s)) << region().told();
    EXPECT_EQ(region().cluster_id(master, kMain), before);
    EXPECT_EQ(read_aside(region(), master, 1, "undone"), "kept");
  }
  expect_everywhere("undone", "kept");
  for (auto const& master : region().masters()) EXPECT_TRUE(nothing_is_left(region(), master));
}

TEST_F(ClusterRestoredOver, EachAgentIsKilledAtEachStepAndWhatServedIsWholeBesideIt) {
  auto const before = region().cluster_id("masters-a", kMain);
  ASSERT_TRUE(region().put("masters-a", kMain, "precious", "yes"));
  auto const backup = haagent("masters-b", "backup");
  ASSERT_EQ(backup.code, 0) << backup.out;
  ASSERT_TRUE(region().put("masters-a", kMain, "later", "acknowledged"));
  kill_command_on_trial("masters-c", "restore --over-running-cluster");

  std::map<std::string, std::size_t> earlier;
  for (auto const& master : region().masters()) earlier[master] = aside(region(), master);

  std::vector<std::string> const events = {kAside,  kDownload, kBuilt, kMarked,
                                           kPlaced, kLogged,   kMarked};
  auto const all = killers(events);
  auto const restored = request_over_running(region().masters());
  ASSERT_TRUE(restored->ends_with(0));
  ASSERT_TRUE(region().gets_ready(120s)) << region().told();
  for (auto const& each : all) expect_hits(*each);

  EXPECT_NE(region().cluster_id("masters-a", kMain), before);
  EXPECT_TRUE(region().comes_true([&] { return region().is_whole("masters-a", kMain, 3); }));
  expect_everywhere("precious", "yes");
  expect_everywhere("later", "");
  for (auto const& master : region().masters()) {
    EXPECT_EQ(aside(region(), master), earlier[master] + 1) << master;
    EXPECT_EQ(read_aside(region(), master, aside(region(), master), "later"), "acknowledged")
        << master;
    EXPECT_TRUE(nothing_is_left(region(), master));
  }
}

class ClusterLostKilled : public Killed<ClusterLostKilled> {
 public:
  static ClusterPlan plan() { return plan_of_a_lost_cluster(); }

 protected:
  static void lose_b_and_c() {
    lose_volumes_of(region(), "bc");
    for (auto const* master : {"masters-b", "masters-c"}) region().launch(master);
    ASSERT_TRUE(region().comes_true([&] {
      return region().has_reason("masters-a", "etcd-main", Reason::QuorumLost) &&
             region().sentence("masters-a", "etcd-main").contains("haagent etcd recover") &&
             region().step_state("masters-b", "mount-main") == "done" &&
             region().step_state("masters-c", "mount-main") == "done";
    })) << region().told();
  }
};

TEST_F(ClusterLostKilled, ARestoreOnOneVolumeWithDataAndTwoBlankOnes) {
  ASSERT_TRUE(region().put("masters-a", kMain, "precious", "yes"));
  auto const backup = haagent("masters-a", "backup");
  ASSERT_EQ(backup.code, 0) << backup.out;
  ASSERT_TRUE(region().put("masters-a", kMain, "later", "acknowledged"));
  lose_b_and_c();

  std::vector<std::string> const blank = {kBuilt, kMarked, kPlaced, kLogged, kMarked};
  std::vector<std::string> data = blank;
  data.insert(data.begin(), kAside);
  Killer const a(region(), "masters-a", SIGKILL, data);
  Killer const b(region(), "masters-b", SIGKILL, blank);
  Killer const c(region(), "masters-c", SIGKILL, blank);
  // The command as well; another one, on another master, tells of the same request.
  request("restore --lose-newer-writes")->kill();
  EtcdCommand const restored(region(), "masters-b", "restore");
  ASSERT_TRUE(restored.ends_with(0));
  EXPECT_THAT(restored.said(), HasSubstr("and is under way"));
  ASSERT_TRUE(region().gets_ready(120s)) << region().told();
  for (auto const* each : {&a, &b, &c}) expect_hits(*each);
  expect_everywhere("precious", "yes");
  expect_everywhere("later", "");
  EXPECT_EQ(aside(region(), "masters-a"), 1u);
  EXPECT_EQ(read_aside(region(), "masters-a", 1, "later"), "acknowledged");
  for (auto const& master : region().masters()) EXPECT_TRUE(nothing_is_left(region(), master));
}

TEST_F(ClusterLostKilled, ARecovery) {
  auto const before = region().cluster_id("masters-a", kMain);
  ASSERT_EQ(haagent("masters-a", "backup").code, 0);
  ASSERT_TRUE(region().put("masters-a", kMain, "newest", "acknowledged"));
  auto const earlier = aside(region(), "masters-a");
  lose_b_and_c();

  // Before etcd starts alone. Then, when its usual configuration and, for the next try, the other
  // one are written, as etcd writes its log alone. The agent that comes after that finds a cluster
  // of one and lets the others in, or does it once more: whatever it hears of first.
  std::string const seen = "?" + std::string(kConfigured).substr(1);
  std::vector<std::string> const events = {kConfigured, seen, seen, kLogged, kConfigured, kMarked};
  Killer const a(region(), "masters-a", SIGKILL, events);
  request("recover")->kill();
  EtcdCommand const recovered(region(), "masters-a", "recover");
  ASSERT_TRUE(recovered.ends_with(0));
  EXPECT_THAT(recovered.said(), HasSubstr("and is under way"));
  ASSERT_TRUE(region().gets_ready(120s)) << region().told();
  expect_hits(a, 2);
  EXPECT_EQ(region().cluster_id("masters-a", kMain), before);
  EXPECT_TRUE(region().comes_true([&] { return region().is_whole("masters-a", kMain, 3); }));
  expect_everywhere("newest", "acknowledged");
  EXPECT_EQ(aside(region(), "masters-a"), earlier);
  for (auto const& master : region().masters()) EXPECT_TRUE(nothing_is_left(region(), master));
}

}  // namespace
}  // namespace haagent::sim
