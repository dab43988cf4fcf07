#include "bootstrap/etcd/member/config_file.h"

#include <gtest/gtest.h>

#include "agent/base/yaml.h"
#include "tests/support/golden.h"

namespace haagent::bootstrap {
namespace {

NodeConfig config_of_prod() {
  NodeConfig config;
  config.cluster.name = "prod.example.com";
  return config;
}

EtcdInitial initial_of_three() {
  EtcdInitial initial;
  for (auto const* member : {"a", "b", "c"})
    initial.members.push_back({etcd_member_name(EtcdCluster::main, member),
                               etcd_peer_url(config_of_prod(), EtcdCluster::main, member)});
  return initial;
}

Result<std::string> render(NodeConfig const& config, EtcdVersion version,
                           EtcdCluster cluster = EtcdCluster::main) {
  return render_etcd_config(config, cluster, "a",
                            fmt::format("/var/lib/haagent-etcd/{}/data", to_string(cluster)),
                            version, initial_of_three());
}

TEST(EtcdConfig, GoldenForEachVersion) {
  for (EtcdVersion version : {EtcdVersion{3, 4, 45}, {3, 5, 33}, {3, 6, 14}, {3, 7, 1}}) {
    auto bytes = render(config_of_prod(), version);
    ASSERT_TRUE(bytes) << bytes.error().message.text;
    EXPECT_TRUE(
        test::matches_golden(fmt::format("etcd/{}.{}.yaml", version.major, version.minor), *bytes));
  }
}

TEST(EtcdConfig, GoldenWithSettings) {
  auto config = config_of_prod();
  config.etcd.events.heartbeat_interval = Duration(250);
  config.etcd.events.election_timeout = Duration(2'500);
  config.etcd.events.quota_backend_bytes = 4ull << 30u;
  config.etcd.events.extra_config =
      Tree::map({{"snapshot-count", 10000},
                 {"auto-compaction-retention", Tree()},
                 {"peer-transport-security", Tree::map({{"allowed-cn", "etcd"}})}});
  auto bytes = render(config, {3, 6, 14}, EtcdCluster::events);
  ASSERT_TRUE(bytes) << bytes.error().message.text;
  EXPECT_TRUE(test::matches_golden("etcd/events-settings.yaml", *bytes));
}

TEST(EtcdConfig, RemovedFlagsAreNotWritten) {
  for (EtcdVersion version : {EtcdVersion{3, 6, 0}, {3, 7, 0}})
    EXPECT_FALSE(render(config_of_prod(), version)->contains("experimental"));
}

TEST(EtcdConfig, AnUnsupportedVersionIsSaid) {
  auto bytes = render(config_of_prod(), {3, 3, 27});
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, Kind::invalid);
  EXPECT_TRUE(bytes.error().message.text.contains("3.3.27")) << bytes.error().message.text;
}

TEST(EtcdConfig, KeysThatDecideOnDataAreNotForOverlays) {
  for (auto const* key :
       {"name", "data-dir", "wal-dir", "initial-cluster", "initial-cluster-state",
        "initial-cluster-token", "initial-advertise-peer-urls", "discovery", "discovery-srv",
        "force-new-cluster", "strict-reconfig-check", "enable-grpc-gateway", "unsafe-no-fsync"}) {
    auto config = config_of_prod();
    config.etcd.main.extra_config = Tree::map({{key, "x"}});
    auto bytes = render(config, {3, 5, 33});
    ASSERT_FALSE(bytes) << key;
    EXPECT_EQ(bytes.error().kind, Kind::invalid);
    EXPECT_TRUE(bytes.error().message.text.contains(fmt::format("etcd.main.extraConfig.{} ", key)));
    EXPECT_TRUE(render(config, {3, 5, 33}, EtcdCluster::events)) << key;
  }
}

TEST(EtcdConfig, TheInitialClusterIsReadBack) {
  auto bytes = render(config_of_prod(), {3, 5, 33});
  EXPECT_EQ(initial_in_config(*bytes), initial_of_three());
  EXPECT_FALSE(initial_in_config("name: x\n"));
  EXPECT_FALSE(initial_in_config("initial-cluster: x\n"));
  EXPECT_FALSE(initial_in_config("{"));
}

TEST(EtcdNames, AreThoseOfKops) {
  auto config = config_of_prod();
  EXPECT_EQ(etcd_member_name(EtcdCluster::main, "a"), "etcd-a");
  EXPECT_EQ(etcd_member_name(EtcdCluster::events, "a"), "etcd-events-a");
  EXPECT_EQ(etcd_peer_url(config, EtcdCluster::events, "b"),
            "https://etcd-b.internal.prod.example.com:2390");
  EXPECT_EQ(etcd_endpoint(EtcdCluster::main, "fd00::1"), "https://[fd00::1]:2379");
  EXPECT_EQ(etcd_client_url(config, EtcdCluster::main, "b"),
            "https://etcd-b.internal.prod.example.com:2379");
  EXPECT_NE(etcd_cluster_token(config, EtcdCluster::main),
            etcd_cluster_token(config, EtcdCluster::events));
}

}  // namespace
}  // namespace haagent::bootstrap
