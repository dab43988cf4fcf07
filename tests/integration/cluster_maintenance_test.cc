// What haagent does about an etcd that is short of space.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/facts.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ClusterMaintenance, AnEtcdThatIsOutOfSpaceTakesWritesAgainByItself) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region(
      {.members = "a",
       .etcd_settings = "{binary: /usr/bin/etcd, main: {quotaBackendBytes: 16MiB}}"});
  ASSERT_TRUE(region.gets_ready());
  auto put = [&](std::string const& value) {
    return region.etcdctl("masters-a", EtcdCluster::main, {"put", "grows", value});
  };
  ASSERT_TRUE(region.put("masters-a", EtcdCluster::main, "kept", "yes"));

  // Old revisions of one key fill it.
  std::string const much(100'000, 'x');
  Outcome last;
  for (int i = 0; i < 400; ++i)
    if (last = put(much); last.code != 0) break;
  ASSERT_THAT(last.out, HasSubstr("database space exceeded"));

  // Compacted, defragmented, disarmed; nobody was asked.
  EXPECT_TRUE(region.comes_true([&] { return put("small again").code == 0; }, 150s));
  EXPECT_EQ(region.get("masters-a", EtcdCluster::main, "kept"), "yes");
  auto const alarms = region.etcdctl("masters-a", EtcdCluster::main, {"alarm", "list"});
  EXPECT_EQ(alarms.out, "");
  auto const file =
      region.sh("masters-a", "stat -c %s /var/lib/haagent-etcd/main/data/member/snap/db");
  EXPECT_LT(std::stoul(file.out), 8'000'000u) << "the space was not given back";
  auto const events = region.etcdctl("masters-a", EtcdCluster::events, {"alarm", "list"});
  EXPECT_EQ(events.out, "") << "the other cluster has nothing to do with it";
}

}  // namespace
}  // namespace haagent::sim
