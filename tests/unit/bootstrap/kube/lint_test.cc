#include "bootstrap/kube/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "agent/base/yaml.h"
#include "bootstrap/kube/render.h"
#include "tests/support/kube_nodes.h"

namespace haagent::bootstrap::kube {
namespace {

Tree yaml_of(std::string_view text) {
  return yaml::parse(text).value_or(Tree());
}

std::string said(NodeConfig const& config, int minor = 33) {
  std::string all;
  for (auto const& each : lint(config, {minor, 0, ""})) {
    all += fmt::format("{}{}: {}{}\n", each.is_warning ? "warning: " : "", each.path, each.what,
                       each.hint.empty() ? "" : fmt::format(" ({})", each.hint));
  }
  return all;
}

TEST(KubeLint, SaysNothingAgainstDefaultsAndOverlays) {
  for (int minor = kOldestKubeMinor; minor <= kNewestKubeMinor; ++minor) {
    EXPECT_EQ(said(test::kube_master(), minor), "");
    EXPECT_EQ(said(test::kube_worker(), minor), "");
    EXPECT_EQ(said(test::kube_master_with_overlays(), minor), "");
    EXPECT_EQ(said(test::kube_master_ipv6(), minor), "");
  }
}

struct Row {
  char const* name;
  std::function<void(NodeConfig&)> change;
  char const* said;
};
class KubeLintSays : public testing::TestWithParam<Row> {};
TEST_P(KubeLintSays, WhatIsWrong) {
  auto config = test::kube_master();
  GetParam().change(config);
  EXPECT_THAT(said(config), testing::StrCaseEq(GetParam().said));
}
INSTANTIATE_TEST_SUITE_P(
    Config, KubeLintSays,
    testing::Values(
        Row{"dashes", [](auto& c) { c.apiserver.extra_args = {{"--v", "2"}}; },
            "apiserver.extraArgs.--v: '--v' is no flag's name; write it without dashes in front "
            "and "
            "without its value\n"},
        // "_" reads as "-", so it is no way round the table.
        Row{"underscore", [](auto& c) { c.apiserver.extra_args = {{"cloud_config", "/etc/x"}}; },
            "apiserver.extraArgs.cloud_config: kube-apiserver 1.33.0 has no --cloud-config: 1.33 "
            "took it away, and an unknown flag stops the program (take it out: cloud providers are "
            "outside of Kubernetes: the kubelet and kube-controller-manager are told external "
            "already)\n"},
        // Taking an unknown flag away is harmless: it is not rendered.
        Row{"empty", [](auto& c) { c.apiserver.extra_args = {{"cloud-provider", ""}}; }, ""},
        Row{"blank", [](auto& c) { c.kubelet.extra_args = {{"root-dir", "/var/lib/my kubelet"}}; },
            "kubelet.extraArgs.root-dir: a blank, quote or backslash does not survive the file "
            "from "
            "which systemd reads the kubelet's flags; use the kubelet.config key\n"},
        // A flag that sets a field of the document is held against its rules as well.
        Row{"flag of a field",
            [](auto& c) { c.kubelet.extra_args = {{"eviction-hard", "memory.avail<5%"}}; },
            "warning: kubelet.extraArgs.eviction-hard: kubelet says that --eviction-hard is "
            "deprecated: a release to come removes it, and an unknown flag stops the program\n"
            "kubelet.extraArgs.eviction-hard: 'memory.avail' is no eviction signal, and the "
            "kubelet "
            "does not start with it (did you mean 'memory.available'?)\n"},
        Row{"controllers",
            [](auto& c) {
              c.controller_manager.extra_args = {
                  {"controllers", "*,tokencleaner,-nodelifecycle,bootstrapsinger"}};
            },
            "controllerManager.extraArgs.controllers: 'bootstrapsinger' is no controller (did you "
            "mean 'bootstrapsigner'?)\n"},
        Row{"plugin",
            [](auto& c) {
              c.scheduler.config =
                  yaml_of("profiles: [{plugins: {score: {enabled: [{name: ImageLocalty}]}}}]\n");
            },
            "scheduler.config.profiles[0].plugins.score.enabled[0]: kube-scheduler 1.33.0 has no "
            "plugin 'ImageLocalty' (did you mean 'ImageLocality'?)\n"},
        // Another image may have plugins of its own.
        Row{"plugin of another image",
            [](auto& c) {
              c.scheduler.image = "registry.example.com/scheduler-plugins:v0.33.0";
              c.scheduler.config =
                  yaml_of("profiles: [{plugins: {score: {enabled: [{name: Trimaran}]}}}]\n");
            },
            "warning: scheduler.config.profiles[0].plugins.score.enabled[0]: kube-scheduler 1.33.0 "
            "has no plugin 'Trimaran'\n"},
        Row{"lines", [](auto& c) { c.scheduler.extra_args = {{"vmodule", "a=1\nb=2"}}; },
            "scheduler.extraArgs.vmodule: a flag's value is one line\n"},
        Row{"port", [](auto& c) { c.apiserver.extra_args = {{"secure-port", "https"}}; },
            "apiserver.extraArgs.secure-port: expected a whole number, found 'https'\n"},
        Row{"high port", [](auto& c) { c.apiserver.extra_args = {{"secure-port", "65536"}}; },
            "apiserver.extraArgs.secure-port: '65536' is no port between 1 and 65535\n"},
        Row{"bind", [](auto& c) { c.scheduler.extra_args = {{"bind-address", "localhost"}}; },
            "scheduler.extraArgs.bind-address: expected an IP address, found 'localhost'\n"},
        Row{"ignored", [](auto& c) { c.kube_proxy.extra_args = {{"proxy-mode", "ipvs"}}; },
            "warning: kubeProxy.extraArgs.proxy-mode: kube-proxy ignores --proxy-mode beside its "
            "configuration document; set it under kubeProxy.config\n"},
        Row{"read",
            [](auto& c) { c.kube_proxy.extra_args = {{"v", "4"}, {"logging-format", "json"}}; },
            ""},
        // strings.Split keeps what is behind the last comma.
        Row{"ranges",
            [](auto& c) { c.kube_proxy.config = yaml_of("clusterCIDR: '10.244.0.0/16,'\n"); },
            "kubeProxy.config.clusterCIDR: '' is no range such as 10.244.0.0/16\n"},
        Row{"families",
            [](auto& c) {
              c.kube_proxy.config = yaml_of("clusterCIDR: '10.244.0.0/16,fd00:1::/56'\n");
            },
            ""},
        Row{"list", [](auto& c) { c.kubelet.config = yaml_of("[maxPods]"); },
            "kubelet.config: must be a map, which is merged over the KubeletConfiguration\n"},
        Row{"kind", [](auto& c) { c.scheduler.config = yaml_of("kind: Policy\n"); },
            "scheduler.config.kind: is KubeSchedulerConfiguration, and cannot be another; take it "
            "out\n"},
        Row{"same kind",
            [](auto& c) { c.scheduler.config = yaml_of("kind: KubeSchedulerConfiguration\n"); },
            ""},
        Row{"field", [](auto& c) { c.kubelet.config = yaml_of("tlsCurvePreferences: [X25519]\n"); },
            "warning: kubelet.config.tlsCurvePreferences: kubelet 1.33.0 has no "
            "tlsCurvePreferences: "
            "it came with 1.36, and ignores it (take it out)\n"},
        Row{"authorization",
            [](auto& c) {
              c.apiserver.extra_args = {{"authorization-config", "/etc/kubernetes/pki/authz.yaml"},
                                        {"authorization-mode", "Node"}};
            },
            "apiserver.extraArgs.authorization-mode: kube-apiserver takes either "
            "authorization-config or authorization-mode; take one out\n"},
        Row{"worker local",
            [](auto& c) {
              c.role = Role::worker;
              c.kubelet.endpoint = EndpointMode::local;
            },
            "kubelet.endpoint: a worker runs no apiserver of its own; set replicated\n"},
        Row{"master local", [](auto& c) { c.kubelet.endpoint = EndpointMode::local; }, ""},
        Row{"role label of a master",
            [](auto& c) { c.node.labels = {{"node-role.kubernetes.io/worker", ""}}; }, ""},
        Row{"role label",
            [](auto& c) {
              c = test::kube_worker();
              c.node.labels = {{"node-role.kubernetes.io/worker", ""}};
            },
            "node.labels.node-role.kubernetes.io/worker: the kubelet may not label its own node "
            "with 'node-role.kubernetes.io/worker', and does not start when told to; label the "
            "node "
            "as an administrator\n"},
        Row{"restricted label",
            [](auto& c) {
              c.kubelet.extra_args = {{"node-labels", "a=b,node-restriction.kubernetes.io/x=y"}};
            },
            "kubelet.extraArgs.node-labels.node-restriction.kubernetes.io/x: the kubelet may not "
            "label its own node with 'node-restriction.kubernetes.io/x', and does not start when "
            "told to; label the node as an administrator\n"},
        Row{"allowed labels",
            [](auto& c) {
              c.node.labels = {{"topology.kubernetes.io/zone", "z"},
                               {"node.kubernetes.io/lifecycle", "spot"},
                               {"x.kubelet.kubernetes.io/y", ""},
                               {"notkubernetes.io/z", "1"},
                               {"plain", "A_b.c-d"}};
            },
            ""},
        Row{"label value", [](auto& c) { c.node.labels = {{"pool", "a,b=c"}}; },
            "node.labels.pool: 'a,b=c' is no label's value: letters, digits, '-', '_' and '.', 63 "
            "at "
            "most, with a letter or digit at both ends\n"},
        Row{"label key", [](auto& c) { c.node.labels = {{"a b", "c"}}; },
            "node.labels.a b: 'a b' is no label's name\n"},
        Row{"taint", [](auto& c) { c.node.taints = {{"gpu", "", "NoRun"}}; },
            "node.taints.gpu: 'NoRun' is no effect; NoSchedule, PreferNoSchedule or NoExecute\n"},
        Row{"narrow pods", [](auto& c) { c.cluster.pod_cidr = "10.244.0.0/26"; },
            "cluster.podCIDR: '10.244.0.0/26' has no room for one node's /24; set a wider range, "
            "or "
            "controllerManager.extraArgs.node-cidr-mask-size-ipv4\n"},
        Row{"narrow pods, smaller nodes",
            [](auto& c) {
              c.cluster.pod_cidr = "10.244.0.0/26";
              c.controller_manager.extra_args = {{"node-cidr-mask-size", "28"}};
            },
            ""},
        Row{"wide pods", [](auto& c) { c.cluster.pod_cidr = "10.0.0.0/7"; },
            "cluster.podCIDR: '10.0.0.0/7' is too wide for nodes of /24: kube-controller-manager "
            "counts 2^16 of them at most; set a narrower range, or "
            "controllerManager.extraArgs.node-cidr-mask-size-ipv4\n"},
        Row{"pods not a range", [](auto& c) { c.cluster.pod_cidr = "10.244.0.0"; },
            "cluster.podCIDR: '10.244.0.0' lacks its prefix length, such as 10.96.0.0/16\n"},
        Row{"no pods' range", [](auto& c) { c.cluster.pod_cidr = ""; }, ""}),
    [](auto const& row) {
      std::string name = row.param.name;
      std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
      return name;
    });

// As user-data may hold: what each of the keys was meant to be is not looked for.
TEST(KubeLint, ManyUnknownFieldsAreToldInTime) {
  auto config = test::kube_master();
  config.kubelet.config = Tree::map();
  for (int i = 0; i < 40'000; ++i) {
    config.kubelet.config.entries().push_back({fmt::format("unknownField{}", i), {}, Tree(1)});
  }
  EXPECT_EQ(lint(config, {33, 0, ""}).size(), 40'000u);
}

TEST(KubeLint, RenderSaysAllOfItAtOnce) {
  auto config = test::kube_master();
  config.kubernetes.version = "1.35.0";
  config.apiserver.extra_args = {{"cloud-provider", "aws"}};
  config.kubelet.extra_args = {{"pod-infra-container-image", "pause:3.10"}};
  auto files = render(config, test::kube_identity());
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().kind, Kind::invalid);
  EXPECT_NE(files.error().message.text.find("kubelet.extraArgs.pod-infra-container-image: "),
            std::string::npos);
  EXPECT_NE(files.error().message.text.find("; apiserver.extraArgs.cloud-provider: "),
            std::string::npos);
}

}  // namespace
}  // namespace haagent::bootstrap::kube
