// The defaults that the CIS benchmark asks for, and that each has its switch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "agent/base/yaml.h"
#include "bootstrap/kube/api_policies.h"
#include "bootstrap/kube/kernel_defaults.h"
#include "bootstrap/kube/render.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::kube {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::map<std::string, RenderedFile> files_of(NodeConfig const& config) {
  auto files = render(config, test::kube_identity());
  EXPECT_TRUE(files) << (files ? "" : files.error().message.text);
  std::map<std::string, RenderedFile> named;
  for (auto& file : files.value_or(std::vector<RenderedFile>())) named[file.path] = file;
  return named;
}

std::string apiserver_of(NodeConfig const& config) {
  return files_of(config)["/etc/kubernetes/manifests/kube-apiserver.yaml"].bytes;
}

NodeConfig master_of(char const* version, std::vector<std::pair<std::string, std::string>> flags) {
  auto config = test::kube_master();
  config.kubernetes.version = version;
  config.apiserver.extra_args = std::move(flags);
  return config;
}

TEST(KubePolicies, AnonymousRequestsReachHealthAlone) {
  struct {
    char const* version;
    char const* api_version;  // null: there is no such file
  } const rows[] = {{"1.31.9", nullptr},
                    {"1.32.0", "apiserver.config.k8s.io/v1beta1"},
                    {"1.33.2", "apiserver.config.k8s.io/v1beta1"},
                    {"1.34.0", "apiserver.config.k8s.io/v1"},
                    {"1.37.1", "apiserver.config.k8s.io/v1"}};
  for (auto const& row : rows) {
    SCOPED_TRACE(row.version);
    auto const config = master_of(row.version, {});
    auto files = files_of(config);
    auto const has = files.contains(kAuthenticationConfig);
    EXPECT_EQ(has, row.api_version != nullptr);
    auto const flag = HasSubstr("--authentication-config=/etc/kubernetes/authentication.yaml\n");
    if (!has) {
      EXPECT_THAT(apiserver_of(config), Not(flag));
      continue;
    }
    EXPECT_THAT(apiserver_of(config), flag);
    EXPECT_THAT(apiserver_of(config), Not(HasSubstr("--anonymous-auth")));
    EXPECT_THAT(apiserver_of(config), HasSubstr("mountPath: /etc/kubernetes/authentication.yaml"));
    // The kubelet probes without a name.
    EXPECT_THAT(apiserver_of(config),
                AllOf(HasSubstr("path: /livez"), Not(HasSubstr("tcpSocket"))));
    auto document = yaml::parse(files[kAuthenticationConfig].bytes).value();
    EXPECT_EQ(document.text_at("apiVersion"), row.api_version);
    std::vector<std::string> paths;
    for (auto const& condition : document.at_path("anonymous.conditions")->items())
      paths.push_back(condition.text_at("path"));
    EXPECT_THAT(paths, testing::UnorderedElementsAre("/livez", "/readyz", "/healthz"));
  }
}

// kube-apiserver does not start with both.
TEST(KubePolicies, UsersThatSayWhoMayAskAnonymouslyHaveTheLastWord) {
  for (auto const& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"anonymous-auth", "true"},
           {"anonymous_auth", "false"},
           {"oidc-issuer-url", "https://login.example.com"},
           {"authentication-config", ""},
           {"authentication-config", "/etc/kubernetes/my-authentication.yaml"},
           {"feature-gates", "AnonymousAuthConfigurableEndpoints=false"}}) {
    SCOPED_TRACE(name + "=" + value);
    auto const config = master_of("1.33.2", {{name, value}});
    EXPECT_FALSE(files_of(config).contains(kAuthenticationConfig));
    EXPECT_THAT(apiserver_of(config), Not(HasSubstr(kAuthenticationConfig)));
  }
}

TEST(KubePolicies, WhoDidWhatIsRecordedAndTheLogIsBounded) {
  auto const config = test::kube_master();
  auto files = files_of(config);
  ASSERT_TRUE(files.contains(kAuditPolicy));
  EXPECT_EQ(files[kAuditPolicy].mode, 0600u);
  auto const manifest = apiserver_of(config);
  for (auto const* flag :
       {"--audit-policy-file=/etc/kubernetes/audit-policy.yaml", "--audit-log-maxage=30",
        "--audit-log-path=/var/log/kubernetes/audit/audit.log", "--audit-log-maxbackup=10",
        "--audit-log-maxsize=100", "mountPath: /var/log/kubernetes/audit"})
    EXPECT_THAT(manifest, HasSubstr(flag));
  // A body may be a secret's: nothing records one.
  auto const policy = yaml::parse(files[kAuditPolicy].bytes).value();
  auto const& rules = policy.find("rules")->items();
  ASSERT_FALSE(rules.empty());
  for (auto const& rule : rules)
    EXPECT_THAT((std::vector<std::string>{"None", "Metadata"}), Contains(rule.text_at("level")));
  EXPECT_EQ(rules.back().text_at("level"), "Metadata");
}

TEST(KubePolicies, AuditHasASwitchAndTakesAnotherPolicy) {
  for (auto const* value : {"", "/etc/kubernetes/audit/policy.yaml"}) {
    SCOPED_TRACE(value);
    auto const config = master_of("1.33.2", {{"audit-policy-file", value}});
    EXPECT_FALSE(files_of(config).contains(kAuditPolicy));
    EXPECT_THAT(apiserver_of(config), Not(HasSubstr("audit-log-")));
    EXPECT_THAT(apiserver_of(config), Not(HasSubstr(kAuditPolicy)));
  }
}

// A policy that changes is read at the apiserver's start alone.
TEST(KubePolicies, TheManifestChangesWithWhatTheApiserverReads) {
  auto one = apiserver_of(master_of("1.33.2", {}));
  auto other = apiserver_of(master_of("1.34.0", {}));
  auto hash = [](std::string const& manifest) {
    return yaml::parse(manifest)
        ->at_path("metadata.annotations")
        ->text_at("haagent.io/config-hash");
  };
  EXPECT_FALSE(hash(one).empty());
  EXPECT_NE(hash(one), hash(other));
}

TEST(KubePolicies, NothingTellsProfilesAndEveryServerSpeaksTodaysTls) {
  auto files = files_of(test::kube_master());
  for (auto const* name : {"apiserver", "controller-manager"}) {
    auto const& manifest = files[fmt::format("/etc/kubernetes/manifests/kube-{}.yaml", name)].bytes;
    EXPECT_THAT(manifest, AllOf(HasSubstr("--profiling=false"), HasSubstr("--tls-cipher-suites="),
                                HasSubstr("--tls-min-version=VersionTLS12")))
        << name;
  }
  EXPECT_THAT(files["/etc/kubernetes/manifests/kube-scheduler.yaml"].bytes,
              HasSubstr("--tls-min-version=VersionTLS12"));
  EXPECT_THAT(files["/etc/kubernetes/kube-scheduler.yaml"].bytes,
              HasSubstr("enableProfiling: false"));
  auto const kubelet = yaml::parse(files["/var/lib/kubelet/config.yaml"].bytes).value();
  EXPECT_EQ(kubelet.text_at("tlsMinVersion"), "VersionTLS12");
  for (auto const& suite : kubelet.find("tlsCipherSuites")->items())
    EXPECT_THAT(suite.text(), testing::MatchesRegex("TLS_ECDHE_.*(GCM|CHACHA20).*"));
  for (auto const* key : {"seccompDefault", "protectKernelDefaults"})
    EXPECT_EQ(kubelet.find(key)->as_boolean(), true) << key;
  EXPECT_GT(kubelet.find("podPidsLimit")->as_integer(), 0);
}

TEST(KubePolicies, EachKubeletDefaultHasASwitch) {
  auto config = test::kube_worker();
  config.kubelet.config =
      yaml::parse("{seccompDefault: false, protectKernelDefaults: false, podPidsLimit: -1}")
          .value();
  auto const kubelet = yaml::parse(files_of(config)["/var/lib/kubelet/config.yaml"].bytes).value();
  EXPECT_EQ(kubelet.find("seccompDefault")->as_boolean(), false);
  EXPECT_EQ(kubelet.find("protectKernelDefaults")->as_boolean(), false);
  EXPECT_EQ(kubelet.find("podPidsLimit")->as_integer(), -1);
}

TEST(KubePolicies, NoFileIsForOthersToRead) {
  for (auto const& config : {test::kube_master(), test::kube_worker()})
    for (auto const& [path, file] : files_of(config)) EXPECT_EQ(file.mode, 0600u) << path;
}

class KubeKernelDefaults : public testing::Test {
 protected:
  void write(std::string_view name, std::string_view value) {
    std::string path(name);
    std::ranges::replace(path, '.', '/');
    test::write_bytes(root_("/proc/sys/" + path), std::string(value) + "\n");
  }
  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
};

// Trap: the kubelet ends at once where protectKernelDefaults is set and one of them differs.
TEST_F(KubeKernelDefaults, AreLookedAtBeforeTheKubelet) {
  EXPECT_TRUE(check_kernel_defaults(root_, {})) << "what cannot be read says nothing";
  for (auto const& [name, value] : kKernelDefaults) write(name, value);
  EXPECT_TRUE(check_kernel_defaults(root_, {}));
  for (auto const& [name, value] : kKernelDefaults) {
    SCOPED_TRACE(name);
    write(name, "7");
    auto const found = check_kernel_defaults(root_, {});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, Kind::invalid);
    EXPECT_EQ(found.error().message.reason, Reason::KubeletWouldNotStart);
    EXPECT_THAT(found.error().message.advice,
                HasSubstr(fmt::format("sysctl -w {}={}`", name, value)));
    EXPECT_TRUE(check_kernel_defaults(root_, yaml::parse("protectKernelDefaults: false").value()));
    write(name, value);
  }
}

TEST_F(KubeKernelDefaults, AreWhatThePackageSets) {
  std::map<std::string, std::string> set;
  auto const text = test::bytes_of(std::filesystem::path(test::source_dir()) /
                                   "packaging/sysctl.d/60-haagent.conf");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto const equals = line.find(" = ");
    if (line.starts_with('#') || equals == line.npos) continue;
    set[line.substr(0, equals)] = line.substr(equals + 3);
  }
  std::map<std::string, std::string> wanted;
  for (auto const& [name, value] : kKernelDefaults) wanted[std::string(name)] = value;
  EXPECT_EQ(set, wanted);
}

}  // namespace
}  // namespace haagent::bootstrap::kube
