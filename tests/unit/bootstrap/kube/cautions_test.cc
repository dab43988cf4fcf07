#include "bootstrap/kube/cautions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/yaml.h"
#include "bootstrap/kube/steps.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::kube {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Args = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> paths_of(std::vector<Complaint> const& complaints) {
  std::vector<std::string> paths;
  for (auto const& each : complaints) paths.push_back(each.path);
  return paths;
}
std::vector<Complaint> said(NodeConfig const& config, char const* version = "1.36.3") {
  return cautions(config, parse_kube_version(version).value());
}

TEST(Cautions, NothingIsSaidOfTheDefaults) {
  EXPECT_THAT(said(test::kube_master()), IsEmpty());
  EXPECT_THAT(said(test::kube_worker()), IsEmpty());
}

TEST(Cautions, WhatTakesTheGuardOfNodesAway) {
  struct Row {
    Args args;
    char const* overlay;
    std::vector<std::string> paths;
  };
  std::string const plugins = "apiserver.extraArgs.enable-admission-plugins";
  std::string const off = "apiserver.extraArgs.disable-admission-plugins";
  std::string const mode = "apiserver.extraArgs.authorization-mode";
  for (auto const& row : {
           Row{{{"enable-admission-plugins", "NodeRestriction,PodSecurity"}}, "", {}},
           Row{{{"enable-admission-plugins", "PodSecurity"}}, "", {plugins}},
           Row{{{"enable-admission-plugins", ""}}, "", {plugins}},
           Row{{{"enable_admission_plugins", "NodeRestrictionX"}}, "", {plugins}},
           Row{{{"disable-admission-plugins", "ServiceAccount,NodeRestriction"}}, "", {off}},
           Row{{{"disable-admission-plugins", "ServiceAccount"}}, "", {}},
           Row{{{"authorization-mode", "RBAC"}}, "", {mode}},
           Row{{{"authorization-mode", ""}}, "", {mode}},
           Row{{{"authorization-mode", "Node,AlwaysAllow"}}, "", {mode}},
           Row{{{"authorization-mode", "RBAC,Webhook,Node"}}, "", {}},
           Row{{{"authorization-config", "/etc/kubernetes/authz.yaml"}}, "", {}},
           Row{{},
               "spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, "
               "--authorization-mode=RBAC]}]}",
               {"apiserver.config", "apiserver.config"}},
           Row{{},
               "spec: {containers: [{name: kube-apiserver, args: [--authorization-mode=RBAC]}]}",
               {"apiserver.config"}},
           Row{{{"authorization-mode", "RBAC"}},
               "spec: {containers: [{name: kube-apiserver, args: [--authorization-mode=Node]}]}",
               {}},
           // The value as the next word, in either list, and with one dash.
           Row{{},
               "spec: {containers: [{name: kube-apiserver, args: [--authorization-mode, RBAC]}]}",
               {"apiserver.config"}},
           Row{{{"authorization-mode", "RBAC"}},
               "spec: {containers: [{name: kube-apiserver, args: [-authorization_mode, Node]}]}",
               {}},
           Row{{},
               "spec: {containers: [{name: kube-apiserver, command: [kube-apiserver, "
               "--enable-admission-plugins, NodeRestriction, --authorization-mode], "
               "args: [Node]}]}",
               {}},
           // The last one counts.
           Row{{},
               "spec: {containers: [{name: kube-apiserver, args: [--authorization-mode=RBAC, "
               "--authorization-mode, Node]}]}",
               {}},
           // Another container's command line is its own affair.
           Row{{},
               "spec: {containers: [{name: proxy, command: [proxy], "
               "args: [--authorization-mode=AlwaysAllow, "
               "--disable-admission-plugins=NodeRestriction]}]}",
               {}},
           Row{{{"authorization-mode", "RBAC"}},
               "spec: {containers: [{name: proxy, args: [--authorization-mode=Node]}]}",
               {mode}},
       }) {
    auto config = test::kube_master();
    config.apiserver.extra_args = row.args;
    if (*row.overlay) config.apiserver.config = yaml::parse(row.overlay).value();
    EXPECT_EQ(paths_of(said(config)), row.paths)
        << row.overlay << (row.args.empty() ? "" : row.args[0].first + "=" + row.args[0].second);
    config.role = Role::worker;
    EXPECT_THAT(said(config), IsEmpty()) << "a worker has no apiserver";
  }
}

TEST(Cautions, FlagsOfTheKubeletThatReplaceWhatTheConfigSays) {
  struct Row {
    Args args;
    char const* overlay;
    std::vector<std::string> paths;
  };
  for (auto const& row : {
           Row{{{"node-labels", "a=b"}}, "", {"kubelet.extraArgs.node-labels"}},
           Row{{{"node_labels", ""}}, "", {"kubelet.extraArgs.node-labels"}},
           Row{{{"register-with-taints", "a=b:NoSchedule"}},
               "",
               {"kubelet.extraArgs.register-with-taints"}},
           Row{{}, "registerWithTaints: []", {"kubelet.config.registerWithTaints"}},
           Row{{{"register-node", "false"}}, "", {"kubelet.extraArgs.register-node"}},
           Row{{}, "registerNode: false", {"kubelet.config.registerNode"}},
           Row{{}, "registerNode: true", {}},
           Row{{{"hostname-override", "x"}}, "", {"kubelet.extraArgs.hostname-override"}},
           Row{{{"v", "2"}}, "maxPods: 58", {}},
       }) {
    auto config = test::kube_master();
    config.kubelet.extra_args = row.args;
    if (*row.overlay) config.kubelet.config = yaml::parse(row.overlay).value();
    EXPECT_EQ(paths_of(said(config)), row.paths)
        << row.overlay << (row.args.empty() ? "" : row.args[0].first);
  }
  auto worker = test::kube_worker();
  worker.node.taints.clear();
  worker.kubelet.config = yaml::parse("registerWithTaints: []").value();
  EXPECT_THAT(said(worker), IsEmpty()) << "there is no taint to lose";
  worker.kube_proxy.config = yaml::parse("hostnameOverride: other").value();
  EXPECT_THAT(paths_of(said(worker)), ElementsAre("kubeProxy.config.hostnameOverride"));
}

// Each of these works until the apiserver asks for a log.
TEST(Cautions, WhatMakesTheApiserverRefuseAKubelet) {
  struct Row {
    Args args;
    char const* overlay;
    std::vector<std::string> paths;
  };
  for (auto const& row : {
           Row{{{"tls-cert-file", "/etc/k.crt"}}, "", {"kubelet.extraArgs.tls-cert-file"}},
           Row{{{"tls-cert-file", ""}}, "", {}},
           Row{{},
               "{tlsCertFile: /k.crt, tlsPrivateKeyFile: /k.key}",
               {"kubelet.config.tlsCertFile"}},
           Row{{{"cert-dir", "/srv/pki"}}, "", {"kubelet.extraArgs.cert-dir"}},
           Row{{{"cert-dir", "/var/lib/kubelet/pki"}}, "", {}},
           Row{{{"rotate-server-certificates", "true"}},
               "",
               {"kubelet.extraArgs.rotate-server-certificates"}},
           Row{{}, "serverTLSBootstrap: true", {"kubelet.config.serverTLSBootstrap"}},
           Row{{}, "serverTLSBootstrap: false", {}},
       }) {
    for (auto config : {test::kube_master(), test::kube_worker()}) {
      config.kubelet.extra_args = row.args;
      if (*row.overlay) config.kubelet.config = yaml::parse(row.overlay).value();
      EXPECT_EQ(paths_of(said(config)), row.paths)
          << row.overlay << (row.args.empty() ? "" : row.args[0].first);
      if (config.role != Role::master) continue;
      config.apiserver.extra_args = {{"kubelet-certificate-authority", ""}};
      EXPECT_THAT(said(config), IsEmpty()) << "it asks for no certificate then";
    }
  }
  auto master = test::kube_master();
  std::string const types = "kubelet-preferred-address-types";
  master.apiserver.extra_args = {{types, "ExternalIP,InternalIP"}};
  EXPECT_THAT(paths_of(said(master)), ElementsAre("apiserver.extraArgs." + types));
  for (auto const* good : {"InternalDNS,InternalIP", "Hostname", "InternalIP,ExternalIP"}) {
    master.apiserver.extra_args = {{types, good}};
    EXPECT_THAT(said(master), IsEmpty()) << good;
  }
}

TEST(Cautions, AnEvictionThresholdThatIsLeftOutIsNone) {
  struct Row {
    Args args;
    char const* overlay;
    char const* version;
    std::vector<std::string> missing;  // each is named
  };
  constexpr char const* kAll =
      "evictionHard: {memory.available: 5%, nodefs.available: 10%, nodefs.inodesFree: 5%, "
      "imagefs.available: 15%, imagefs.inodesFree: 5%}";
  for (auto const& row : {
           Row{{},
               "evictionHard: {memory.available: 5%}",
               "1.32.0",
               {"nodefs.available: 10%", "nodefs.inodesFree", "imagefs.available: 15%"}},
           Row{{},
               "evictionHard: {memory.available: 5%}",
               "1.33.0",
               {"mergeDefaultEvictionSettings"}},
           Row{{}, "evictionHard: {}", "1.36.0", {"memory.available"}},
           Row{{}, kAll, "1.36.0", {}},
           Row{{}, "evictionHard: null", "1.36.0", {}},
           Row{{},
               "{evictionHard: {memory.available: 5%}, mergeDefaultEvictionSettings: true}",
               "1.36.0",
               {}},
           Row{{{"eviction-hard", "memory.available<5%,nodefs.available<1%"}},
               "",
               "1.36.0",
               {"nodefs.inodesFree"}},
           Row{{{"eviction-hard",
                 "memory.available<5%,nodefs.available<1%,nodefs.inodesFree<5%,"
                 "imagefs.available<1%,imagefs.inodesFree<5%"}},
               "evictionHard: {memory.available: 5%}",
               "1.36.0",
               {}},
       }) {
    auto config = test::kube_worker();
    config.kubelet.extra_args = row.args;
    if (*row.overlay) config.kubelet.config = yaml::parse(row.overlay).value();
    auto const complaints = said(config, row.version);
    ASSERT_EQ(complaints.size(), row.missing.empty() ? 0u : 1u) << row.overlay;
    for (auto const& missing : row.missing)
      EXPECT_THAT(complaints[0].what, HasSubstr(missing)) << row.overlay;
  }
}

class CautionsHere : public testing::Test {
 protected:
  std::vector<std::string> said_here() {
    std::vector<std::string> sentences;
    for (auto const& each : cautions_here(config_, identity_, root_))
      sentences.push_back(each.path + ": " + each.what);
    return sentences;
  }
  test::TemporaryDirectory directory_;
  Root const root_{directory_.path()};
  NodeConfig config_ = test::kube_master();
  Identity identity_ = test::kube_identity();
};

TEST_F(CautionsHere, AnAddressInARangeOfTheClusters) {
  EXPECT_THAT(said_here(), IsEmpty());
  for (auto const& [service, pod, path] :
       {std::tuple("10.96.0.0/16", "10.0.0.0/8", "cluster.podCIDR"),
        std::tuple("10.0.0.0/16", "10.244.0.0/16", "cluster.serviceCIDR"),
        std::tuple("10.96.0.0/16", "fd00::/48,10.0.0.0/16", "cluster.podCIDR")}) {
    config_.cluster.service_cidr = service;
    config_.cluster.pod_cidr = pod;
    EXPECT_THAT(said_here(), ElementsAre(HasSubstr(path))) << pod;
  }
}

TEST_F(CautionsHere, AnAddressThatTheServingCertificateIsNotFor) {
  identity_.ipv6 = "2a05:d018:1:2::10";
  for (auto const* good :
       {"10.0.0.10", "2a05:d018:1:2:0::10", "10.0.0.10,2a05:d018:1:2::10", "::", "0.0.0.0", ""}) {
    config_.kubelet.extra_args = {{"node-ip", good}};
    EXPECT_THAT(said_here(), IsEmpty()) << good;
  }
  for (auto const* other : {"10.0.0.11", "10.0.0.10,2a05:d018:1:2::11"}) {
    config_.kubelet.extra_args = {{"node_ip", other}};
    EXPECT_THAT(said_here(), ElementsAre(HasSubstr("kubelet.extraArgs.node-ip"))) << other;
  }
}

TEST_F(CautionsHere, TheResolverThatPodsAreGiven) {
  auto const stub = "nameserver 127.0.0.53\noptions edns0\n";
  auto const real = "nameserver 10.0.0.2\nsearch x.internal\n";
  // A usual instance; and one with systemd-resolved, where the right file is known.
  test::write_bytes(root_("/etc/resolv.conf"), real);
  EXPECT_EQ(resolv_conf_for_pods(root_), "");
  EXPECT_THAT(said_here(), IsEmpty());
  test::write_bytes(root_("/run/systemd/resolve/stub-resolv.conf"), stub);
  test::write_bytes(root_("/run/systemd/resolve/resolv.conf"), real);
  fs::remove(root_("/etc/resolv.conf"));
  fs::create_symlink("../run/systemd/resolve/stub-resolv.conf", root_("/etc/resolv.conf"));
  EXPECT_EQ(resolv_conf_for_pods(root_), "/run/systemd/resolve/resolv.conf");
  EXPECT_THAT(said_here(), IsEmpty());
  // The user's own word goes before it, and is looked at.
  config_.kubelet.config = yaml::parse("resolvConf: /etc/resolv.conf").value();
  EXPECT_THAT(said_here(), ElementsAre(HasSubstr("kubelet.config.resolvConf: ")));
  config_.kubelet.config = {};
  config_.kubelet.extra_args = {{"resolv-conf", "/etc/resolv.conf"}};
  EXPECT_THAT(said_here(), ElementsAre(HasSubstr("kubelet.extraArgs.resolv-conf: ")));
  config_.kubelet.extra_args = {};
  // A resolver on the loopback that has no such file: nothing better is known.
  fs::remove(root_("/run/systemd/resolve/resolv.conf"));
  EXPECT_EQ(resolv_conf_for_pods(root_), "");
  EXPECT_THAT(said_here(),
              ElementsAre(HasSubstr("/etc/resolv.conf names servers on the loopback")));
  // Behind it stands another stub.
  test::write_bytes(root_("/run/systemd/resolve/resolv.conf"), "nameserver ::1\n");
  EXPECT_EQ(resolv_conf_for_pods(root_), "");
}

TEST_F(CautionsHere, FilesOfOthersThatTheKubeletRuns) {
  Facts facts;
  facts.identity.set(identity_);
  NodeFiles node_files(config_);
  KubeFiles files(config_, root_, node_files);
  ControlPlane control_plane(config_, root_, node_files);
  ASSERT_TRUE(test::look_and_act(files, facts));
  ASSERT_TRUE(test::look_and_act(control_plane, facts));
  EXPECT_THAT(said_here(), IsEmpty());
  auto const folder = root_("/etc/kubernetes/manifests");
  test::write_bytes(folder / ".kube-apiserver.yaml.swp", "x");
  fs::create_directory(folder / "old");
  EXPECT_THAT(said_here(), IsEmpty()) << "the kubelet reads neither";
  for (auto const* name :
       {"kube-apiserver.yaml.backup", "kube-apiserver.yaml~", "etcd.yaml", "README"}) {
    test::write_bytes(folder / name, "x");
    EXPECT_THAT(said_here(), ElementsAre(HasSubstr(name)));
    fs::remove(folder / name);
  }
}

}  // namespace
}  // namespace haagent::bootstrap::kube
