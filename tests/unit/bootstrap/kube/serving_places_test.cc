#include "bootstrap/kube/serving_places.h"

#include <gtest/gtest.h>

#include "bootstrap/kube/apiserver.h"
#include "tests/support/kube_nodes.h"

namespace haagent::bootstrap::kube {
namespace {

ServingPlaces places(NodeConfig const& config, Identity const& identity = test::kube_identity()) {
  auto made = serving_places(config, identity);
  EXPECT_TRUE(made) << made.error().message.sentence();
  return made ? *made : ServingPlaces();
}

TEST(ServingPlaces, AreTheLoopbacksByDefault) {
  EXPECT_EQ(places(test::kube_master()),
            (ServingPlaces{.apiserver = "https://127.0.0.1:6443",
                           .kubelet = "http://127.0.0.1:10248/healthz",
                           .kubelet_server = "https://127.0.0.1:10250",
                           .kube_proxy = "http://127.0.0.1:10256/livez"}));
  auto const six = places(test::kube_master_ipv6(), test::kube_identity_ipv6());
  EXPECT_EQ(six, (ServingPlaces{.apiserver = "https://[::1]:6443",
                                .kubelet = "http://[::1]:10248/healthz",
                                .kubelet_server = "https://[::1]:10250",
                                .kube_proxy = "http://[::1]:10256/livez"}));
}

TEST(ServingPlaces, AWorkerAsksTheClustersEndpoint) {
  auto const config = test::kube_worker();
  EXPECT_EQ(places(config).apiserver, config.cluster.endpoint);
}

// A master's kubelet goes through the load balancer; what is asked about itself does not.
TEST(ServingPlaces, AMasterAsksItsOwnApiserverWhereItListens) {
  auto config = test::kube_master();
  config.apiserver.extra_args = {{"bind-address", "10.0.0.10"}, {"secure-port", "7443"}};
  EXPECT_EQ(places(config).apiserver, "https://10.0.0.10:7443");
}

// Add-ons, labels and the records of joined nodes know no identity, and need none for this.
TEST(ServingPlaces, TheApiserverOfAMasterIsTheSameOnEveryMaster) {
  for (auto config : {test::kube_master(), test::kube_master_ipv6()}) {
    EXPECT_EQ(own_apiserver_url(config), config.cluster.service_cidr.contains(':')
                                             ? "https://[::1]:6443"
                                             : "https://127.0.0.1:6443");
    config.apiserver.extra_args = {{"secure-port", "7443"}};
    EXPECT_EQ(own_apiserver_url(config), config.cluster.service_cidr.contains(':')
                                             ? "https://[::1]:7443"
                                             : "https://127.0.0.1:7443");
    config.apiserver.extra_args = {{"bind-address", "fd00::1"}, {"secure-port", "7443"}};
    EXPECT_EQ(own_apiserver_url(config), "https://[fd00::1]:7443");
  }
}

TEST(ServingPlaces, GoByTheOverlayOfTheKubelet) {
  struct Row {
    Tree overlay;
    std::optional<std::string> healthz;
  };
  for (auto const& [overlay, healthz] :
       {Row{Tree::map({{"healthzPort", 10999}}), "http://127.0.0.1:10999/healthz"},
        Row{Tree::map({{"healthzPort", 0}}), std::nullopt},
        Row{Tree::map({{"healthzBindAddress", "10.0.0.10"}}), "http://10.0.0.10:10248/healthz"},
        Row{Tree::map({{"healthzBindAddress", "0.0.0.0"}}), "http://127.0.0.1:10248/healthz"},
        Row{Tree::map({{"healthzBindAddress", "fd00::1"}}), "http://[fd00::1]:10248/healthz"},
        // Taken away: the kubelet's own defaults.
        Row{Tree::map({{"healthzBindAddress", Tree()}, {"healthzPort", Tree()}}),
            "http://127.0.0.1:10248/healthz"}}) {
    auto config = test::kube_worker();
    config.kubelet.config = overlay;
    EXPECT_EQ(places(config).kubelet, healthz);
  }
}

TEST(ServingPlaces, AFlagOfTheKubeletStandsOverItsDocument) {
  auto config = test::kube_worker();
  config.kubelet.config = Tree::map({{"healthzPort", 10999}});
  config.kubelet.extra_args = {{"healthz-port", "10777"}, {"healthz-bind-address", "10.0.0.10"}};
  EXPECT_EQ(places(config).kubelet, "http://10.0.0.10:10777/healthz");
}

TEST(ServingPlaces, GoByTheOverlayOfKubeProxy) {
  struct Row {
    Tree address;
    std::optional<std::string> livez;
  };
  for (auto const& [address, livez] :
       {Row{"127.0.0.1:11256", "http://127.0.0.1:11256/livez"},
        Row{"[::]:11256", "http://[::1]:11256/livez"},
        Row{"fd00::1", "http://[fd00::1]:10256/livez"},
        Row{"10.0.0.10", "http://10.0.0.10:10256/livez"}, Row{"0.0.0.0:0", std::nullopt},
        Row{Tree(), "http://127.0.0.1:10256/livez"}}) {
    auto config = test::kube_worker();
    config.kube_proxy.config = Tree::map({{"healthzBindAddress", address}});
    EXPECT_EQ(places(config).kube_proxy, livez) << address.text();
  }
}

}  // namespace
}  // namespace haagent::bootstrap::kube
