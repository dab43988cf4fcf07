#include "bootstrap/kube/host_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/yaml.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/render.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Use = NamedPath::Use;

using Args = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> in_short(std::vector<HostPath> const& mounts) {
  std::vector<std::string> words;
  for (auto const& each : mounts)
    words.push_back(fmt::format("{} {}{}", each.path, each.type, each.read_only ? "" : " rw"));
  return words;
}
std::vector<std::string> in_short(std::vector<NamedPath> const& paths) {
  std::vector<std::string> words;
  for (auto const& each : paths) {
    auto const* use = each.use == Use::reads    ? "reads"
                      : each.use == Use::writes ? "writes"
                      : each.use == Use::fills  ? "fills"
                                                : "connects";
    words.push_back(fmt::format("{} {}", use, each.path));
  }
  return words;
}

std::vector<HostPath> const kOfPod = {{"k8s-certs", "/etc/kubernetes/pki", "Directory"},
                                      {"ca-certs", "/etc/ssl/certs", "DirectoryOrCreate"},
                                      {"kubeconfig", "/etc/kubernetes/x.conf", "File"}};

TEST(NamedPaths, EachFlagThatNamesAFile) {
  auto config = test::kube_master();
  config.apiserver.extra_args = {
      {"audit-policy-file", "/etc/kubernetes/audit/policy.yaml"},
      {"audit_log_path", "/var/log/kubernetes/audit.log"},
      {"encryption-provider-config", "/etc/kubernetes/enc//config.yaml"},
      {"service-account-key-file", "/etc/a.pub"},
      {"service-account-key-file", "/etc/b.pub"},
      {"tls-sni-cert-key", "/etc/sni/x.crt,/etc/sni/x.key:x.example,*.y.example"},
      {"service-account-signing-endpoint", "/run/signer/s.sock"},
      {"cert-dir", "/var/run/kubernetes/"},
      {"v", "2"},
      {"audit-webhook-config-file", ""},
  };
  EXPECT_THAT(
      in_short(named_paths(config, Component::apiserver)),
      ElementsAre("reads /etc/kubernetes/audit/policy.yaml", "writes /var/log/kubernetes/audit.log",
                  "reads /etc/kubernetes/enc/config.yaml", "reads /etc/a.pub", "reads /etc/b.pub",
                  "reads /etc/sni/x.crt", "reads /etc/sni/x.key", "connects /run/signer/s.sock",
                  "fills /var/run/kubernetes"));
  EXPECT_EQ(named_paths(config, Component::apiserver)[1].key, "apiserver.extraArgs.audit_log_path");
  config.apiserver.extra_args = {{"audit-log-path", "-"},
                                 {"service-account-signing-endpoint", "@signer"}};
  EXPECT_THAT(named_paths(config, Component::apiserver), IsEmpty());
  EXPECT_THAT(relative_paths(config), IsEmpty());
  config.apiserver.extra_args = {{"audit-policy-file", "policy.yaml"}};
  ASSERT_EQ(relative_paths(config).size(), 1u);
  EXPECT_EQ(relative_paths(config)[0].path, "apiserver.extraArgs.audit-policy-file");

  config.apiserver.extra_args = {};
  config.apiserver.config = yaml::parse(R"(
spec:
  containers:
  - name: kube-apiserver
    command: [kube-apiserver, --tracing-config-file=/srv/tracing.yaml, -v=2]
    args: [--profiling, --oidc_ca-file, /srv/ca.crt, /srv/stray]
  - {name: sidecar, args: [--config=/etc/sidecar.yaml]}
)")
                                .value();
  EXPECT_THAT(in_short(named_paths(config, Component::apiserver)),
              ElementsAre("reads /srv/tracing.yaml", "reads /srv/ca.crt"))
      << "a sidecar's files are its own";

  config.kubelet.extra_args = {{"config", "/etc/kubelet.yaml"}};
  EXPECT_THAT(named_paths(config, Component::kubelet), IsEmpty()) << "it is no pod";
  config.scheduler.config = yaml::parse(R"(
clientConnection: {kubeconfig: /etc/scheduler/other.conf}
extenders: [{urlPrefix: "https://x", tlsConfig: {caFile: /etc/scheduler/ca.crt}}]
)")
                                .value();
  EXPECT_THAT(in_short(named_paths(config, Component::scheduler)),
              ElementsAre("reads /etc/scheduler/other.conf", "reads /etc/scheduler/ca.crt"));
}

TEST(NamedIn, WhatFilesNameInTheirTurn) {
  struct Row {
    char const* text;
    std::vector<std::string> named;
  };
  NamedPath const file{"key", "/etc/kubernetes/admission/config.yaml"};
  for (auto const& row : {
           Row{"kind: AdmissionConfiguration\nplugins:\n"
               "- {name: PodSecurity, path: pod-security.yaml}\n"
               "- {name: ImagePolicyWebhook, path: /etc/policy/image.yaml}\n"
               "- {name: EventRateLimit, configuration: {kubeConfigFile: /etc/policy/k.conf}}\n",
               {"reads /etc/kubernetes/admission/pod-security.yaml", "reads /etc/policy/image.yaml",
                "reads /etc/policy/k.conf"}},
           Row{"kind: Config\nclusters: [{cluster: {certificate-authority: ca.crt, server: x}}]\n"
               "users: [{user: {client-certificate: /a/c.crt, client-key: ../c.key, tokenFile: "
               "/a/token}}]\n",
               {"reads /etc/kubernetes/admission/ca.crt", "reads /a/c.crt",
                "reads /etc/kubernetes/c.key", "reads /a/token"}},
           Row{"kind: Config\nclusters: [{cluster: {certificate-authority-data: LS0t}}]\n", {}},
           Row{"imagePolicy: {kubeConfigFile: /etc/policy/webhook.conf}\n",
               {"reads /etc/policy/webhook.conf"}},
           Row{"kind: AuthorizationConfiguration\nauthorizers: [{webhook: {connectionInfo: {type: "
               "KubeConfigFile, kubeConfigFile: /etc/authz.conf}}}]\n",
               {"reads /etc/authz.conf"}},
           Row{"kind: EncryptionConfiguration\nresources: [{providers: [{kms: {endpoint: "
               "unix:///var/run/kms/s.sock}}, {kms: {endpoint: \"unix:///@abstract\"}}]}]\n",
               {"connects /var/run/kms/s.sock"}},
           Row{"kind: EgressSelectorConfiguration\negressSelections: [{connection: {transport: "
               "{uds: {udsName: /etc/srv/konnectivity.socket}, tcp: {tlsConfig: {caBundle: "
               "/etc/srv/ca.crt, clientKey: /etc/srv/k, clientCert: /etc/srv/c}}}}}]\n",
               {"connects /etc/srv/konnectivity.socket", "reads /etc/srv/ca.crt",
                "reads /etc/srv/k", "reads /etc/srv/c"}},
           Row{"kind: MutatingWebhookConfiguration\nwebhooks: [{clientConfig: {caBundle: LS0t}}]\n",
               {}},
           Row{"kind: Policy\nrules: [{level: Metadata}]\n", {}},
           Row{"{ no yaml", {}},
           Row{"", {}},
       })
    EXPECT_EQ(in_short(named_in(file, row.text)), row.named) << row.text;
}

TEST(MountsFor, FoldersWhereTheyAreTheirOwnAndFilesWhereTheyAreNot) {
  auto reads = [](std::string path) { return NamedPath{"", std::move(path), Use::reads}; };
  struct Row {
    std::vector<NamedPath> paths;
    std::vector<std::string> mounts;
  };
  for (auto const& row : {
           Row{{reads("/etc/kubernetes/audit/policy.yaml")}, {"/etc/kubernetes/audit Directory"}},
           Row{{reads("/etc/kubernetes/audit.yaml")}, {"/etc/kubernetes/audit.yaml File"}},
           Row{{reads("/etc/kubernetes/pki/oidc/ca.crt")}, {}},
           Row{{reads("/etc/ssl/certs/oidc.crt")}, {}},
           Row{{reads("/etc/kubernetes/x.conf")}, {}},
           Row{{reads("/etc/kubernetes/pki-of-others/x")},
               {"/etc/kubernetes/pki-of-others Directory"}},
           Row{{reads("/etc/haagent/own/x.yaml")}, {"/etc/haagent/own/x.yaml File"}},
           Row{{reads("/srv/a/x"), reads("/srv/a/y"), reads("/srv/a/b/z")}, {"/srv/a Directory"}},
           Row{{reads("/srv/a/b/z"), reads("/srv/a/x")}, {"/srv/a Directory"}},
           Row{{{"", "/var/log/audit/x.log", Use::writes}},
               {"/var/log/audit DirectoryOrCreate rw"}},
           Row{{reads("/srv/a/x"), {"", "/srv/a/x.log", Use::writes}},
               {"/srv/a DirectoryOrCreate rw"}},
           Row{{{"", "/etc/kubernetes/pki/audit.log", Use::writes}},
               {"/etc/kubernetes/pki DirectoryOrCreate rw"}},
           Row{{{"", "/run/kms/s.sock", Use::connects}}, {"/run/kms DirectoryOrCreate"}},
       })
    EXPECT_EQ(in_short(mounts_for(row.paths, kOfPod, {})), row.mounts) << row.paths.front().path;

  // The user's own mounts stay the only ones of their paths.
  auto const overlay = yaml::parse(R"(
spec:
  containers: [{name: kube-apiserver, volumeMounts: [{name: audit, mountPath: /etc/audit}]}]
  volumes: [{name: audit, hostPath: {path: /srv/audit, type: Directory}}]
)")
                           .value();
  EXPECT_THAT(
      mounts_for({reads("/etc/audit/policy.yaml"), reads("/etc/audit/deep/er")}, kOfPod, overlay),
      IsEmpty());
  EXPECT_THAT(in_short(mounts_for({reads("/etc/audits/policy.yaml")}, kOfPod, overlay)),
              ElementsAre("/etc/audits Directory"));
  // Volumes' names are DNS labels, and no two paths share one.
  std::set<std::string> names;
  for (auto const& path : {"/srv/a-b/x", "/srv/a/b/x", "/srv/A/b/x", "/srv/a_b/x", "/srv/a.b/x",
                           "/srv/a23456789012345678901234567890123456789012345678901234567890/x",
                           "/srv/a23456789012345678901234567890123456789012345678901234567891/x"}) {
    auto const mounts = mounts_for({reads(path)}, {}, {});
    ASSERT_EQ(mounts.size(), 1u);
    EXPECT_TRUE(names.insert(mounts[0].name).second || std::string(path) == "/srv/a/b/x") << path;
    EXPECT_LE(mounts[0].name.size(), 63u);
    EXPECT_THAT(mounts[0].name, testing::MatchesRegex("[a-z0-9][-a-z0-9]*[a-z0-9]"));
  }
}

class HostFilesTest : public testing::Test {
 protected:
  std::vector<std::string> missing() {
    auto found = look_at_host_files(root_, config_);
    EXPECT_TRUE(found) << found.error().message.text;
    std::vector<std::string> sentences;
    for (auto const& each : found->missing) sentences.push_back(each.path + ": " + each.what);
    return sentences;
  }
  test::TemporaryDirectory directory_;
  Root const root_{directory_.path()};
  NodeConfig config_ = test::kube_master();
};

TEST_F(HostFilesTest, WhatIsMissingIsNamedDownToTheLastFile) {
  EXPECT_THAT(missing(), IsEmpty());
  config_.apiserver.extra_args = {{"admission-control-config-file", "/etc/adm/config.yaml"},
                                  {"audit-log-path", "/var/log/audit/audit.log"},
                                  {"encryption-provider-config", "/etc/enc/config.yaml"}};
  EXPECT_THAT(missing(), ElementsAre(HasSubstr("apiserver.extraArgs.admission-control-config-file: "
                                               "names /etc/adm/config.yaml"),
                                     HasSubstr("/etc/enc/config.yaml")));
  test::write_bytes(root_("/etc/adm/config.yaml"),
                    "kind: AdmissionConfiguration\nplugins: [{name: P, path: p.yaml}]\n");
  // A socket comes with its program, which may be a pod.
  test::write_bytes(root_("/etc/enc/config.yaml"),
                    "resources: [{providers: [{kms: {endpoint: unix:///run/kms/s.sock}}]}]\n");
  EXPECT_THAT(missing(), ElementsAre(HasSubstr("names a file that names /etc/adm/p.yaml")));
  test::write_bytes(root_("/etc/adm/p.yaml"), "imagePolicy: {kubeConfigFile: /etc/adm/k.conf}\n");
  EXPECT_THAT(missing(), ElementsAre(HasSubstr("/etc/adm/k.conf")));
  test::write_bytes(root_("/etc/adm/k.conf"),
                    "clusters: [{cluster: {certificate-authority: ca.crt}}]\n");
  EXPECT_THAT(missing(), ElementsAre(HasSubstr("/etc/adm/ca.crt")));
  // One that names itself is no circle.
  test::write_bytes(root_("/etc/adm/ca.crt"), "kubeConfigFile: /etc/adm/ca.crt\n");
  EXPECT_THAT(missing(), IsEmpty());
  std::filesystem::remove(root_("/etc/adm/p.yaml"));
  std::filesystem::create_directory(root_("/etc/adm/p.yaml"));
  EXPECT_THAT(missing(), ElementsAre(HasSubstr("is no file")));
  config_.role = Role::worker;
  EXPECT_THAT(missing(), IsEmpty()) << "a worker has no apiserver";
}

// As certbot lays certificates out.
TEST_F(HostFilesTest, WhereALinkLeadsIsThereAsWell) {
  config_.apiserver.extra_args = {{"tls-cert-file", "/srv/live/x/chain.pem"}};
  test::write_bytes(root_("/srv/archive/x/chain1.pem"), "pem");
  std::filesystem::create_directories(root_("/srv/live/x"));
  std::filesystem::create_symlink("../../archive/x/chain1.pem", root_("/srv/live/x/chain.pem"));
  auto const found = look_at_host_files(root_, config_).value();
  EXPECT_THAT(found.missing, IsEmpty());
  EXPECT_THAT(in_short(found.named_inside.at(Component::apiserver)),
              ElementsAre("reads /srv/archive/x/chain1.pem"));
  std::filesystem::remove(root_("/srv/archive/x/chain1.pem"));
  EXPECT_THAT(missing(), ElementsAre(HasSubstr("names /srv/live/x/chain.pem")));
}

TEST_F(HostFilesTest, WhatTheUserMountsIsLookedForWhereTheHostHasIt) {
  config_.apiserver.extra_args = {{"audit-policy-file", "/in-the-pod/policy.yaml"},
                                  {"oidc-ca-file", "/secret/ca.crt"}};
  config_.apiserver.config = yaml::parse(R"(
spec:
  containers:
    - name: kube-apiserver
      volumeMounts: [{name: audit, mountPath: /in-the-pod}, {name: other, mountPath: /secret}]
  volumes: [{name: audit, hostPath: {path: /srv/audit}}, {name: other, emptyDir: {}}]
)")
                                 .value();
  EXPECT_THAT(missing(), ElementsAre(HasSubstr("/srv/audit/policy.yaml")));
  test::write_bytes(root_("/srv/audit/policy.yaml"), "kind: Policy\n");
  EXPECT_THAT(missing(), IsEmpty());
}

// The agent's unit has a /tmp of its own, so that the agent by hand must refuse the machine's, too.
TEST_F(HostFilesTest, AreNotInAFolderThatTheAgentDoesNotSee) {
  for (std::string const path : {"/tmp/audit.yaml", "/var/tmp/kube/audit.yaml"}) {
    config_.apiserver.extra_args = {{"audit-policy-file", path}};
    test::write_bytes(root_(path), "kind: Policy\n");
    auto const found = look_at_host_files(root_, config_).value();
    ASSERT_EQ(found.missing.size(), 1u) << path;
    EXPECT_THAT(found.missing[0].what, HasSubstr(path));
  }
  config_.apiserver.extra_args = {{"audit-policy-file", "/tmpl/audit.yaml"}};
  test::write_bytes(root_("/tmpl/audit.yaml"), "kind: Policy\n");
  EXPECT_THAT(look_at_host_files(root_, config_).value().missing, IsEmpty());
}

// Down to the manifest: every path that a flag or a file names can be seen in the pod.
TEST_F(HostFilesTest, AreMountedIntoThePod) {
  config_.apiserver.extra_args = {{"admission-control-config-file", "/etc/adm/config.yaml"},
                                  {"audit-log-path", "/var/log/audit/audit.log"},
                                  {"audit-policy-file", "/etc/kubernetes/audit.yaml"}};
  test::write_bytes(root_("/etc/adm/config.yaml"),
                    "kind: AdmissionConfiguration\nplugins: [{name: P, path: /srv/p/p.yaml}]\n");
  test::write_bytes(root_("/srv/p/p.yaml"), "a: b\n");
  test::write_bytes(root_("/etc/kubernetes/audit.yaml"), "kind: Policy\n");
  auto const found = look_at_host_files(root_, config_).value();
  ASSERT_THAT(found.missing, IsEmpty());
  auto const files =
      render(config_, test::kube_identity(), {.host = {.named_inside = found.named_inside}})
          .value();
  auto const manifest =
      std::ranges::find(files, manifest_path(Component::apiserver), &RenderedFile::path);
  ASSERT_NE(manifest, files.end());
  auto const pod = yaml::parse(manifest->bytes).value();
  auto const& container = pod.at_path("spec.containers")->items()[0];
  std::map<std::string, std::string> mounted;
  for (auto const& mount : container.find("volumeMounts")->items())
    for (auto const& volume : pod.at_path("spec.volumes")->items())
      if (volume.text_at("name") == mount.text_at("name"))
        mounted[mount.text_at("mountPath")] =
            volume.find("hostPath")->text_at("type") + (mount.find("readOnly") ? "" : " rw");
  EXPECT_EQ(mounted["/etc/adm"], "Directory");
  EXPECT_EQ(mounted["/srv/p"], "Directory");
  EXPECT_EQ(mounted["/etc/kubernetes/audit.yaml"], "File");
  EXPECT_EQ(mounted["/var/log/audit"], "DirectoryOrCreate rw");
}

}  // namespace
}  // namespace haagent::bootstrap::kube
