// Volumes that are made from snapshots of themselves, with their tags, as AWS Backup restores them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/integration/cluster_lost.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr auto kMain = EtcdCluster::main;

class ClusterCopies : public testing::Test {
 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    region_.emplace(plan_of_a_lost_cluster());
    ASSERT_TRUE(region().gets_ready());
  }
  ClusterRegion& region() { return *region_; }
  // What EBS copies is what has reached the disk.
  std::string snapshot_of(std::string const& master, std::string const& name) {
    EXPECT_EQ(region().sh(master, "sync -f /var/lib/haagent-etcd/main").code, 0);
    return region().snapshot_of(name);
  }
  void take_down(std::string const& master, std::string const& name) {
    region().launch(master, 0);
    ASSERT_TRUE(
        region().comes_true([&] { return region().volume(name).text_at("state") == "available"; }));
  }
  std::string id_of(std::string const& name, std::string const& witness) {
    for (auto const& member : region().members(witness, kMain))
      if (member.name == name) return member.id;
    return "";
  }
  std::string marker(std::string const& master) {
    return region().sh(master, "cat /var/lib/haagent-etcd/main/haagent.json").out;
  }
  std::optional<ClusterRegion> region_;
};

TEST_F(ClusterCopies, OneBesideAQuorumJoinsAsANewLearnerAndNoWriteIsLost) {
  ASSERT_TRUE(region().put("masters-a", kMain, "early", "kept"));
  auto const snapshot = snapshot_of("masters-c", "main-c");
  ASSERT_TRUE(region().put("masters-a", kMain, "late", "kept"));
  auto const before = id_of("etcd-c", "masters-a");
  auto const cluster = region().cluster_id("masters-a", kMain);

  take_down("masters-c", "main-c");
  region().restore_volume("main-c", snapshot);
  region().launch("masters-c");
  ASSERT_TRUE(region().comes_true([&] { return region().is_whole("masters-a", kMain, 3); }, 90s))
      << region().told();
  ASSERT_TRUE(region().gets_ready(90s)) << region().told();
  EXPECT_NE(id_of("etcd-c", "masters-a"), before) << "its old id may have voted since";
  EXPECT_EQ(region().cluster_id("masters-c", kMain), cluster);
  for (auto const& master : region().masters())
    for (auto const* key : {"early", "late"})
      EXPECT_TRUE(region().has(master, kMain, key, "kept")) << master << key;
  EXPECT_EQ(aside(region(), "masters-c"), 1u) << "what the copy held is kept";
  EXPECT_THAT(marker("masters-c"),
              AllOf(HasSubstr(region().volume_id("main-c")), HasSubstr(snapshot)));

  // It is its own from now on: another boot starts it as it is.
  auto const ids = region().members("masters-a", kMain);
  region().power_cut({"masters-c"});
  ASSERT_TRUE(region().gets_ready(90s)) << region().told();
  EXPECT_EQ(region().members("masters-a", kMain), ids);
  EXPECT_EQ(aside(region(), "masters-c"), 1u);
}

TEST_F(ClusterCopies, AllOfThemComeBackAsOneClusterAfterOneCommand) {
  auto const cluster = region().cluster_id("masters-a", kMain);
  ASSERT_TRUE(region().put("masters-a", kMain, "first", "kept"));
  // Snapshots of three volumes are of three moments.
  std::map<std::string, std::string> snapshots;
  for (char each : std::string("abc")) {
    auto const name = fmt::format("main-{}", each);
    snapshots[name] = snapshot_of(fmt::format("masters-{}", each), name);
    ASSERT_TRUE(region().put("masters-a", kMain, fmt::format("after-{}", each), "written"));
  }
  for (char each : std::string("abc")) region().launch(fmt::format("masters-{}", each), 0);
  for (auto const& [name, snapshot] : snapshots) {
    take_down("masters-" + name.substr(5), name);
    region().restore_volume(name, snapshot);
  }
  // Two of three, started as they are, would be a quorum that serves.
  auto const asks_to_adopt = [&](std::string const& master) {
    return region().has_reason(master, "etcd-main", Reason::DataIsCopy) &&
           region().sentence(master, "etcd-main").contains("'haagent etcd adopt-volume'");
  };
  for (auto const* master : {"masters-a", "masters-b"}) region().launch(master);
  ASSERT_TRUE(region().comes_true(
      [&] { return asks_to_adopt("masters-a") && asks_to_adopt("masters-b"); }, 60s))
      << region().told();
  EXPECT_THAT(region().sentence("masters-a", "etcd-main"),
              AllOf(HasSubstr(region().volume_id("main-a")), HasSubstr(snapshots["main-a"])));

  // Nobody knows what c has.
  auto refused = haagent_etcd(region(), "masters-a", "adopt-volume");
  EXPECT_EQ(refused.code, 77) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::VolumesNotCompared)) << refused.out;
  EXPECT_THAT(refused.out, HasSubstr(region().volume_id("main-c")));
  region().launch("masters-c");
  ASSERT_TRUE(region().comes_true([&] { return asks_to_adopt("masters-c"); }, 60s))
      << region().told();
  refused = haagent_etcd(region(), "masters-b", "recover --lose-newer-writes");
  EXPECT_EQ(refused.code, 77) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::VolumesAreCopies)) << refused.out;

  EtcdCommand const adopted(region(), "masters-a", "adopt-volume");
  ASSERT_TRUE(adopted.ends_with(0, 180s));
  ASSERT_TRUE(region().gets_ready(90s)) << region().told();
  EXPECT_TRUE(region().is_whole("masters-a", kMain, 3));
  for (auto const& master : region().masters()) {
    EXPECT_EQ(region().cluster_id(master, kMain), cluster);
    // c's copy is the youngest: what was written before it is there, and what came later is not.
    EXPECT_TRUE(region().has(master, kMain, "first", "kept")) << master;
    EXPECT_TRUE(region().has(master, kMain, "after-a", "written")) << master;
    EXPECT_EQ(region().get(master, kMain, "after-c"), "") << master;
  }
  EXPECT_EQ(aside(region(), "masters-c"), 0u);
  EXPECT_EQ(aside(region(), "masters-a"), 1u);
  EXPECT_EQ(aside(region(), "masters-b"), 1u);

  // It is over: copies no more, and nothing to adopt.
  refused = haagent_etcd(region(), "masters-a", "adopt-volume");
  EXPECT_EQ(refused.code, 77) << refused.out;
  auto const ids = region().members("masters-a", kMain);
  region().power_cut({"masters-a", "masters-b", "masters-c"});
  ASSERT_TRUE(region().gets_ready(120s)) << region().told();
  EXPECT_EQ(region().members("masters-a", kMain), ids);
}

}  // namespace
}  // namespace haagent::sim
