// What a successor tells its peers' agents, where nobody else can tell them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ClusterAnnouncement : public SharedCluster<ClusterAnnouncement> {
 public:
  static ClusterPlan plan() { return {}; }

 protected:
  // From now on nothing that the node sends to the region's API arrives, nor does it hear so.
  static void lose_the_api(std::string const& where) {
    auto const done =
        region().sh(where,
                    "nft 'table ip deaf { chain out { type filter hook output priority 0; "
                    "ip daddr 169.254.169.254 tcp dport 8080 drop; }; }'");
    ASSERT_EQ(done.code, 0) << done.out;
  }
  static void find_the_api(std::string const& where) {
    auto const done = region().sh(where, "nft delete table ip deaf");
    ASSERT_EQ(done.code, 0) << done.out;
  }
  static std::string address_of(std::string const& group) {
    return region().instance(region().instance_of(group)).text_at("address");
  }
  // Where the node's programs find etcd's member a.
  static std::string finds_a_at(std::string const& where) {
    auto const found = region().sh(
        where, fmt::format("getent ahostsv4 etcd-a.internal.{} | head -1", kClusterName));
    return found.out.substr(0, found.out.find(' '));
  }
};

TEST_F(ClusterAnnouncement, ASuccessorIsKnownToPeersThatDoNotReachEc2) {
  auto const before = address_of("masters-a");
  auto const members = region().members("masters-b", EtcdCluster::main);
  ASSERT_EQ(finds_a_at("masters-b"), before);
  lose_the_api("masters-b");
  lose_the_api("masters-c");
  auto const old = region().instance_of("masters-a");
  region().power_cut({"masters-a"});
  ASSERT_TRUE(region().comes_true([&] {
    auto const now = region().instance_of("masters-a");
    return !now.empty() && now != old;
  }));
  auto const after = address_of("masters-a");
  ASSERT_NE(after, before);
  for (auto const* peer : {"masters-b", "masters-c"})
    EXPECT_TRUE(region().comes_true([&] { return finds_a_at(peer) == after; }, 15s))
        << peer << " finds it at " << finds_a_at(peer);
  EXPECT_TRUE(region().comes_true([&] {
    return region().has_reason("masters-a", "announce", Reason::PeersInformed) &&
           region().subject("masters-a", "announce") == "b, c";
  })) << region().sentence("masters-a", "announce");
  for (auto cluster : kEtcdClusters)
    EXPECT_TRUE(
        region().comes_true([&] { return region().is_whole("masters-b", cluster, 3); }, 30s));
  EXPECT_EQ(region().members("masters-b", EtcdCluster::main), members) << "nothing was changed";
  // b's own etcd calls a's at its new address.
  EXPECT_TRUE(region().comes_true([&] {
    return region()
        .sh("masters-b", fmt::format("ss -Htn state established dst {} dport = 2380", after))
        .out.contains(after);
  }));

  for (auto const* peer : {"masters-b", "masters-c"}) find_the_api(peer);
  ASSERT_TRUE(region().gets_ready());
  EXPECT_EQ(finds_a_at("masters-b"), after);
}

}  // namespace
}  // namespace haagent::sim
