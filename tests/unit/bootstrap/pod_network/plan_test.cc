#include "bootstrap/pod_network/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"

namespace haagent::bootstrap::pod_network {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Settings const kSettings{.node = "own",
                         .endpoint = "https://api",
                         .pods = parse_cidr("10.244.0.0/16").value(),
                         .port = 8472};
PodNode const kOwn{"own", "10.0.0.1", "10.244.0.0/24", ""};
std::vector<PodNode> const kPeers = {{"a", "10.0.16.2", "10.244.1.0/24", ""},
                                     {"b", "10.0.32.3", "10.244.2.0/24", ""}};

Wanted wanted() {
  return wanted_network(kSettings, kOwn, kPeers, 9001).value();
}

// As iproute2 6.1 prints them.
constexpr auto kLink =
    R"([{"ifindex":3,"ifname":"haagent-pods","flags":["POINTOPOINT","MULTICAST","NOARP","UP","LOWER_UP"],)"
    R"("mtu":8965,"link_type":"none","linkinfo":{"info_kind":"vxlan","info_data":)"
    R"({"external":true,"id":0,"port":8472,"learning":false,"gpe":true}}}])";
constexpr auto kAddresses =
    R"([{"ifname":"haagent-pods","addr_info":[{"family":"inet","local":"10.244.0.0","prefixlen":32},)"
    R"({"family":"inet6","local":"fe80::858:ff:fe00:1","prefixlen":64}]}])";
constexpr auto kRoutes =
    "10.244.1.0/24  encap ip id 1 src 0.0.0.0 dst 10.0.16.2 ttl 0 tos 0 scope link src 10.244.0.0 "
    "\n"
    "10.244.2.0/24  encap ip id 1 src 0.0.0.0 dst 10.0.32.3 ttl 0 tos 0 scope link src 10.244.0.0 "
    "\n";

Seen seen(std::string_view link = kLink, std::string_view addresses = kAddresses,
          std::string_view routes = kRoutes) {
  return parse_seen(link, addresses, routes, 8472).value();
}

std::string replaced(std::string text, std::string const& from, std::string const& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(PodNetworkPlan, AFreshNodeGetsADeviceAndARouteForEachOther) {
  EXPECT_THAT(
      ip_commands(wanted(), {}),
      ElementsAre("link add name haagent-pods type vxlan external gpe dstport "
                  "8472 nolearning",
                  "link set dev haagent-pods mtu 8965",
                  "address add 10.244.0.0/32 dev haagent-pods", "link set dev haagent-pods up",
                  "route replace 10.244.1.0/24 encap ip id 1 dst 10.0.16.2 dev haagent-pods src "
                  "10.244.0.0 proto 137",
                  "route replace 10.244.2.0/24 encap ip id 1 dst 10.0.32.3 dev haagent-pods src "
                  "10.244.0.0 proto 137"));
}

TEST(PodNetworkPlan, WhatIsThereIsLeftAlone) {
  EXPECT_THAT(ip_commands(wanted(), seen()), IsEmpty());
}

TEST(PodNetworkPlan, WhatDiffersIsPutRight) {
  auto const moved = seen(kLink, kAddresses, replaced(kRoutes, "10.0.32.3", "10.0.32.9"));
  EXPECT_THAT(ip_commands(wanted(), moved), ElementsAre(HasSubstr("route replace 10.244.2.0/24")));
  auto const lost = seen(kLink, kAddresses, "");
  EXPECT_EQ(ip_commands(wanted(), lost).size(), 2u);
  auto const one_more =
      seen(kLink, kAddresses, std::string(kRoutes) + "10.244.9.0/24 encap ip id 1 dst 10.0.0.9\n");
  EXPECT_THAT(ip_commands(wanted(), one_more),
              ElementsAre("route delete 10.244.9.0/24 dev haagent-pods proto 137"));
  EXPECT_THAT(ip_commands(wanted(), seen(replaced(kLink, "8965", "1450"))),
              ElementsAre("link set dev haagent-pods mtu 8965"));
}

// With its address, or while it is down, the kernel takes a device's routes away.
TEST(PodNetworkPlan, RoutesComeAgainWithTheAddressAndTheLink) {
  auto const down = seen(replaced(kLink, R"("UP",)", ""));
  EXPECT_THAT(ip_commands(wanted(), down),
              ElementsAre("link set dev haagent-pods up", HasSubstr("10.244.1.0/24"),
                          HasSubstr("10.244.2.0/24")));
  auto const another = seen(kLink, replaced(kAddresses, "10.244.0.0", "10.244.7.0"));
  EXPECT_THAT(ip_commands(wanted(), another),
              ElementsAre("address delete 10.244.7.0/32 dev haagent-pods",
                          "address add 10.244.0.0/32 dev haagent-pods",
                          HasSubstr("route replace 10.244.1.0/24"),
                          HasSubstr("route replace 10.244.2.0/24")));
}

TEST(PodNetworkPlan, ADeviceOfAnotherMakeIsMadeAnew) {
  for (auto const& [from, to] :
       {std::pair(R"("external":true)", R"("external":false)"), std::pair("8472", "4789"),
        std::pair(R"("gpe":true)", R"("gpe":false)"),
        std::pair(R"("info_kind":"vxlan")", R"("info_kind":"dummy")")}) {
    auto const commands = ip_commands(wanted(), seen(replaced(kLink, from, to)));
    ASSERT_EQ(commands.size(), 7u) << to;
    EXPECT_EQ(commands.front(), "link delete dev haagent-pods") << to;
  }
}

TEST(PodNetworkPlan, NothingIsSeenWhereThereIsNoDevice) {
  EXPECT_FALSE(parse_seen("", "", "", 8472)->device);
  EXPECT_FALSE(parse_seen("[]", "[]", "", 8472)->device);
  EXPECT_EQ(parse_seen("nonsense", "[]", "", 8472).error().kind, Kind::invalid);
}

TEST(PodNetworkPlan, PodsKeepTheirAddressesWithinTheClusterAlone) {
  EXPECT_THAT(wanted().rules,
              HasSubstr("ip saddr 10.244.0.0/24 ip daddr != 10.244.0.0/16 ip daddr != 224.0.0.0/4 "
                        "masquerade"));
  auto const cni = json::parse(wanted().cni).value();
  auto const& plugins = cni.find("plugins")->items();
  ASSERT_EQ(plugins.size(), 2u);
  EXPECT_EQ(plugins[0].text_at("type"), "bridge");
  EXPECT_EQ(plugins[0].text_at("mtu"), "8965");
  EXPECT_EQ(plugins[0].find("ipam")->find("ranges")->items()[0].items()[0].text_at("subnet"),
            "10.244.0.0/24");
  EXPECT_EQ(plugins[1].text_at("type"), "portmap");
}

TEST(PodNetworkPlan, ARangeThatIsNotTheClustersIsRefused) {
  for (auto const* cidr : {"10.245.0.0/24", "10.0.0.0/8", "nonsense"}) {
    auto own = kOwn;
    own.cidr = cidr;
    EXPECT_EQ(wanted_network(kSettings, own, {}, 9001).error().kind, Kind::invalid) << cidr;
  }
}

TEST(PodNetworkPlan, TheMtuIsOfTheLinkWithTheNodesAddress) {
  constexpr auto links =
      R"([{"ifname":"lo","mtu":65536,"addr_info":[{"local":"127.0.0.1"}]},)"
      R"({"ifname":"ens5","mtu":9001,"addr_info":[{"local":"10.0.0.1"},{"local":"10.0.0.7"}]}])";
  EXPECT_EQ(mtu_of_link_with("10.0.0.7", links), 9001);
  EXPECT_EQ(mtu_of_link_with("10.0.0.8", links).error().kind, Kind::transient);
}

TEST(PodNetworkSettings, AreReadAsTheyWereWritten) {
  auto const read =
      parse_settings("node: own\nendpoint: https://api\npodCIDR: 10.244.0.0/16\nport: 8472\n");
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(to_tree(*read), to_tree(kSettings));
  for (auto const* bad : {"", "node: [", "node: own\nendpoint: e\npodCIDR: fd00::/64\nport: 8472\n",
                          "node: own\nendpoint: e\npodCIDR: 10.244.0.0/16\n",
                          "endpoint: e\npodCIDR: 10.244.0.0/16\nport: 8472\n"})
    EXPECT_EQ(parse_settings(bad).error().kind, Kind::invalid) << bad;
}

}  // namespace
}  // namespace haagent::bootstrap::pod_network
