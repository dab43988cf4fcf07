// From one etcd to the next, as it is done: each master is replaced by one whose image has the next
// version, and its volumes are taken over. And back, where etcd knows a way back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::string_view kCurlTls =
    "--cacert /etc/kubernetes/pki/etcd/ca.crt --cert "
    "/etc/kubernetes/pki/etcd/healthcheck-client.crt "
    "--key /etc/kubernetes/pki/etcd/healthcheck-client.key";

class EtcdUpgrade : public testing::Test {
 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    for (auto minor : test::kEtcdMinors) {
      etcds_.push_back(test::etcd_programs(minor));
      if (!etcds_.back().missing.empty()) GTEST_SKIP() << etcds_.back().missing;
    }
  }

  // Three masters that run this version.
  void begin_with(std::string const& minor) {
    region_ = std::make_unique<ClusterRegion>(
        ClusterPlan{.launched = false, .etcd = std::nullopt, .more_etcd = etcds_});
    for (auto const& each : region().masters()) {
      region().use_etcd(each, minor);
      region().launch(each);
    }
    ASSERT_TRUE(region().gets_ready());
    for (auto cluster : kEtcdClusters)
      ASSERT_TRUE(region().put("masters-a", cluster, "written-on", minor));
    ASSERT_TRUE(stands_at(minor));
  }
  // Its successor has this version's image.
  void replace(std::string const& master, std::string const& minor) {
    auto const before = region().instance_of(master);
    region().use_etcd(master, minor);
    region().power_cut({before});
    ASSERT_TRUE(region().comes_true([&] {
      auto const now = region().instance_of(master);
      return !now.empty() && now != before;
    }));
  }
  // What a member says of itself: "etcdserver", "etcdcluster".
  std::string say(std::string const& where, EtcdCluster cluster, std::string_view key) {
    auto const said =
        region().sh(where, fmt::format("curl -s {} {}/version", kCurlTls, endpoint(cluster))).out;
    return json::parse(said).value_or(Tree()).text_at(key);
  }
  static std::string endpoint(EtcdCluster cluster) {
    return fmt::format("https://127.0.0.1:{}", cluster == EtcdCluster::main ? 2379 : 2389);
  }
  // Both clusters as all masters have them, and what their volumes say of it.
  testing::AssertionResult stands_at(std::string const& minor) {
    return region().comes_true([&] {
      for (auto const& each : region().masters())
        for (auto cluster : kEtcdClusters) {
          auto const marker =
              region()
                  .run(each, {"cat", fmt::format("/var/lib/haagent-etcd/{}/haagent.json",
                                                 to_string(cluster))})
                  .out;
          if (say(each, cluster, "etcdcluster") != minor + ".0" ||
              !marker.contains(fmt::format("\"etcdDataVersion\": \"{}\"", minor)))
            return false;
        }
      return true;
    });
  }
  // Changes enough for a snapshot on each member.
  bool fill(EtcdCluster cluster) {
    return region()
               .sh("masters-b",
                   fmt::format("for i in $(seq 25); do curl -sf -m 5 -o /dev/null {} -d "
                               "'{{\"key\":\"Zg==\",\"value\":\"Zg==\"}}' {}/v3/kv/put || exit 1; "
                               "done",
                               kCurlTls, endpoint(cluster)))
               .code == 0;
  }
  void expect_all_kept(std::string const& minor, std::string const& cluster,
                       std::vector<Member> const& members) {
    for (auto const& each : region().masters()) {
      EXPECT_TRUE(say(each, EtcdCluster::main, "etcdserver").starts_with(minor + ".")) << each;
      EXPECT_EQ(region().cluster_id(each, EtcdCluster::main), cluster) << each;
      EXPECT_EQ(region().members(each, EtcdCluster::main), members) << each;
    }
  }
  ClusterRegion& region() { return *region_; }

  std::vector<test::EtcdPrograms> etcds_;
  std::unique_ptr<ClusterRegion> region_;
};

TEST_F(EtcdUpgrade, RollsUpOneMasterAtATimeAndKeepsEverything) {
  begin_with("3.4");
  if (HasFatalFailure()) return;
  auto const cluster = region().cluster_id("masters-a", EtcdCluster::main);
  auto const members = region().members("masters-a", EtcdCluster::main);
  for (std::string minor : {"3.5", "3.6", "3.7"}) {
    auto const begin = std::chrono::steady_clock::now();
    for (auto const& master : region().masters()) {
      replace(master, minor);
      ASSERT_TRUE(region().gets_ready()) << master << " to " << minor;
    }
    ASSERT_TRUE(stands_at(minor)) << region().told();
    std::printf("    three masters to etcd %s: %.1f s\n", minor.c_str(),
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    std::fflush(stdout);
    expect_all_kept(minor, cluster, members);
    for (auto each : kEtcdClusters) {
      ASSERT_TRUE(region().put("masters-b", each, "written-on-" + minor, minor));
      ASSERT_TRUE(fill(each));
    }
  }
  for (auto const& each : region().masters())
    for (auto etcd : kEtcdClusters) {
      EXPECT_TRUE(region().has(each, etcd, "written-on", "3.4"));
      for (std::string minor : {"3.5", "3.6", "3.7"})
        EXPECT_TRUE(region().has(each, etcd, "written-on-" + minor, minor));
    }
}

// Told before etcd is started: its own refusal comes once it runs, and a step of two never.
TEST_F(EtcdUpgrade, AWrongStepIsRefusedBeforeEtcdStarts) {
  begin_with("3.6");
  if (HasFatalFailure()) return;
  auto const cluster = region().cluster_id("masters-a", EtcdCluster::main);
  auto const members = region().members("masters-a", EtcdCluster::main);

  // Down, and nobody has told the cluster.
  replace("masters-c", "3.5");
  auto const refused = [&](std::string const& version) {
    return region().comes_true([&] {
      return region().step_state("masters-c", "etcd-main") == "refused" &&
             region().has_reason("masters-c", "etcd-main", Reason::EtcdVersionUnfit) &&
             region().subject("masters-c", "etcd-main").contains(version);
    });
  };
  ASSERT_TRUE(refused("3.5"));
  EXPECT_TRUE(region().sentence("masters-c", "etcd-main").contains(" downgrade enable 3.5'"));
  EXPECT_EQ(region().run("masters-c", {"pgrep", "-x", "etcd"}).code, 1) << "it runs an etcd";
  EXPECT_FALSE(region().sh("masters-c", "ls /var/log/haagent").out.contains("etcd"));
  EXPECT_TRUE(region().put("masters-a", EtcdCluster::main, "meanwhile", "written"));

  replace("masters-c", "3.4");
  ASSERT_TRUE(refused("3.4"));
  EXPECT_FALSE(region().sentence("masters-c", "etcd-main").contains(" downgrade enable "))
      << "no way down by two";
  EXPECT_EQ(region().run("masters-c", {"pgrep", "-x", "etcd"}).code, 1) << "it runs an etcd";

  replace("masters-c", "3.6");
  ASSERT_TRUE(region().gets_ready());
  expect_all_kept("3.6", cluster, members);
  EXPECT_TRUE(region().comes_true(
      [&] { return region().get("masters-c", EtcdCluster::main, "meanwhile") == "written"; }));
}

// The one way back that etcd has: by one minor version, once the cluster was told.
TEST_F(EtcdUpgrade, RollsBackByOneOnceTheClusterWasTold) {
  begin_with("3.7");
  if (HasFatalFailure()) return;
  auto const cluster = region().cluster_id("masters-a", EtcdCluster::main);
  auto const members = region().members("masters-a", EtcdCluster::main);
  for (auto each : kEtcdClusters) {
    std::string const pki = "/etc/kubernetes/pki/etcd/";
    auto const enabled = region().run(
        "masters-a", {"/opt/etcd/3.7/etcdctl", "--endpoints", endpoint(each), "--cacert",
                      pki + "ca.crt", "--cert", pki + "healthcheck-client.crt", "--key",
                      pki + "healthcheck-client.key", "downgrade", "enable", "3.6"});
    ASSERT_EQ(enabled.code, 0) << enabled.out;
  }
  ASSERT_TRUE(stands_at("3.6"));
  for (auto const& master : region().masters()) {
    replace(master, "3.6");
    ASSERT_TRUE(region().gets_ready()) << master;
  }
  expect_all_kept("3.6", cluster, members);
  for (auto etcd : kEtcdClusters) EXPECT_TRUE(region().has("masters-c", etcd, "written-on", "3.7"));
}

}  // namespace
}  // namespace haagent::sim
