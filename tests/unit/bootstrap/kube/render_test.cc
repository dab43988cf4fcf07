#include "bootstrap/kube/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "agent/base/yaml.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/static_pod.h"
#include "tests/support/kube_nodes.h"

namespace haagent::bootstrap::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Tree yaml_of(std::string_view text) {
  auto tree = yaml::parse(text);
  EXPECT_TRUE(tree) << (tree ? "" : tree.error().what);
  return tree.value_or(Tree());
}

std::vector<RenderedFile> all_of(NodeConfig const& config,
                                 Identity const& identity = test::kube_identity()) {
  auto files = render(config, identity);
  EXPECT_TRUE(files) << (files ? "" : files.error().message.text);
  return files.value_or(std::vector<RenderedFile>());
}

std::string rendered(NodeConfig const& config, std::string_view end,
                     Identity const& identity = test::kube_identity()) {
  for (auto const& file : all_of(config, identity)) {
    if (file.path.ends_with(end)) return file.bytes;
  }
  return {};
}

std::vector<std::string> arguments_of(std::string const& manifest) {
  auto tree = yaml_of(manifest);
  std::vector<std::string> all;
  auto const& containers = tree.at_path("spec.containers")->items();
  for (auto const& item : containers[0].find("command")->items()) all.push_back(item.text());
  return all;
}

std::vector<std::string> paths_of(NodeConfig const& config) {
  std::vector<std::string> paths;
  for (auto const& file : all_of(config)) paths.push_back(file.path);
  return paths;
}

TEST(KubeRender, GivesAWorkerNothingOfTheControlPlane) {
  EXPECT_THAT(
      paths_of(test::kube_worker()),
      ElementsAre("/etc/systemd/logind.conf.d/zz-haagent.conf", "/var/lib/kubelet/config.yaml",
                  "/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/kubeadm-flags.env",
                  "/etc/kubernetes/kube-proxy.conf", "/etc/kubernetes/kube-proxy.yaml",
                  "/etc/kubernetes/manifests/kube-proxy.yaml",
                  "/etc/kubernetes/haagent-pod-network.yaml"));
  EXPECT_THAT(rendered(test::kube_worker(), "/config.yaml"),
              HasSubstr("staticPodPath: /etc/kubernetes/manifests"));
  EXPECT_THAT(rendered(test::kube_worker(), "/config.yaml"), Not(HasSubstr("registerWithTaints")));
}

// What the kubelet asks logind for would count for nothing behind a shorter time of somebody
// else's.
TEST(KubeRender, LetsTheKubeletHoldAShutdownUpForAsLongAsItNeeds) {
  auto const told = [](std::string_view overlay) {
    auto config = test::kube_worker();
    config.kubelet.config = yaml_of(overlay);
    return rendered(config, "/logind.conf.d/zz-haagent.conf");
  };
  EXPECT_THAT(told(""), HasSubstr("[Login]\nInhibitDelayMaxSec=60\n"));
  EXPECT_THAT(told("shutdownGracePeriod: 1m30.5s"), HasSubstr("=91\n"));
  EXPECT_THAT(told("{shutdownGracePeriod: null, shutdownGracePeriodCriticalPods: null, "
                   "shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: "
                   "20}, {priority: 1000, shutdownGracePeriodSeconds: 25}]}"),
              HasSubstr("=45\n"));
  for (auto const* none : {"null", "0s"})
    EXPECT_EQ(told(fmt::format("{{shutdownGracePeriod: {0}, shutdownGracePeriodCriticalPods: {0}}}",
                               none)),
              "");
}

// Whoever brings another pod network has none of haagent's beside it.
TEST(KubeRender, MakesAPodNetworkOfIpv4WhereNobodyElseDoes) {
  auto const has_network = [](NodeConfig const& config) {
    return std::ranges::count(paths_of(config), "/etc/kubernetes/haagent-pod-network.yaml") == 1;
  };
  auto config = test::kube_worker();
  EXPECT_TRUE(has_network(config));
  config.cluster.pod_network = kNoPodNetwork;
  EXPECT_FALSE(has_network(config));
  config.cluster.pod_network = kOwnPodNetwork;
  for (auto const* range : {"", "fd01::/48"}) {
    config.cluster.pod_cidr = range;
    EXPECT_FALSE(has_network(config)) << range;
  }
}

TEST(KubeRender, ReleasesTheControlPlaneAfterEtcdAndTheApiserverFirst) {
  std::vector<std::string> late;
  for (auto const& file : all_of(test::kube_master())) {
    if (file.stage == RenderedFile::Stage::after_etcd) late.push_back(file.path);
  }
  EXPECT_THAT(late, ElementsAre("/etc/kubernetes/manifests/kube-apiserver.yaml",
                                "/etc/kubernetes/manifests/kube-controller-manager.yaml",
                                "/etc/kubernetes/manifests/kube-scheduler.yaml"));
}

// Trap: a target of a load balancer that keeps client addresses does not reach itself through it.
// What a kubelet renews lives as long as what it joined with; where nobody joins by haagent, a
// machine that was off for a week has its certificate still.
TEST(KubeRender, SignsForKubeletsAsLongAsJoinsDo) {
  auto config = test::kube_master();
  auto const flags = [&] { return arguments_of(rendered(config, "kube-controller-manager.yaml")); };
  EXPECT_THAT(flags(), Not(testing::Contains(HasSubstr("cluster-signing-duration"))));
  config.cluster.worker_roles = {"workers"};
  EXPECT_THAT(flags(), testing::Contains("--cluster-signing-duration=86400s"));
}

TEST(KubeRender, KeepsControllerManagerAndSchedulerOffTheLoadBalancer) {
  auto config = test::kube_master();
  for (auto const* file : {"/controller-manager.conf", "/scheduler.conf", "/admin.conf"}) {
    EXPECT_THAT(rendered(config, file), HasSubstr("server: https://127.0.0.1:6443\n")) << file;
  }
  for (auto const* file : {"/kubelet.conf", "/kube-proxy.conf"}) {
    EXPECT_THAT(rendered(config, file), HasSubstr("server: " + config.cluster.endpoint + "\n"));
  }
  for (auto const& file : all_of(config)) {
    if (file.path.find("/manifests/") == std::string::npos) continue;
    EXPECT_THAT(file.bytes, Not(HasSubstr("elb."))) << file.path;
  }
}

TEST(KubeRender, LetsEachComponentChooseItsEndpoint) {
  auto config = test::kube_master();
  config.kubelet.endpoint = config.kube_proxy.endpoint = EndpointMode::local;
  config.controller_manager.endpoint = config.scheduler.endpoint = EndpointMode::replicated;
  config.apiserver.extra_args = {{"secure-port", "8443"}};
  for (auto const* file : {"/kubelet.conf", "/kube-proxy.conf"}) {
    EXPECT_THAT(rendered(config, file), HasSubstr("server: https://127.0.0.1:8443\n")) << file;
  }
  for (auto const* file : {"/controller-manager.conf", "/scheduler.conf"}) {
    EXPECT_THAT(rendered(config, file), HasSubstr("server: " + config.cluster.endpoint + "\n"));
  }
}

TEST(KubeRender, ProbesWhereTheComponentServes) {
  auto config = test::kube_master();
  config.apiserver.extra_args = {{"bind-address", "10.0.0.10"}, {"secure-port", "8443"}};
  auto manifest = yaml_of(rendered(config, "/manifests/kube-apiserver.yaml"));
  auto const& probe =
      *manifest.at_path("spec.containers")->items()[0].at_path("livenessProbe.httpGet");
  EXPECT_EQ(probe.text_at("host"), "10.0.0.10");
  EXPECT_EQ(probe.text_at("port"), "8443");
  EXPECT_THAT(rendered(config, "/scheduler.conf"), HasSubstr("server: https://10.0.0.10:8443\n"));
}

TEST(KubeRender, AsksOnlyForThePortWhereNobodyMayAskAnonymously) {
  auto config = test::kube_master();
  config.apiserver.extra_args = {{"anonymous-auth", "false"}};
  auto manifest = rendered(config, "/manifests/kube-apiserver.yaml");
  EXPECT_THAT(manifest, HasSubstr("tcpSocket:"));
  EXPECT_THAT(manifest, Not(HasSubstr("httpGet:")));
}

TEST(KubeRender, TalksToEtcdOnThisMachineOnly) {
  auto config = test::kube_master();
  auto arguments = arguments_of(rendered(config, "/manifests/kube-apiserver.yaml"));
  for (auto const* argument : {"--etcd-servers=https://127.0.0.1:2379",
                               "--etcd-servers-overrides=/events#https://127.0.0.1:2389",
                               "--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt",
                               "--etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt",
                               "--etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key"}) {
    EXPECT_THAT(arguments, testing::Contains(argument));
  }
}

// A mounted file stays the old one when it is replaced, so the pod must be started anew.
TEST(KubeRender, ChangesTheManifestWithTheFilesThatItReads) {
  auto config = test::kube_master();
  auto proxy = rendered(config, "/manifests/kube-proxy.yaml");
  auto scheduler = rendered(config, "/manifests/kube-scheduler.yaml");
  auto manager = rendered(config, "/manifests/kube-controller-manager.yaml");
  config.kube_proxy.config = yaml_of("mode: nftables");
  EXPECT_NE(rendered(config, "/manifests/kube-proxy.yaml"), proxy);
  EXPECT_EQ(rendered(config, "/manifests/kube-scheduler.yaml"), scheduler);
  config.scheduler.config = yaml_of("parallelism: 4");
  EXPECT_NE(rendered(config, "/manifests/kube-scheduler.yaml"), scheduler);
  EXPECT_EQ(rendered(config, "/manifests/kube-controller-manager.yaml"), manager);
  config.controller_manager.endpoint = EndpointMode::replicated;
  EXPECT_NE(rendered(config, "/manifests/kube-controller-manager.yaml"), manager);
}

TEST(KubeRender, ServesBothFamiliesWhereTheServicesDo) {
  auto config = test::kube_master();
  config.cluster.service_cidr = "10.96.0.0/16,fd00:96::/112";
  config.cluster.pod_cidr = "10.244.0.0/16,fd00:10:244::/56";
  auto identity = test::kube_identity();
  EXPECT_THAT(rendered(config, "flags.env", identity), HasSubstr(" --node-ip=10.0.0.10 "));
  identity.ipv6 = "2a05:d018:1:2::10";
  EXPECT_THAT(rendered(config, "flags.env", identity),
              HasSubstr(" --node-ip=10.0.0.10,2a05:d018:1:2::10 "));
  EXPECT_THAT(arguments_of(rendered(config, "/manifests/kube-apiserver.yaml", identity)),
              testing::Contains("--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112"));
}

TEST(KubeRender, LeavesNodeRangesAloneWhereThereIsNoPodRange) {
  auto config = test::kube_master();
  config.cluster.pod_cidr = "";
  auto manager = rendered(config, "/manifests/kube-controller-manager.yaml");
  EXPECT_THAT(manager, Not(HasSubstr("cidrs")));
  EXPECT_THAT(rendered(config, "/etc/kubernetes/kube-proxy.yaml"), Not(HasSubstr("clusterCIDR")));
}

TEST(KubeRender, NamesTheImageOfAVendorsBuild) {
  auto config = test::kube_master();
  config.kubernetes.version = "1.33.2+vendor.1";
  EXPECT_THAT(rendered(config, "/manifests/kube-scheduler.yaml"),
              HasSubstr("image: registry.k8s.io/kube-scheduler:v1.33.2_vendor.1\n"));
}

TEST(KubeRender, TheUsersTaintReplacesOursOfTheSameKeyAndEffect) {
  auto config = test::kube_master();
  config.node.taints = {{"node-role.kubernetes.io/control-plane", "x", "NoSchedule"},
                        {"a", "", "NoExecute"}};
  auto kubelet = yaml_of(rendered(config, "/config.yaml"));
  EXPECT_EQ(*kubelet.find("registerWithTaints"),
            yaml_of("[{key: node-role.kubernetes.io/control-plane, value: x, effect: NoSchedule}, "
                    "{key: a, effect: NoExecute}]"));
}

TEST(KubeRender, GivesTheKubeletsWholeCommandLine) {
  EXPECT_THAT(*render_kubelet_arguments(test::kube_worker(), test::kube_identity()),
              ElementsAre("--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
                          "--kubeconfig=/etc/kubernetes/kubelet.conf",
                          "--config=/var/lib/kubelet/config.yaml", "--cloud-provider=external",
                          "--hostname-override=ip-10-0-0-10.eu-west-1.compute.internal",
                          "--node-ip=10.0.0.10",
                          "--node-labels=node.kubernetes.io/instance-type=m6i.large,"
                          "topology.kubernetes.io/region=eu-west-1,"
                          "topology.kubernetes.io/zone=eu-west-1a"));
}

// The agents of masters set the others through the apiserver.
TEST(KubeRender, TellsTheKubeletOnlyLabelsThatItMaySet) {
  auto config = test::kube_master();
  config.node.labels = {{"example.com/team", "a"}, {"node-restriction.kubernetes.io/rack", "7"}};
  auto const arguments = *render_kubelet_arguments(config, test::kube_identity());
  EXPECT_THAT(arguments, testing::Contains(testing::HasSubstr("example.com/team=a")));
  EXPECT_THAT(arguments, testing::Each(testing::Not(testing::HasSubstr("node-restriction"))));
}

// It reads --etcd-cafile when it starts, and the kubelet starts a pod anew whose manifest changes.
TEST(KubeRender, TheApiserversManifestChangesWithWhatItsEtcdTrustsAndNothingElseDoes) {
  auto const config = test::kube_master();
  auto const before = all_of(config);
  auto const one = render(config, test::kube_identity(), {.etcd_trust = "one"}).value();
  auto const two = render(config, test::kube_identity(), {.etcd_trust = "two"}).value();
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    SCOPED_TRACE(one[i].path);
    bool const apiserver = one[i].path == manifest_path(Component::apiserver);
    EXPECT_EQ(one[i].bytes != two[i].bytes, apiserver);
    EXPECT_EQ(one[i].bytes != before[i].bytes, apiserver);
    if (!apiserver) continue;
    EXPECT_THAT(one[i].bytes, HasSubstr(etcd_trust_hash("one")));
    EXPECT_THAT(two[i].bytes, HasSubstr(etcd_trust_hash("two")));
    EXPECT_THAT(before[i].bytes, Not(HasSubstr("etcd-trust-hash")));
  }
}

struct Refused {
  char const* name;
  std::function<void(NodeConfig&, Identity&)> change;
  char const* what;  // that it names
};
class KubeRenderRefuses : public testing::TestWithParam<Refused> {};
TEST_P(KubeRenderRefuses, WithASentence) {
  auto config = test::kube_master();
  auto identity = test::kube_identity();
  GetParam().change(config, identity);
  auto files = render(config, identity);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().kind, Kind::invalid);
  EXPECT_THAT(files.error().message.text, HasSubstr(GetParam().what));
}
INSTANTIATE_TEST_SUITE_P(
    Input, KubeRenderRefuses,
    testing::Values(
        Refused{"old", [](auto& c, auto&) { c.kubernetes.version = "1.30.9"; }, "1.30.9"},
        Refused{"new", [](auto& c, auto&) { c.kubernetes.version = "1.38.0"; }, "1.38.0"},
        Refused{"family", [](auto&, auto& i) { i = test::kube_identity_ipv6(); }, "(10.96.0.0/16)"},
        Refused{"small", [](auto& c, auto&) { c.cluster.service_cidr = "10.96.0.0/29"; },
                "10.96.0.0/29"},
        Refused{"same",
                [](auto& c, auto&) { c.cluster.service_cidr = "10.96.0.0/16,10.97.0.0/16"; },
                "'10.96.0.0/16,10.97.0.0/16'"},
        Refused{"zone", [](auto&, auto& i) { i.zone = ""; }, ""},
        Refused{"hostname", [](auto&, auto& i) { i.hostname = "a b"; }, "'a b'"}),
    [](auto const& row) { return std::string(row.param.name); });

struct Nth {
  char const* range;
  std::uint32_t index;
  char const* address;
};
class NthAddress : public testing::TestWithParam<Nth> {};
TEST_P(NthAddress, CountsFromTheNetwork) {
  EXPECT_EQ(*nth_address(*parse_cidr(GetParam().range), GetParam().index), GetParam().address);
}
INSTANTIATE_TEST_SUITE_P(Ranges, NthAddress,
                         testing::Values(Nth{"10.96.0.0/16", 1, "10.96.0.1"},
                                         Nth{"10.96.0.0/16", 10, "10.96.0.10"},
                                         Nth{"10.96.0.0/16", 256, "10.96.1.0"},
                                         Nth{"172.20.3.248/29", 7, "172.20.3.255"},
                                         Nth{"fd00:96::/112", 10, "fd00:96::a"},
                                         Nth{"fd00:96::fff0/124", 15, "fd00:96::ffff"}));

TEST(ApiserverServiceIp, IsTheFirstOfTheFirstRange) {
  auto config = test::kube_master();
  EXPECT_EQ(*apiserver_service_ip(config), "10.96.0.1");
  config.cluster.service_cidr = "fd00:96::/112,10.96.0.0/16";
  EXPECT_EQ(*apiserver_service_ip(config), "fd00:96::1");
}

TEST(Overlay, ReplacesAddsAndTakesAwayWithTheUsersFlagsLast) {
  EXPECT_EQ(overlay({{"b", "1"}, {"a", "1"}, {"c", "1"}},
                    {{"z_z", "2"}, {"b", "2"}, {"c", ""}, {"d", "second"}, {"d", "first"}}),
            (Flags{{"a", "1"}, {"b", "2"}, {"d", "second"}, {"d", "first"}, {"z-z", "2"}}));
  EXPECT_EQ(overlay({{"a", "1"}}, {}), (Flags{{"a", "1"}}));
}

TEST(MergePod, MergesNamedThingsByNameAndReplacesTheRest) {
  auto pod = yaml_of(
      "spec: {containers: [{name: x, command: [x, -a], volumeMounts: [{name: v, mountPath: /v}]}], "
      "volumes: [{name: v, hostPath: {path: /v}}]}");
  auto merged = merge_pod(
      pod, yaml_of("spec: {containers: [{name: x, volumeMounts: [{name: v, mountPath: /w}, {name: "
                   "q, mountPath: /v}]}, {name: y}], volumes: [{name: w}], dnsPolicy: Default}"));
  EXPECT_EQ(merged, yaml_of("spec: {containers: [{name: x, command: [x, -a], volumeMounts: [{name: "
                            "q, mountPath: /v}, {name: v, mountPath: /w}]}, {name: y}], volumes: "
                            "[{name: v, hostPath: {path: /v}}, {name: w}], dnsPolicy: Default}"));
  EXPECT_EQ(merge_pod(pod, Tree()), pod);
  EXPECT_EQ(merge_pod(pod, yaml_of("spec: {containers: [{name: x, command: [y]}]}"))
                .at_path("spec.containers")
                ->items()[0]
                .find("command")
                ->items()
                .size(),
            1u);
}

}  // namespace
}  // namespace haagent::bootstrap::kube
