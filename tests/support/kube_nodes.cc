#include "tests/support/kube_nodes.h"

#include <gtest/gtest.h>

#include "agent/base/yaml.h"

namespace haagent::test {
namespace {

Tree yaml_of(std::string_view text) {
  auto tree = yaml::parse(text);
  EXPECT_TRUE(tree) << (tree ? "" : tree.error().what);
  return tree.value_or(Tree());
}

}  // namespace

Identity kube_identity() {
  return {.instance_id = "i-0123456789abcdef0",
          .instance_type = "m6i.large",
          .image_id = "ami-0123456789abcdef0",
          .account_id = "123456789012",
          .region = "eu-west-1",
          .zone = "eu-west-1a",
          .zone_id = "euw1-az2",
          .partition = "aws",
          .domain = "amazonaws.com",
          .address = "10.0.0.10",
          .ipv4 = "10.0.0.10",
          .ipv6 = "",
          .hostname = "ip-10-0-0-10.eu-west-1.compute.internal",
          .architecture = "x86_64"};
}

Identity kube_identity_ipv6() {
  auto identity = kube_identity();
  identity.address = identity.ipv6 = "2a05:d018:1:2::10";
  identity.ipv4 = "";
  identity.hostname = "i-0123456789abcdef0.eu-west-1.compute.internal";
  return identity;
}

NodeConfig kube_master() {
  NodeConfig config;
  config.cluster.name = "prod.example.com";
  config.cluster.endpoint = "https://prod-api-123.elb.eu-west-1.amazonaws.com";
  config.cluster.state = "s3://prod-haagent/prod.example.com";
  config.kubernetes.version = "1.33.2";
  return config;
}

NodeConfig kube_worker() {
  auto config = kube_master();
  config.role = Role::worker;
  return config;
}

NodeConfig kube_master_with_overlays() {
  auto config = kube_master();
  config.node.labels = {{"example.com/pool", "masters"}};
  config.node.taints = {{"example.com/dedicated", "control-plane", "NoExecute"}};
  config.kubelet.config = yaml_of(
      "maxPods: 60\nshutdownGracePeriod: 90s\nauthentication: {webhook: {cacheTTL: 30s}}\n"
      "evictionHard: {memory.available: 200Mi}\n");
  config.kubelet.extra_args = {{"v", "2"}, {"node-ip", ""}};
  config.kube_proxy.config = yaml_of("mode: nftables\nclusterCIDR: null\n");
  config.apiserver.extra_args = {
      {"service_account_issuer", "https://oidc.example.com"},
      {"service-account-issuer", "https://kubernetes.default.svc.cluster.local"},
      {"audit-policy-file", "/etc/kubernetes/audit/policy.yaml"},
      {"secure-port", "8443"},
      {"anonymous-auth", "false"}};
  config.apiserver.config = yaml_of(R"(
metadata: {labels: {example.com/tier: platform}}
spec:
  containers:
    - name: kube-apiserver
      resources: {requests: {cpu: "1", memory: 2Gi}}
      volumeMounts: [{name: audit, mountPath: /etc/kubernetes/audit, readOnly: true}]
  volumes: [{name: audit, hostPath: {path: /etc/kubernetes/audit, type: Directory}}]
)");
  config.controller_manager.extra_args = {{"cloud-provider", ""},
                                          {"node-cidr-mask-size-ipv4", "25"}};
  config.scheduler.endpoint = EndpointMode::replicated;
  config.scheduler.config = yaml_of("leaderElection: {leaseDuration: 30s}\nparallelism: 32\n");
  config.scheduler.image = "mirror.example.com/kube-scheduler@sha256:" + std::string(64, 'a');
  return config;
}

NodeConfig kube_master_ipv6() {
  auto config = kube_master();
  config.cluster.service_cidr = "fd00:96::/112";
  config.cluster.pod_cidr = "fd00:10:244::/56";
  return config;
}

}  // namespace haagent::test
