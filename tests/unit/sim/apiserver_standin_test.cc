#include <gtest/gtest.h>

#include "tests/sim/standin/apiserver_standin.h"

namespace haagent::sim {
namespace {

std::string manifest_with(std::string const& words, std::string const& list = "command") {
  return "spec: {containers: [{image: 'registry.k8s.io/kube-apiserver:v1.33.2', " + list + ": [" +
         words + "]}]}";
}

TEST(ReadApiserverManifest, TakesWhatItServesFromTheFlags) {
  auto read = read_apiserver_manifest(manifest_with(
      "kube-apiserver, '--etcd-servers=https://127.0.0.1:2379,https://10.0.0.10:2379', "
      "--etcd-cafile=/ca, --etcd-certfile=/c, --etcd-keyfile=/k, --secure-port=8443, "
      "--tls-cert-file=/tc, --tls-private-key-file=/tk, --audit-log-path=-"));
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->etcd_servers,
            (std::vector<std::string>{"https://127.0.0.1:2379", "https://10.0.0.10:2379"}));
  EXPECT_EQ(read->etcd_tls.ca_file, "/ca");
  EXPECT_EQ(read->etcd_tls.cert_file, "/c");
  EXPECT_EQ(read->etcd_tls.key_file, "/k");
  EXPECT_EQ(read->port, 8443);
  EXPECT_EQ(read->cert_file, "/tc");
  EXPECT_EQ(read->key_file, "/tk");
  EXPECT_EQ(read->version, "v1.33.2");
  EXPECT_EQ(read->shutdown_delay, Duration(0));
  EXPECT_EQ(read->grace, Duration(30'000));
}

TEST(ReadApiserverManifest, TakesItsTimeToEndFromThem) {
  struct Row {
    char const* text;
    int milliseconds;
  };
  for (auto const& row :
       {Row{"20s", 20'000}, Row{"1m30s", 90'000}, Row{"500ms", 500}, Row{"0s", 0}}) {
    auto read = read_apiserver_manifest(
        manifest_with(fmt::format("--etcd-servers=x, --shutdown-delay-duration={}", row.text)));
    ASSERT_TRUE(read) << row.text;
    EXPECT_EQ(read->shutdown_delay, Duration(row.milliseconds)) << row.text;
  }
  for (auto const* text : {"", "20", "s", "20x", "-1s"})
    EXPECT_FALSE(read_apiserver_manifest(
        manifest_with(fmt::format("--etcd-servers=x, '--shutdown-delay-duration={}'", text))))
        << text;
  auto read = read_apiserver_manifest("spec: {terminationGracePeriodSeconds: 75, " +
                                      manifest_with("--etcd-servers=x").substr(7));
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->grace, Duration(75'000));
}

TEST(ReadApiserverManifest, FlagsMayStandInArgs) {
  auto read = read_apiserver_manifest(manifest_with("'--etcd-servers=http://x:1'", "args"));
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->port, 6443);
  EXPECT_EQ(read->cert_file, "");
  EXPECT_EQ(read->command, (std::vector<std::string>{"--etcd-servers=http://x:1"}));
}

TEST(ReadApiserverManifest, KnowsTheFoldersThatAKubeletMakes) {
  auto read = read_apiserver_manifest(
      "spec: {volumes: [{hostPath: {path: /var/log/audit, type: DirectoryOrCreate}}, "
      "{hostPath: {path: /etc/policy.yaml, type: File}}, {emptyDir: {}}], " +
      manifest_with("--etcd-servers=x").substr(7));
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->folders, (std::vector<std::string>{"/var/log/audit"}));
}

TEST(ReadApiserverManifest, RefusesWhatAnApiserverWould) {
  struct Row {
    std::string text, what;
  };
  for (auto const& [text, what] : {
           Row{"spec: {containers: []}", "the manifest has no spec.containers"},
           Row{"{}", "the manifest has no spec.containers"},
           Row{manifest_with("kube-apiserver"), "no --etcd-servers"},
           Row{manifest_with("--etcd-servers=x, --secure-port=high"), "--secure-port is no port"},
           Row{manifest_with("--etcd-servers=x, --secure-port=70000"), "--secure-port is no port"},
           Row{manifest_with("--etcd-servers=x, --tls-cert-file=/a"),
               "--tls-cert-file and --tls-private-key-file go together"},
       }) {
    auto read = read_apiserver_manifest(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().message.text, what) << text;
    EXPECT_EQ(read.error().kind, Kind::invalid);
  }
  EXPECT_FALSE(read_apiserver_manifest("spec: ["));
}

}  // namespace
}  // namespace haagent::sim
