// The pod network of haagent's own on the kernel: two instances in two zones, with a namespace each
// in place of a pod.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bootstrap/pod_network/kernel.h"
#include "tests/integration/region_process.h"
#include "tests/sim/namespace_hosts.h"

namespace haagent::sim {
namespace {

using namespace bootstrap::pod_network;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char const* kOne = "i-0000000000000aaa1";
constexpr char const* kTwo = "i-0000000000000bbb2";
constexpr char const* kProbe = "/usr/lib/haagent-sim/probe";

// The programs of KernelNetwork, run inside an instance.
class Inside final : public Process {
 public:
  Inside(NamespaceHosts& hosts, std::string id) : hosts_(hosts), id_(std::move(id)) {}
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token stop) override {
    auto inside = spec;
    inside.argv = TRY(hosts_.way_into(id_));
    inside.argv.insert(inside.argv.end(), spec.argv.begin(), spec.argv.end());
    return process_.run(inside, std::move(stop));
  }

 private:
  NamespaceHosts& hosts_;
  std::string id_;
  SystemProcess process_;
};

struct TwoNodes {
  explicit TwoNodes(RegionNamespaces const& region) {
    NamespaceHosts::Options options;
    auto const here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    options.image.files = {{kProbe, here / "haagent-sim-probe"}};
    hosts = NamespaceHosts::create(region, options).value();
    EXPECT_TRUE(hosts->create_zone({"eu-west-1a", "10.0.0.1"}));
    EXPECT_TRUE(hosts->create_zone({"eu-west-1b", "10.0.16.1"}));
    start(kOne, "10.0.0.10", "eu-west-1a", "10.244.1");
    start(kTwo, "10.0.16.10", "eu-west-1b", "10.244.2");
  }
  // With a pod at <range>.7, behind the bridge that the CNI plugin would make, which serves its
  // name.
  void start(std::string const& id, std::string const& address, std::string const& zone,
             std::string const& range) {
    EXPECT_TRUE(hosts->start({.id = id,
                              .zone = zone,
                              .address = address,
                              .hostname = "host-" + id,
                              .files = {},
                              .argv = {"sleep", "86400"}},
                             {}));
    shell(id, fmt::format("echo 1 >/proc/sys/net/ipv4/ip_forward\n"
                          "ip link add cni0 type bridge\n"
                          "ip addr add {0}.1/24 dev cni0\n"
                          "ip link set cni0 up\n"
                          "mkdir -p /run/netns /tmp/{0} && ip netns add pod\n"
                          "ip link add to-pod type veth peer name eth0 netns pod\n"
                          "ip link set to-pod master cni0 up\n"
                          "ip -n pod addr add {0}.7/24 dev eth0\n"
                          "ip -n pod link set eth0 up\n"
                          "ip -n pod route add default via {0}.1\n",
                          range));
  }
  std::string shell(std::string const& id, std::string const& script) {
    auto const output = hosts->execute(id, {"sh", "-ec", script});
    return output ? *output : "FAILED " + output.error().message.text;
  }
  Wanted wanted(std::string const& id) const {
    bool const first = id == kOne;
    PodNode const one{kOne, "10.0.0.10", "10.244.1.0/24", ""};
    PodNode const two{kTwo, "10.0.16.10", "10.244.2.0/24", ""};
    return wanted_network({.node = id,
                           .endpoint = "https://api",
                           .pods = parse_cidr("10.244.0.0/16").value(),
                           .port = 8472},
                          first ? one : two, {first ? two : one}, 1500)
        .value();
  }
  Result<bool> make(std::string const& id) {
    Inside process(*hosts, id);
    return KernelNetwork(Root(hosts->root_of(id).value()), process).make(wanted(id), {});
  }
  std::unique_ptr<NamespaceHosts> hosts;
};

// Says who asks.
std::string serve(std::string const& where) {
  return fmt::format("{} {} peers 8080 >/dev/null 2>&1 &", where, kProbe);
}
std::string ask(std::string const& where, std::string const& address) {
  return fmt::format("{} curl -sf -m 5 http://{}:8080/", where, address);
}

class PodNetwork : public ::testing::Test {
 protected:
  void SetUp() override {
    if (auto why = no_region_because(); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_F(PodNetwork, PodsOfTwoZonesReachEachOtherByTheirOwnAddresses) {
  in_region([](RegionNamespaces const& region) {
    TwoNodes nodes(region);
    EXPECT_EQ(nodes.make(kOne), true);
    EXPECT_EQ(nodes.make(kTwo), true);
    nodes.shell(kTwo, serve("ip netns exec pod"));
    auto const from_pod = ask("ip netns exec pod", "10.244.2.7");
    EXPECT_TRUE(eventually([&] { return nodes.shell(kOne, from_pod) == "10.244.1.7\n"; }))
        << nodes.shell(kOne, from_pod);
    // A node reaches other nodes' pods too, as a kubelet's probes and an apiserver's webhooks do,
    // by an address that leads back to it.
    EXPECT_EQ(nodes.shell(kOne, ask("", "10.244.2.7")), "10.244.1.0\n");
    // What leaves the cluster has the node's address.
    nodes.shell(kTwo, serve(""));
    EXPECT_TRUE(eventually([&] {
      return nodes.shell(kOne, ask("ip netns exec pod", "10.0.16.10")) == "10.0.0.10\n";
    }));
  });
}

TEST_F(PodNetwork, WhatSomebodyTakesAwayComesBackAndNothingIsDoneTwice) {
  in_region([](RegionNamespaces const& region) {
    TwoNodes nodes(region);
    Inside process(*nodes.hosts, kOne);
    KernelNetwork network(Root(nodes.hosts->root_of(kOne).value()), process);
    auto make = [&] { return network.make(nodes.wanted(kOne), {}); };
    EXPECT_EQ(make(), true);
    EXPECT_EQ(make(), false);
    for (auto const* harm :
         {"ip route del 10.244.2.0/24", "ip link del haagent-pods", "ip link set haagent-pods down",
          "ip link set haagent-pods mtu 1300", "ip addr flush dev haagent-pods",
          "nft delete table ip haagent_pods", "nft flush chain ip haagent_pods postrouting",
          "rm /etc/cni/net.d/10-haagent.conflist", "echo 0 >/etc/cni/net.d/10-haagent.conflist",
          "ip route add 10.244.9.0/24 dev haagent-pods proto 137",
          "ip link del haagent-pods; ip link add haagent-pods type dummy; ip link set haagent-pods "
          "up"}) {
      nodes.shell(kOne, harm);
      EXPECT_EQ(make(), true) << harm;
      EXPECT_EQ(make(), false) << harm;
    }
    // Routes of others are theirs.
    nodes.shell(kOne, "ip route add 10.244.9.0/24 dev haagent-pods proto static");
    EXPECT_EQ(make(), false);
    EXPECT_TRUE(network.others()->empty());
    nodes.shell(kOne, "echo '{}' >/etc/cni/net.d/05-cilium.conflist");
    EXPECT_THAT(*network.others(), testing::ElementsAre("/etc/cni/net.d/05-cilium.conflist"));
    EXPECT_TRUE(network.remove({}));
    EXPECT_THAT(nodes.shell(kOne, "ip link; nft list tables; ls /etc/cni/net.d"),
                testing::AllOf(Not(HasSubstr("haagent")), HasSubstr("05-cilium")));
    EXPECT_TRUE(network.remove({}));
  });
}

}  // namespace
}  // namespace haagent::sim
