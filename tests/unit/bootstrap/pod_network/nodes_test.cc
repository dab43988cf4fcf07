#include "bootstrap/pod_network/nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"

namespace haagent::bootstrap::pod_network {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string node_json(std::string const& name, std::string const& cidr, std::string const& address,
                      std::string const& version = "7",
                      std::string const& created = "2026-01-01T00:00:00Z") {
  return fmt::format(
      R"({{"metadata":{{"name":"{}","resourceVersion":"{}","creationTimestamp":"{}"}},)"
      R"("spec":{{"podCIDR":"{}"}},"status":{{"addresses":[{{"type":"Hostname","address":"h"}},)"
      R"({{"type":"InternalIP","address":"{}"}}]}}}})",
      name, version, created, cidr, address);
}

Tree json(std::string const& text) {
  return json::parse(text).value();
}

Tree event(std::string const& type, std::string const& object) {
  return json(fmt::format(R"({{"type":"{}","object":{}}})", type, object));
}

PodNode node(std::string name, std::string cidr, std::string address,
             std::string created = "2026-01-01T00:00:00Z") {
  return {std::move(name), std::move(address), std::move(cidr), std::move(created)};
}

TEST(PodNodes, ANodeHasARangeAndAnAddress) {
  EXPECT_EQ(pod_node_of(json(node_json("a", "10.244.1.0/24", "10.0.0.5"))),
            node("a", "10.244.1.0/24", "10.0.0.5"));
  // Before its controllers have seen to it.
  EXPECT_EQ(pod_node_of(json(node_json("a", "", "10.0.0.5"))), std::nullopt);
  EXPECT_EQ(pod_node_of(json(node_json("a", "10.244.1.0/24", ""))), std::nullopt);
  EXPECT_EQ(pod_node_of(json(node_json("a", "nonsense", "10.0.0.5"))), std::nullopt);
  EXPECT_EQ(pod_node_of(json(node_json("a", "10.244.1.0/24", "fd00::5"))), std::nullopt);
  EXPECT_EQ(pod_node_of(json("{}")), std::nullopt);
}

TEST(PodNodes, OfTwoFamiliesTheRangeOfIpv4Counts) {
  auto const both = json(
      R"({"metadata":{"name":"a"},"spec":{"podCIDR":"fd01::/64","podCIDRs":["fd01::/64","10.244.1.0/24"]},)"
      R"("status":{"addresses":[{"type":"InternalIP","address":"fd00::5"},)"
      R"({"type":"InternalIP","address":"10.0.0.5"}]}})");
  auto const made = pod_node_of(both);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->cidr, "10.244.1.0/24");
  EXPECT_EQ(made->address, "10.0.0.5");
}

TEST(PodNodes, AWatchGoesOnFromAListAndTellsWhatChangesForPods) {
  NodeTable table;
  table.add(json(fmt::format(R"({{"metadata":{{"resourceVersion":"5"}},"items":[{}]}})",
                             node_json("a", "10.244.1.0/24", "10.0.0.5"))));
  EXPECT_EQ(table.version(), "5");
  EXPECT_THAT(table.nodes(), ElementsAre(node("a", "10.244.1.0/24", "10.0.0.5")));
  // A heartbeat.
  EXPECT_EQ(table.apply(event("MODIFIED", node_json("a", "10.244.1.0/24", "10.0.0.5", "6"))),
            false);
  EXPECT_EQ(table.version(), "6");
  // It has no range at first.
  EXPECT_EQ(table.apply(event("ADDED", node_json("b", "", "10.0.0.6", "7"))), false);
  EXPECT_EQ(table.apply(event("MODIFIED", node_json("b", "10.244.2.0/24", "10.0.0.6", "8"))), true);
  EXPECT_EQ(table.nodes().size(), 2u);
  EXPECT_EQ(table.apply(event("DELETED", node_json("a", "10.244.1.0/24", "10.0.0.5", "9"))), true);
  EXPECT_EQ(table.apply(event("BOOKMARK", R"({"metadata":{"resourceVersion":"20"}})")), false);
  EXPECT_EQ(table.version(), "20");
  EXPECT_THAT(table.nodes(), ElementsAre(node("b", "10.244.2.0/24", "10.0.0.6")));
  EXPECT_EQ(table.find("b")->address, "10.0.0.6");
  EXPECT_EQ(table.find("a"), std::nullopt);
}

TEST(PodNodes, AWatchThatIsTooOldAsksForAnotherList) {
  NodeTable table;
  auto const gone = table.apply(
      event("ERROR", R"({"code":410,"reason":"Expired","message":"too old resource version"})"));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, Kind::transient);
  EXPECT_EQ(table.apply(json("{}")).error().kind, Kind::invalid);
  EXPECT_EQ(table.apply(event("ADDED", "{}")).error().kind, Kind::invalid);
}

Peers peers_of(std::vector<PodNode> all) {
  return trusted_peers(std::move(all), "own", parse_cidr("10.244.0.0/16").value());
}

TEST(PodPeers, AreAllOthers) {
  auto const peers =
      peers_of({node("own", "10.244.0.0/24", "10.0.0.1"), node("b", "10.244.2.0/24", "10.0.0.3"),
                node("a", "10.244.1.0/24", "10.0.0.2")});
  EXPECT_THAT(peers.nodes, ElementsAre(node("a", "10.244.1.0/24", "10.0.0.2"),
                                       node("b", "10.244.2.0/24", "10.0.0.3")));
  EXPECT_THAT(peers.left_out, IsEmpty());
}

// A kubelet that was taken over may write what it likes into the Node that it makes.
TEST(PodPeers, ClaimNobodyElsesAddresses) {
  auto const own = node("own", "10.244.0.0/24", "10.0.0.1", "2026-05-01T00:00:00Z");
  auto const elder = node("m", "10.244.1.0/24", "10.0.0.2", "2026-01-01T00:00:00Z");
  for (auto const& bad : {
           node("a", "10.244.1.0/24", "10.0.0.9", "2026-02-01T00:00:00Z"),    // the elder's
           node("a", "10.244.1.128/25", "10.0.0.9", "2026-02-01T00:00:00Z"),  // a part of it
           node("a", "10.244.0.0/16", "10.0.0.9", "2026-02-01T00:00:00Z"),    // everybody's
           node("a", "10.244.0.0/24", "10.0.0.9", "2020-01-01T00:00:00Z"),    // this node's
           node("a", "0.0.0.0/0", "10.0.0.9", "2020-01-01T00:00:00Z"),        // the world's
           node("a", "10.0.0.0/24", "10.0.0.9", "2020-01-01T00:00:00Z"),      // the nodes'
           node("a", "10.244.3.0/24", "10.244.1.7", "2020-01-01T00:00:00Z"),  // through a pod
       }) {
    auto const peers = peers_of({bad, own, elder});
    EXPECT_THAT(peers.nodes, ElementsAre(elder)) << bad.cidr << " " << bad.address;
    EXPECT_THAT(peers.left_out, ElementsAre("a")) << bad.cidr << " " << bad.address;
  }
}

}  // namespace
}  // namespace haagent::bootstrap::pod_network
