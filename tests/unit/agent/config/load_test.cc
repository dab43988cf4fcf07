#include "agent/config/load.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "agent/commands/config.h"
#include "tests/support/golden.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using test::bytes_of;
using test::golden_path;
using test::matches_golden;

constexpr auto kMinimal = R"(apiVersion: haagent.io/v1
kind: NodeConfig
role: master
cluster:
  name: prod.haagent.io
  endpoint: https://prod-api-123.elb.eu-west-1.amazonaws.com
  state: s3://prod-haagent/prod
kubernetes: {version: "1.33.2"}
)";

ConfigSource document(std::string name, std::string text) {
  return {std::move(name), std::move(text), ConfigSource::Form::document};
}
ConfigSource setting(std::string text) {
  return {"--set", std::move(text), ConfigSource::Form::setting};
}

LoadedConfig load(std::vector<ConfigSource> sources) {
  return read_config({.sources = std::move(sources), .problems = {}, .notes = {}});
}

LoadedConfig load_over_minimal(std::string text) {
  return load({document("base.yaml", kMinimal), document("over.yaml", std::move(text))});
}

std::vector<std::filesystem::path> yaml_files(std::filesystem::path const& folder) {
  std::vector<std::filesystem::path> files;
  for (auto const& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

// Whole pages: tests/golden/config/<name>.yaml is read as one file, <name>.expected is what people
// see, and behind it, where the file is good, what `config show` prints.
class ConfigPage : public testing::TestWithParam<std::filesystem::path> {};
TEST_P(ConfigPage, IsTheGoldenOne) {
  auto const& path = GetParam();
  auto loaded = load({document(path.filename(), bytes_of(path))});
  auto page = loaded.page();
  if (loaded.ok()) page += print_effective(loaded, OutputFormat::yaml, /*origins=*/true);
  auto expected = path;
  EXPECT_TRUE(matches_golden("config" / expected.replace_extension("expected").filename(), page));
}
INSTANTIATE_TEST_SUITE_P(Golden, ConfigPage, testing::ValuesIn(yaml_files(golden_path("config"))),
                         [](auto const& page) { return page.param.stem().string(); });

TEST(Config, FillsTheStructFromEveryKindOfValue) {
  auto loaded = load(
      {document("a.yaml", bytes_of(test::source_dir() / "packaging/examples/master-tuned.yaml"))});
  ASSERT_TRUE(loaded.ok()) << loaded.page();
  auto const& config = loaded.config;
  EXPECT_EQ(config.role, Role::master);
  EXPECT_EQ(config.cluster.name, "prod.haagent.io");
  EXPECT_EQ(config.cluster.service_cidr, "100.64.0.0/16");
  EXPECT_EQ(config.cluster.dns_domain, "cluster.local");
  EXPECT_EQ(config.volumes.filesystem, "xfs");
  EXPECT_TRUE(config.volumes.force_detach_terminated);
  EXPECT_EQ(config.pki.leaf_lifetime, std::chrono::hours(2160));
  EXPECT_EQ(config.etcd.main.quota_backend_bytes, 6ull << 30u);
  EXPECT_EQ(config.etcd.main.heartbeat_interval, std::nullopt) << "derived";
  EXPECT_EQ(config.etcd.main.extra_config.find("snapshot-count")->as_integer(), 10000);
  EXPECT_EQ(config.etcd.events.election_timeout, Duration(2000));
  EXPECT_EQ(config.kubelet.config.at_path("evictionHard")->text_at("memory.available"), "5%");
  EXPECT_EQ(config.apiserver.extra_args,
            (std::vector<std::pair<std::string, std::string>>{
                {"audit-log-maxage", "30"},
                {"enable-admission-plugins", "NodeRestriction,PodSecurity"},
                {"service-account-issuer", "https://oidc.prod.haagent.io"},
                {"service-account-issuer", "https://kubernetes.default.svc"}}));
  EXPECT_EQ(config.kubelet.endpoint, EndpointMode::replicated);
  EXPECT_EQ(config.scheduler.endpoint, EndpointMode::replicated);
  EXPECT_EQ(config.controller_manager.endpoint, EndpointMode::local);
  ASSERT_EQ(config.node.taints.size(), 1u);
  EXPECT_EQ(config.node.taints[0].key, "haagent.io/dedicated");
  EXPECT_EQ(config.node.taints[0].value, "control-plane");
  EXPECT_EQ(config.node.taints[0].effect, "NoExecute");
  EXPECT_EQ(config.log.level, "debug");
}

TEST(Config, TheDefaultsAreTheStructsOwn) {
  auto loaded = load({document("a.yaml", kMinimal)});
  ASSERT_TRUE(loaded.ok()) << loaded.page();
  NodeConfig const defaults;
  for (auto const& key : config_keys()) {
    if (key.required) continue;
    EXPECT_EQ(key.load(loaded.config), key.load(defaults)) << key.path;
  }
}

TEST(Config, LaterSourcesWinKeyByKey) {
  auto loaded = load({document("one.yaml", kMinimal),
                      document("two.yaml",
                               "node: {labels: {a: one, b: one}, taints: [{key: x, "
                               "effect: NoExecute}]}\nlog: {level: debug}\n"),
                      document("three.yaml", "node:\n  labels: {b: two}\n  taints: []\n"),
                      setting("log.level=error")});
  ASSERT_TRUE(loaded.ok()) << loaded.page();
  EXPECT_EQ(loaded.config.node.labels,
            (std::vector<std::pair<std::string, std::string>>{{"a", "one"}, {"b", "two"}}));
  EXPECT_TRUE(loaded.config.node.taints.empty());
  EXPECT_EQ(loaded.config.log.level, "error");
  EXPECT_EQ(loaded.config.cluster.name, "prod.haagent.io");
}

TEST(Config, NullGivesTheDefaultBack) {
  auto loaded = load({document("one.yaml", kMinimal),
                      document("two.yaml",
                               "log: {level: debug}\nkubelet: {extraArgs: {v: 2}}\n"
                               "node: {labels: {a: b}}\n"),
                      document("three.yaml",
                               "log: {level: null}\nkubelet: {extraArgs: {v: ~}}\n"
                               "node: {labels: {a: null}}\n")});
  ASSERT_TRUE(loaded.ok()) << loaded.page();
  EXPECT_EQ(loaded.config.log.level, "info");
  EXPECT_TRUE(loaded.config.node.labels.empty());
  // The rendering takes an empty flag for one to leave out, also where it would set it itself.
  EXPECT_EQ(loaded.config.kubelet.extra_args,
            (std::vector<std::pair<std::string, std::string>>{{"v", ""}}));
}

TEST(Config, NullInAnOverlayIsKeptForTheRendering) {
  auto loaded = load_over_minimal("kubelet: {config: {evictionHard: null, maxPods: 3}}\n");
  ASSERT_TRUE(loaded.ok()) << loaded.page();
  ASSERT_TRUE(loaded.config.kubelet.config.find("evictionHard"));
  EXPECT_TRUE(loaded.config.kubelet.config.find("evictionHard")->is_null());
}

TEST(Config, AnEmptySectionTakesNothingAway) {
  auto loaded =
      load_over_minimal("cluster:\nkubernetes:\n  # version: \"1.34.0\"\netcd: {main: }\n");
  ASSERT_TRUE(loaded.ok()) << loaded.page();
  EXPECT_EQ(loaded.config.cluster.name, "prod.haagent.io");
  EXPECT_EQ(loaded.config.kubernetes.version, "1.33.2");
}

TEST(Config, TellsTheOriginOfEachValue) {
  auto loaded =
      load({document("/etc/haagent/haagent.yaml", kMinimal),
            document("/etc/haagent/conf.d/10.yaml", "node:\n  labels:\n    example.com/team: a\n"),
            document("user-data part 2",
                     "kubernetes:\n  version: \"1.34.1\"\n"
                     "kubelet: {config: {maxPods: 30}}\n"),
            setting("node.labels.example.com/rack=r1"), setting("log.level=debug")});
  ASSERT_TRUE(loaded.ok()) << loaded.page();
  EXPECT_TRUE(matches_golden("config/origins.yaml.expected",
                             print_effective(loaded, OutputFormat::yaml, /*origins=*/true)));
  EXPECT_TRUE(matches_golden("config/origins.json.expected",
                             print_effective(loaded, OutputFormat::json, /*origins=*/true)));
}

TEST(Config, SaysNothingWhereThereAreCommentsAlone) {
  auto packaged = bytes_of(test::source_dir() / "packaging/haagent.yaml");
  struct Row {
    char const* what;
    ConfigSources gathered;
    bool nothing;
  };
  auto const notes = std::vector<std::string>{"user-data is a script (#!/bin/sh)"};
  for (auto const& row : {
           Row{"no source", {{}, {}, notes}, true},
           Row{"as packaged", {{document("haagent.yaml", packaged)}, {}, {}}, true},
           Row{"an empty document", {{document("a.yaml", "---\n\n  # x\n")}, {}, {}}, true},
           Row{"a word", {{document("a.yaml", "role\n")}, {}, {}}, false},
           Row{"a setting", {{setting("role=master")}, {}, {}}, false},
           Row{"a broken message", {{}, {{"user-data is cut off", {}, {}}}, {}}, false},
       })
    EXPECT_EQ(says_nothing(row.gathered), row.nothing) << row.what;

  // Its comments, taken as they stand, are a config.
  std::string taken;
  std::istringstream lines(packaged);
  for (std::string line; std::getline(lines, line);)
    if (line.size() > 1 && line[0] == '#' && (line[1] != ' ' || line[2] == ' '))
      taken += line.substr(1) + '\n';
  auto loaded = load({document("haagent.yaml", taken)});
  EXPECT_TRUE(loaded.ok()) << loaded.page() << taken;
}

TEST(Config, WhatIsShownReadsBackAsTheSame) {
  for (auto const* example : {"master.yaml", "worker.yaml", "master-tuned.yaml"}) {
    auto text = bytes_of(test::source_dir() / "packaging/examples" / example);
    auto loaded = load({document("a.yaml", text)});
    ASSERT_TRUE(loaded.ok()) << loaded.page();
    for (bool origins : {false, true}) {
      auto shown = print_effective(loaded, OutputFormat::yaml, origins);
      auto again = load({document("b.yaml", shown + "apiVersion: haagent.io/v1\n")});
      if (shown.starts_with("apiVersion")) again = load({document("b.yaml", shown)});
      ASSERT_TRUE(again.ok()) << again.page() << shown;
      EXPECT_EQ(print_effective(again, OutputFormat::yaml, false),
                print_effective(loaded, OutputFormat::yaml, false));
    }
  }
}

TEST(Config, AKeyOfKmsIsNotForAes256) {
  auto const with = [](std::string const& how) {
    return load({document("base.yaml", kMinimal), setting("aws.s3.kmsKeyId=alias/haagent"),
                 setting("aws.s3.serverSideEncryption=" + how)});
  };
  EXPECT_TRUE(with("aws:kms").ok());
  EXPECT_EQ(with("aws:kms").config.aws.s3_encryption, "aws:kms");
  EXPECT_TRUE(with("").ok());
  EXPECT_FALSE(with("AES256").ok());
}

struct Setting {
  std::string text;
  std::string problem;  // how the page's first line begins; empty: it is good
};
class ConfigSetting : public testing::TestWithParam<Setting> {};
TEST_P(ConfigSetting, IsReadOrTold) {
  auto loaded = load({document("base.yaml", kMinimal), setting(GetParam().text)});
  auto page = loaded.page();
  auto const line = page.substr(0, page.find('\n'));
  EXPECT_EQ(line.empty(), GetParam().problem.empty()) << line;
  EXPECT_TRUE(line.starts_with(GetParam().problem)) << line;
}
INSTANTIATE_TEST_SUITE_P(
    Settings, ConfigSetting,
    testing::Values(
        Setting{"aws.s3.serverSideEncryption=AES256", ""},
        Setting{"aws.s3.serverSideEncryption=aws:kms", ""},
        Setting{"aws.s3.serverSideEncryption=aes256",
                "--set: error: aws.s3.serverSideEncryption: expected AES256 or aws:kms, found the "
                "text 'aes256' (did you mean 'AES256'?)"},
        Setting{"kubernetes.version=1.34.0", ""}, Setting{"pki.leafLifetime=15m", ""},
        Setting{"etcd.main.quotaBackendBytes=1073741824", ""},
        Setting{"etcd.main.electionTimeout=2s", ""}, Setting{"log.level=", ""},
        Setting{"kubelet.config.memorySwap.swapBehavior=NoSwap", ""},
        Setting{"node.taints=[{key: a, effect: NoExecute}]", ""},
        Setting{"node.labels.example.com/a.b=", ""}, Setting{"node.labels={a: b}", ""},
        Setting{"apiserver.extraArgs.oidc-issuer-url=https://a.b/?c=d", ""},
        Setting{"kubernetes.version=1.34", "--set: error: kubernetes.version: '1.34' "},
        Setting{"cluster.nam=x", "--set: error: cluster.nam: unknown key (did you mean 'name'?)"},
        Setting{"cluster=x",
                "--set: error: cluster: expected a map with name, endpoint, state, dnsDomain, "
                "serviceCIDR, podCIDR, podNetwork, vxlanPort, joinEndpoint, masterRole, caPin, "
                "workerRoles, "
                "workerProfiles, tokenIssuer, joinAddresses, found the text 'x'"},
        Setting{"cluster.tokenIssuer=https://0f1e.tokens.sts.global.api.aws", ""},
        Setting{"cluster.tokenIssuer=http://169.254.169.254:8080", ""},
        Setting{"cluster.tokenIssuer=http://0f1e.tokens.sts.global.api.aws",
                "--set: error: cluster.tokenIssuer: "},
        Setting{"cluster.tokenIssuer=https://0f1e.tokens.sts.global.api.aws/",
                "--set: error: cluster.tokenIssuer: "},
        Setting{"pki.leafLifetime=10s",
                "--set: error: pki.leafLifetime: 10s is less than the 30s that a renewal needs"},
        Setting{"pki.nodeLifetime=14m", "--set: warning: pki.nodeLifetime: 14m is less than 15m"},
        Setting{"pki.leafLifetime=100000h",
                "--set: error: pki.leafLifetime: 100000h is more than the 87600h of the authority, "
                "which no certificate outlives"},
        Setting{"log.level.x=1",
                "--set: error: log.level: expected debug or info or warn or error, "
                "found a map"},
        Setting{"cluster.name", "--set: error: expected path=value"},
        Setting{"=x", "--set: error: expected path=value"},
        Setting{"", "--set: error: expected path=value"},
        Setting{"cluster..name=x", "--set: error: expected path=value"},
        Setting{"cluster.=x", "--set: error: expected path=value"},
        Setting{"node.labels.=x", "--set: error: expected path=value"},
        Setting{"node.taints=[", "--set: error: end of sequence flow not found"},
        Setting{"kubelet.extraArgs.--v=2",
                "--set: error: kubelet.extraArgs.--v: '--v' is no flag's name: lower-case, without "
                "dashes in front (did you mean 'v'?)"}));

TEST(Config, PutsTheCaretUnderTheSettingsOwnText) {
  auto loaded = load({document("base.yaml", kMinimal), setting("cluster.nam=x"),
                      setting("node.taints=[{key: a, effect: No}]")});
  EXPECT_EQ(loaded.page(),
            "--set: error: cluster.nam: unknown key (did you mean 'name'?)\n"
            "  cluster.nam=x\n"
            "          ^~~\n"
            "--set: error: node.taints[0].effect: 'No' is no effect; expected NoSchedule, "
            "PreferNoSchedule or NoExecute\n"
            "  node.taints=[{key: a, effect: No}]\n"
            "                                ^~\n"
            "2 errors\n");
}

TEST(Config, MissingKeysAreNamedAtOnceWithWhereWeLooked) {
  auto loaded = read_config({.sources = {document("/etc/haagent/haagent.yaml", "role: worker\n")},
                             .problems = {},
                             .notes = {"user-data is a script (#!/bin/sh)"}});
  EXPECT_EQ(
      loaded.page(),
      R"(config: error: apiVersion, kind, cluster.name, cluster.endpoint, cluster.state and kubernetes.version are missing
  for example:
    apiVersion: haagent.io/v1
    kind: NodeConfig
    cluster:
      name: prod.example.com
      endpoint: https://prod-api-123.elb.eu-west-1.amazonaws.com
      state: s3://prod-haagent/prod.example.com
    kubernetes:
      version: "1.33.2"
  looked in: /etc/haagent/haagent.yaml
  user-data is a script (#!/bin/sh)
1 error
)");
}

TEST(Config, AValueThatIsOverriddenIsStillToldAbout) {
  auto loaded = load({document("one.yaml", "log: {level: loud}\n"), document("two.yaml", kMinimal),
                      document("three.yaml", "log: {level: debug}\n")});
  EXPECT_EQ(loaded.page(),
            "one.yaml:1:14: error: log.level: expected debug or info or warn or error, found the "
            "text 'loud'\n"
            "  log: {level: loud}\n"
            "               ^~~~\n"
            "1 error\n");
}

TEST(Config, ChoosesAddonsByTheirNames) {
  auto const loaded = load_over_minimal(
      "addons: {coredns: off, metrics-server: store}\ncluster: {podNetwork: bridge}\n");
  EXPECT_TRUE(loaded.ok()) << loaded.page();
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(loaded.config.addons, (Pairs{{"coredns", "off"}, {"metrics-server", "store"}}));
  EXPECT_EQ(loaded.config.cluster.pod_network, "bridge");
  auto const wrong =
      load_over_minimal("addons: {coredns: on, Bad: off, core: off, x: [off], ok: store}\n");
  EXPECT_EQ(count(wrong.diagnostics, Severity::error), 4u) << wrong.page();
  EXPECT_EQ(wrong.config.addons, (Pairs{{"ok", "store"}}));
  EXPECT_FALSE(load_over_minimal("addons: [coredns]\n").ok());
}

// What its kubelet may not say of a node, masters set; of a worker nobody knows its configuration.
TEST(Config, AMasterMayNameLabelsThatItsKubeletMayNotSet) {
  EXPECT_TRUE(load_over_minimal("node: {labels: {node-restriction.kubernetes.io/a: b}}\n").ok());
  auto const worker =
      load_over_minimal("role: worker\nnode: {labels: {node-restriction.kubernetes.io/a: b}}\n");
  EXPECT_EQ(count(worker.diagnostics, Severity::error), 1u) << worker.page();
}

TEST(Config, AWrongValueNeverReachesTheStruct) {
  auto loaded = load_over_minimal("cluster: {name: NO, podCIDR: x}\nnode: {labels: {a b: c}}\n");
  EXPECT_EQ(count(loaded.diagnostics, Severity::error), 3u) << loaded.page();
  EXPECT_EQ(loaded.config.cluster.name, "");
  EXPECT_EQ(loaded.config.cluster.pod_cidr, "10.244.0.0/16");
  EXPECT_TRUE(loaded.config.node.labels.empty());
}

TEST(Config, AValueOfAnyLengthIsTold) {
  auto loaded = load_over_minimal("cluster: {state: \"file:///" + std::string(2000, 'a') + "\"}\n");
  EXPECT_NE(loaded.page().find("cluster.state: is longer than 1024 bytes"), std::string::npos);
}

struct Meaning {
  std::string over;     // laid over the minimal config of a 1.33.2 master
  std::string problem;  // a piece of the page; empty: no page
};
class ConfigMeaning : public testing::TestWithParam<Meaning> {};
TEST_P(ConfigMeaning, IsJudgedOverTheMergedConfig) {
  auto page = load_over_minimal(GetParam().over).page();
  if (GetParam().problem.empty()) {
    EXPECT_EQ(page, "");
  } else {
    EXPECT_NE(page.find(GetParam().problem), page.npos) << page;
  }
}
INSTANTIATE_TEST_SUITE_P(
    Tables, ConfigMeaning,
    testing::Values(
        Meaning{"etcd: {main: {heartbeatInterval: 200ms, electionTimeout: 2s}}", ""},
        Meaning{"etcd: {main: {heartbeatInterval: 200ms, electionTimeout: 1999ms}}",
                "less than ten heartbeats of 200ms"},
        Meaning{"etcd: {main: {heartbeatInterval: 200ms, electionTimeout: 1s}}",
                "warning: etcd.main.electionTimeout: an election timeout of 1s is less than ten"},
        Meaning{"etcd: {main: {heartbeatInterval: 200ms, electionTimeout: 999ms}}",
                "error: etcd.main.electionTimeout: an election timeout of 999ms is less than five"},
        Meaning{"etcd: {events: {heartbeatInterval: 0ms}}",
                "error: etcd.events.heartbeatInterval: must be longer than nothing"},
        Meaning{"etcd: {events: {heartbeatInterval: 5s, electionTimeout: 50s}}", ""},
        Meaning{"etcd: {main: {heartbeatInterval: 5s}}", ""},
        Meaning{"etcd: {main: {heartbeatInterval: 11s}}", "error: etcd.main.heartbeatInterval"},
        Meaning{"etcd: {main: {electionTimeout: 499ms}}",
                "error: etcd.main.electionTimeout: an election timeout of 499ms is less than five"},
        Meaning{"etcd: {events: {electionTimeout: 50001ms}}",
                "50001ms is more than the 50s that etcd takes"},
        Meaning{"metrics: {listen: \"127.0.0.1:9990\"}", ""},
        Meaning{"metrics: {listen: \"[::1]:9990\"}", ""},
        Meaning{"metrics: {listen: \"0.0.0.0:9990\"}", "warning: metrics.listen"},
        Meaning{"metrics: {listen: \"127.0.0.1\"}", "has no port"},
        Meaning{"metrics: {listen: \"::1:9990\"}", "needs brackets"},
        Meaning{"metrics: {listen: \"localhost:9990\"}", "names are not looked up"},
        Meaning{"metrics: {listen: \"127.0.0.1:2379\"}", "takes a port"},
        Meaning{"metrics: {listen: \"127.0.0.1:0\"}", "no port between"},
        Meaning{"metrics: {cloudWatch: {mode: put, namespace: prod/haagent, interval: 10s}}", ""},
        Meaning{"metrics: {cloudWatch: {mode: embedded, interval: 5m}}", ""},
        Meaning{"metrics: {cloudWatch: {mode: puts}}", "error: metrics.cloudWatch.mode"},
        Meaning{"metrics: {cloudWatch: {namespace: AWS/EC2}}",
                "error: metrics.cloudWatch.namespace: 'AWS/EC2' is a namespace of AWS' own"},
        Meaning{"metrics: {cloudWatch: {namespace: \":a\"}}", "no namespace of CloudWatch's"},
        Meaning{"metrics: {cloudWatch: {namespace: \"a b\"}}", "no namespace of CloudWatch's"},
        Meaning{"metrics: {cloudWatch: {interval: 9s}}",
                "error: metrics.cloudWatch.interval: 9s is not from 10s to 5m"},
        Meaning{"metrics: {cloudWatch: {interval: 301s}}", "301s is not from 10s to 5m"},
        Meaning{"etcd: {main: {quotaBackendBytes: 8GiB}}", ""},
        Meaning{"etcd: {main: {quotaBackendBytes: 8589934593}}", "warning: etcd.main.quota"},
        Meaning{"etcd: {main: {quotaBackendBytes: 16MiB}}", ""},
        Meaning{"etcd: {main: {quotaBackendBytes: 16777215}}", "error: etcd.main.quota"},
        Meaning{"etcd: {main: {quotaBackendBytes: 0}}", "error: etcd.main.quota"},
        Meaning{"etcd: {main: {extraConfig: {wal-dir: null}}}", "haagent decides this"},
        Meaning{"cluster: {serviceCIDR: 10.96.0.0/28}", ""},
        Meaning{"cluster: {serviceCIDR: 10.96.0.0/29}", "is too small"},
        Meaning{"cluster: {serviceCIDR: 10.244.128.0/17}",
                "cluster.serviceCIDR: the services' 10.244.128.0/17 and the pods' 10.244.0.0/16"},
        Meaning{"cluster: {endpoint: \"https://10.96.3.4\"}", "lies in the services' 10.96.0.0/16"},
        Meaning{"cluster: {endpoint: \"https://10.95.3.4\"}", ""},
        // The minor version that dropped a flag, and the one before it.
        Meaning{
            "kubernetes: {version: 1.34.9}\nkubelet: {extraArgs: "
            "{pod-infra-container-image: a}}",
            "over.yaml:2:23: warning: kubelet.extraArgs.pod-infra-container-image: kubelet says "
            "that --pod-infra-container-image is deprecated"},
        Meaning{"kubernetes: {version: 1.35.0}\nkubelet: {extraArgs: "
                "{pod-infra-container-image: a}}",
                "over.yaml:2:23: error: kubelet.extraArgs.pod-infra-container-image: kubelet "
                "1.35.0 has no --pod-infra-container-image"},
        Meaning{
            "apiserver: {extraArgs: {insecure-port: 0}}",
            "over.yaml:1:25: error: apiserver.extraArgs.insecure-port: kube-apiserver 1.33.2 has "
            "no --insecure-port, and an unknown flag stops the program (there is secure-port "
            "alone)"},
        // A field of another version, one of another name, and where they stand in lists.
        Meaning{"kubernetes: {version: 1.32.0}\nkubelet: {config: {userNamespaces: {a: b}}}",
                "over.yaml:2:20: warning: kubelet.config.userNamespaces: kubelet 1.32.0 has no "
                "userNamespaces: it came with 1.33, and ignores it (take it out)"},
        Meaning{"kubernetes: {version: 1.33.0}\nkubelet: {config: {userNamespaces: {}}}", ""},
        Meaning{
            "kubelet: {config: {maxPod: 200}}",
            "over.yaml:1:20: warning: kubelet.config.maxPod: kubelet 1.33.2 has no field of this "
            "name here, and ignores it (did you mean 'maxPods'?)"},
        Meaning{
            "kubelet:\n  config:\n    registerWithTaints:\n      - {key: a, efect: NoSchedule}",
            "over.yaml:4:18: warning: kubelet.config.registerWithTaints[0].efect: kubelet 1.33.2 "
            "has no field of this name here, and ignores it (did you mean 'effect'?)"},
        Meaning{
            "scheduler:\n  config:\n    profiles:\n      - {schedulerNam: a}",
            "over.yaml:4:10: error: scheduler.config.profiles[0].schedulerNam: kube-scheduler "
            "1.33.2 has no field of this name here, and an unknown field stops the program (did "
            "you mean 'schedulerName'?)"},
        Meaning{"kubelet: {config: {anonymous: {enabled: false}}}",
                "did you mean 'authentication.anonymous'?"},
        Meaning{"kubelet: {config: {authentication.anonymous: {enabled: false}}}",
                "a dot does not nest: write 'anonymous' in the map 'authentication'"},
        Meaning{"kubelet: {config: {syncFrequency: 60}}",
                "over.yaml:1:35: error: kubelet.config.syncFrequency: expected a duration such as "
                "30s or 5m0s, found the number 60 (did you mean '60s'?)"},
        Meaning{"kubelet: {config: {maxPods: \"200\"}}",
                "found the text '200' (take the quotes off)"},
        // YAML as Kubernetes reads it.
        Meaning{"kubelet: {config: {failSwapOn: no}}",
                "over.yaml:1:32: warning: kubelet.config.failSwapOn: 'no' is false here, as "
                "Kubernetes reads YAML (write false, or \"no\" for the text)"},
        Meaning{"kubelet: {config: {clusterDomain: no}}",
                "error: kubelet.config.clusterDomain: expected a text, found false"},
        Meaning{
            "apiserver: {extraArgs: {profiling: no}}",
            "over.yaml:1:25: error: apiserver.extraArgs.profiling: expected true or false, found "
            "'no' (did you mean 'false'?)"},
        Meaning{"etcd: {backups: {enabled: yes}}", "found the text 'yes' (did you mean 'true'?)"},
        // Feature gates, in a document and as a flag.
        Meaning{"kubelet: {config: {featureGates: {NodeSwop: true}}}",
                "over.yaml:1:35: error: kubelet.config.featureGates.NodeSwop: kubelet 1.33.2 knows "
                "no feature gate NodeSwop, and an unknown gate stops the program (did you mean "
                "'NodeSwap'?)"},
        Meaning{"apiserver: {extraArgs: {feature-gates: \"AllAlpha=false,Nonsense=true\"}}",
                "over.yaml:1:25: error: apiserver.extraArgs.feature-gates: kube-apiserver 1.33.2 "
                "knows no feature gate Nonsense"},
        // The pod of the control plane's programs: the kubelet does not run what it cannot decode.
        Meaning{"apiserver: {config: {spec: {hostNetwork: \"true\"}}}",
                "over.yaml:1:42: error: apiserver.config.spec.hostNetwork: expected true or false"},
        Meaning{"role: worker\nkubelet: {endpoint: local}",
                "over.yaml:2:21: error: kubelet.endpoint: a worker runs no apiserver"},
        Meaning{"apiserver: {extraArgs: {cloud-provider: null}}", ""},
        Meaning{"kubelet: {extraArgs: {node-labels: \"a=b,c=d\"}}",
                "over.yaml:1:23: warning: kubelet.extraArgs.node-labels: replaces"},
        Meaning{"apiserver: {extraArgs: {authorization-mode: RBAC}}",
                "over.yaml:1:25: warning: apiserver.extraArgs.authorization-mode: takes the Node"},
        Meaning{"kubelet: {config: {evictionHard: {memory.available: 5%}}}",
                "over.yaml:1:20: warning: kubelet.config.evictionHard: replaces"},
        Meaning{"apiserver: {extraArgs: {audit-policy-file: policy.yaml}}",
                "over.yaml:1:25: error: apiserver.extraArgs.audit-policy-file: 'policy.yaml' is no "
                "absolute path"},
        Meaning{
            "kubelet: {extraArgs: {node-labels: [a=b, kops.k8s.io/x=d]}}",
            "over.yaml:1:23: error: kubelet.extraArgs.node-labels.kops.k8s.io/x: the kubelet"}));

TEST(Config, ASecretIsNeverShown) {
  auto keys = config_keys();
  std::ranges::find(keys, "etcd.binary", &ConfigKey::path)->secret = true;
  std::ranges::find(keys, "kubelet.config", &ConfigKey::path)->secret = true;
  ConfigSources gathered{
      .sources = {document("a.yaml", std::string(kMinimal) + "etcd: {binary: /hidden/etcd}\n"
                                                             "kubelet: {config: {hidden: x}}\n")},
      .problems = {},
      .notes = {}};
  auto loaded = read_config(gathered, keys);
  EXPECT_TRUE(loaded.ok()) << loaded.page();
  EXPECT_EQ(loaded.config.etcd.binary, "/hidden/etcd");
  for (auto format : {OutputFormat::yaml, OutputFormat::json}) {
    for (bool origins : {false, true}) {
      auto shown = print_effective(loaded, format, origins, keys);
      EXPECT_EQ(shown.find("hidden"), shown.npos) << shown;
      EXPECT_NE(shown.find("***"), shown.npos) << shown;
      EXPECT_EQ(shown.find("a.yaml:9:") != shown.npos, origins) << shown;
    }
  }
  // Neither is one that is wrong.
  gathered.sources = {document("a.yaml", std::string(kMinimal) + "etcd: {binary: hidden/etcd}\n")};
  EXPECT_EQ(read_config(gathered, keys).page(),
            "a.yaml:9:16: error: etcd.binary: is not what it must be; a secret is not shown\n"
            "1 error\n");
}

}  // namespace
}  // namespace haagent
