// Masters that die: what their successors take over, and what must survive.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "bootstrap/etcd/store/manifest.h"
#include "tests/integration/cluster_region.h"
#include "tests/integration/cluster_writer.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// What must be the same afterwards.
struct Identities {
  std::map<EtcdCluster, std::string> clusters;
  std::map<EtcdCluster, std::vector<Member>> members;
  std::map<std::string, std::string> volumes;
  bool operator==(Identities const&) const = default;
};

class ClusterFailover : public SharedCluster<ClusterFailover> {
 public:
  static ClusterPlan plan() { return {.workers = 1}; }

 protected:
  // As every master sees them, or the test fails.
  static Identities identities() {
    Identities first;
    for (auto const& master : region().masters()) {
      Identities seen;
      for (auto cluster : kEtcdClusters) {
        seen.clusters[cluster] = region().cluster_id(master, cluster);
        seen.members[cluster] = region().members(master, cluster);
        for (auto const& each : region().masters()) {
          auto const name = fmt::format("{}-{}", to_string(cluster), each.back());
          seen.volumes[name] = region().volume_id(name);
          EXPECT_EQ(region().holder_of(name), region().instance_of(each));
        }
      }
      if (first == Identities{}) first = seen;
      EXPECT_EQ(seen, first) << master;
    }
    EXPECT_EQ(first.members[EtcdCluster::main].size(), 3u);
    return first;
  }
  static void cut_and_wait(std::vector<std::string> const& groups) {
    std::map<std::string, std::string> before;
    std::set<std::string> addresses;
    for (auto const& group : groups) {
      before[group] = region().instance_of(group);
      addresses.insert(region().instance(before[group]).text_at("address"));
    }
    region().power_cut(groups);
    ASSERT_TRUE(region().comes_true([&] {
      return std::ranges::all_of(groups, [&](auto const& group) {
        auto const now = region().instance_of(group);
        return !now.empty() && now != before[group];
      });
    }));
    for (auto const& group : groups) {
      auto const address = region().instance(region().instance_of(group)).text_at("address");
      EXPECT_FALSE(addresses.contains(address)) << group << " has its old address";
    }
    ASSERT_TRUE(region().gets_ready());
  }
  // Leaves the zone without its master, and a blank volume with the same tags. The volume can be
  // deleted while nobody is there to take it.
  static void replace_main_disk(char member) {
    auto const name = fmt::format("main-{}", member);
    auto const id = region().volume_id(name);
    region().launch(fmt::format("masters-{}", member), 0);
    ASSERT_TRUE(
        region().comes_true([&] { return region().volume(id).text_at("state") == "available"; }));
    auto const deleted = region().aws({"ec2", "delete-volume", "--volume-id", id});
    ASSERT_EQ(deleted.code, 0) << deleted.out;
    region().create_volume(name, fmt::format("eu-west-1{}", member), EtcdCluster::main,
                           fmt::format("{}/a,b,c", member));
  }
  // The backups of main in the store, oldest first.
  static std::vector<Tree> backups() {
    auto const listed = region().run("masters-a", {"haagent", "etcd", "snapshots", "-o", "json"});
    auto const page = json::parse(listed.out).value_or(Tree());
    auto const* found = page.find("backups");
    return found ? found->items() : std::vector<Tree>();
  }
  // None in the store stands for the state before a change. The store's own time says how old one
  // is, so that no name makes it older.
  static void remove_backups() {
    // The first on schedule is taken half a minute after the boot, and may just be on its way.
    ASSERT_TRUE(region().comes_true([&] { return !backups().empty(); }, 90s));
    for (auto const& master : region().masters()) {
      ASSERT_TRUE(region().comes_true([&] {
        return region().sh(master, "test ! -e /var/lib/haagent/scratch/scheduled-main").code == 0;
      }));
    }
    auto const store = fmt::format("s3://{}/{}/backups/main/", kStateBucket, kClusterName);
    auto const removed = region().aws({"s3", "rm", "--recursive", store});
    ASSERT_EQ(removed.code, 0) << removed.out;
  }
  static std::uint64_t revision_of(std::string const& key) {
    auto const read = region().etcdctl("masters-a", EtcdCluster::main, {"get", key, "-w", "json"});
    auto const page = json::parse(read.out).value_or(Tree());
    auto const* keys = page.find("kvs");
    if (!keys || keys->items().empty()) return 0;
    auto const* revision = keys->items().front().find("mod_revision");
    return revision ? revision->as_unsigned().value_or(0) : 0;
  }
  // When that master's etcd took the member out, to the millisecond and without a zone; or empty.
  static std::string removed_at(std::string const& master, std::string const& id) {
    auto const told = region().sh(
        master,
        fmt::format("grep -h '\"removed member\"' /var/log/haagent/haagent-etcd@main*.log | "
                    "grep -m1 {}",
                    id));
    return json::parse(told.out).value_or(Tree()).text_at("ts").substr(0, 23);
  }
  static void expect_no_detach() {
    for (auto const& master : region().masters())
      EXPECT_EQ(region().calls(region().instance_of(master))["ec2:DetachVolume"], 0);
  }
};

TEST_F(ClusterFailover, TheLeadersSuccessorTakesItsVolumesAndMembersBack) {
  auto const before = identities();
  std::string leader;
  ASSERT_TRUE(region().comes_true([&] {
    for (auto const& master : region().masters())
      if (region().leads(master, EtcdCluster::main)) leader = master;
    return !leader.empty();
  }));
  Writer writer(region());
  cut_and_wait({leader});
  auto const acknowledged = writer.all();
  EXPECT_GE(acknowledged.size(), 10u);
  EXPECT_EQ(identities(), before);
  for (auto const& master : region().masters())
    EXPECT_EQ(writer.missing_on(master, acknowledged), std::vector<std::string>()) << master;
  expect_no_detach();
}

TEST_F(ClusterFailover, AllMastersAtOnceComeBackOnNewAddresses) {
  auto const before = identities();
  Writer writer(region());
  cut_and_wait(region().masters());
  auto const acknowledged = writer.all();
  EXPECT_GE(acknowledged.size(), 10u);
  EXPECT_EQ(identities(), before);
  for (auto const& master : region().masters())
    EXPECT_EQ(writer.missing_on(master, acknowledged), std::vector<std::string>()) << master;
  expect_no_detach();
}

// Its disk is gone with its zone's storage; a blank one with the same tags takes its place.
TEST_F(ClusterFailover, AReplacedDiskComesBackAsALearnerAndThenAVoter) {
  auto const clusters = identities().clusters;
  ASSERT_TRUE(region().put("masters-a", EtcdCluster::main, "older-than-the-disk", "kept"));
  auto const members = region().members("masters-a", EtcdCluster::main);
  remove_backups();
  auto const revision = revision_of("older-than-the-disk");
  replace_main_disk('b');
  region().launch("masters-b");

  // A learner has no vote, so a quorum is never at risk.
  bool was_learner = false;
  std::size_t most_voters = 0;
  ASSERT_TRUE(region().comes_true(
      [&] {
        auto const now = region().members("masters-a", EtcdCluster::main);
        auto const learners =
            std::ranges::count_if(now, [](auto const& each) { return each.learner; });
        was_learner = was_learner || learners > 0;
        most_voters = std::max(most_voters, now.size() - static_cast<std::size_t>(learners));
        return !region().instance_of("masters-b").empty() && region().is_ready("masters-b") &&
               region().is_whole("masters-a", EtcdCluster::main, 3);
      },
      60s));
  EXPECT_TRUE(was_learner ||
              region().sh("masters-b", "grep -q learner /var/log/haagent.log").code == 0);
  EXPECT_LE(most_voters, 3u);
  EXPECT_EQ(identities().clusters, clusters);
  EXPECT_TRUE(region().has("masters-b", EtcdCluster::main, "older-than-the-disk", "kept"));
  auto const now = region().members("masters-a", EtcdCluster::main);
  for (std::size_t i : {0u, 2u}) EXPECT_EQ(now[i], members[i]);
  EXPECT_NE(now[1].id, members[1].id);

  // A backup was complete before the list of members changed, and it has what was written until
  // then. Its time is the store's, which tells whole seconds.
  auto const changed = parse_rfc3339(removed_at("masters-a", members[1].id) + "Z");
  ASSERT_TRUE(changed);
  auto const kept = backups();
  EXPECT_TRUE(std::ranges::any_of(kept, [&](Tree const& backup) {
    auto const verified = parse_rfc3339(backup.text_at("verifiedAt"));
    return backup.find("revision")->as_unsigned().value_or(0) >= revision && verified &&
           *verified < *changed + 1s;
  })) << json::print(Tree::list(kept));
}

// The minority keeps what it has and forms nothing of its own.
TEST_F(ClusterFailover, AZoneThatIsCutOffFormsNothingAndHealsByItself) {
  auto const before = identities();
  ASSERT_TRUE(region().put("masters-c", EtcdCluster::main, "before-the-cut", "kept"));
  region().command("partition",
                   Tree::map({{"one", "eu-west-1c"}, {"other", "eu-west-1a,eu-west-1b"}}));
  ASSERT_TRUE(region().comes_true([&] {
    return region().put("masters-a", EtcdCluster::main, "during-the-cut", "majority") &&
           region().has_reason("masters-c", "etcd-main", Reason::QuorumLost) &&
           region().has_reason("masters-c", "etcd-events", Reason::QuorumLost);
  }));
  EXPECT_NE(
      region().etcdctl("masters-c", EtcdCluster::main, {"put", "during-the-cut", "minority"}).code,
      0);
  EXPECT_TRUE(region().has("masters-c", EtcdCluster::main, "before-the-cut", "kept"));
  EXPECT_EQ(region().get("masters-c", EtcdCluster::main, "during-the-cut"), "");
  EXPECT_NE(region().run("masters-c", {"haagent", "status"}).code, 0);
  EXPECT_EQ(region().cluster_id("masters-c", EtcdCluster::main),
            before.clusters.at(EtcdCluster::main));

  region().command("heal");
  ASSERT_TRUE(region().gets_ready());
  EXPECT_EQ(identities(), before);
  EXPECT_TRUE(region().has("masters-c", EtcdCluster::main, "during-the-cut", "majority"));
}

// Where nobody can be asked, a blank disk is no reason to begin anew.
TEST_F(ClusterFailover, ABlankDiskInAZoneThatIsCutOffWaits) {
  auto const before = identities().clusters;
  ASSERT_TRUE(region().put("masters-a", EtcdCluster::main, "the-others-have-it", "kept"));
  replace_main_disk('c');
  region().command("partition",
                   Tree::map({{"one", "eu-west-1c"}, {"other", "eu-west-1a,eu-west-1b"}}));
  region().launch("masters-c");
  ASSERT_TRUE(region().comes_true([&] {
    return !region().instance_of("masters-c").empty() &&
           region().has_reason("masters-c", "etcd-main", Reason::ClusterSilent);
  }));
  EXPECT_EQ(region().step_state("masters-c", "etcd-main"), "waiting");
  EXPECT_EQ(region().sh("masters-c", "pgrep -f '^/usr/bin/etcd .*main'").code, 1)
      << "its etcd must not run";
  EXPECT_EQ(region().sh("masters-c", "ls /var/lib/haagent-etcd/main").out,
            "haagent.json\nlost+found\n");

  region().command("heal");
  ASSERT_TRUE(region().gets_ready());
  EXPECT_EQ(identities().clusters, before);
  EXPECT_TRUE(region().has("masters-c", EtcdCluster::main, "the-others-have-it", "kept"));
}

}  // namespace
}  // namespace haagent::sim
