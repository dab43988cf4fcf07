#include "agent/bundle/redactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "agent/base/yaml.h"
#include "agent/bundle/last_net.h"
#include "agent/bundle/word_shapes.h"
#include "agent/config/keys.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bundle {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(WordShapes, WordsOfSystemsAreShown) {
  for (std::string_view word : {"kubelet",
                                "CrashLoopBackOff",
                                "etcdserver",
                                "kube-apiserver",
                                "nvme1n1",
                                "/dev/nvme1n1p1",
                                "10.0.0.10:6443",
                                "fe80::1",
                                "2026-01-15T10:15:00.123456Z",
                                "2026-01-15T10:15:00+0000",
                                "10ms",
                                "1h2m3.5s",
                                "128Mi",
                                "v1.36.2",
                                "3.6.16",
                                "i-0123456789abcdef0",
                                "vol-0123456789abcdef0",
                                "ip-10-0-0-10.eu-west-1.compute.internal",
                                "coredns-7db6d8ff4d-x7k2p",
                                "haagent-etcd@main.service",
                                "system:node:ip-10-0-0-10",
                                "kubelet.go:2412",
                                "I0115",
                                "E1130",
                                "ext4",
                                "m6i.large",
                                "99%",
                                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                                "quota-backend-bytes",
                                "registry.k8s.io/pause:3.10",
                                "0xc000123456",
                                "leader-elect=true",
                                "Node,RBAC",
                                "eu-west-1a",
                                "12345",
                                "-1",
                                "ready!",
                                "why?"})
    EXPECT_TRUE(is_plain_word(word)) << word;
}

TEST(WordShapes, WhatLooksRandomIsNot) {
  for (std::string_view word : {"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                "AKIAIOSFODNN7EXAMPLE",
                                "Tr0ub4dor&3",
                                "P@ssw0rd!",
                                "f395accd246ae52d",
                                "07401b.f395accd246ae52d",
                                "c2VjcmV0LXZhbHVl",
                                "eyJhbGciOiJIUzI1NiJ9",
                                "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
                                "JBSWY3DPEHPK3PXP",
                                "hunter2!x",
                                "qWeRtYuIoP",
                                "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
                                "A1B2-C3D4-E5F6-G7H8",
                                "xkcdwqrtplmnbvcx",
                                "qahtukzbamplexdigrov",
                                "zokveghajwipqumd",
                                "$2y$10$N9qo8uLOickgx2ZMRZoMye",
                                "pass$word",
                                "s%2Fcr"})
    EXPECT_FALSE(is_plain_word(word)) << word;
}

TEST(WordShapes, NamesOfSecrets) {
  for (std::string_view key :
       {"password", "--token", "db_password", "AWS_SECRET_ACCESS_KEY", "apiKey",
        "oidc-client-secret", "Authorization", "key", "client-key-passphrase"})
    EXPECT_TRUE(names_a_secret(key)) << key;
  for (std::string_view key :
       {"tls-private-key-file", "tokenTTL", "keyboard", "author", "node", "secretName"})
    EXPECT_FALSE(names_a_secret(key)) << key;
}

struct Row {
  std::string_view line, shown;
};

class TextRedactor : public testing::Test {
 protected:
  std::string shown(std::string_view line) const {
    auto text = redactor_.text(line).bytes();
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }
  Redactor redactor_{"salt"};
};

TEST_F(TextRedactor, LinesOfLogsStayAsTheyAre) {
  for (
      std::string_view line : {
          R"(2026-01-15T10:15:00.123456+0000 ip-10-0-0-10 kubelet[812]: I0115 10:15:00.123456     812 kubelet.go:2412] "SyncLoop ADD" source="file" pods=["kube-system/kube-apiserver-ip-10-0-0-10"])",
          R"(E0115 10:15:00.123456     812 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"kube-apiserver\" with CrashLoopBackOff: \"back-off 5m0s restarting failed container=kube-apiserver\"" pod="kube-system/kube-apiserver-ip-10-0-0-10" podUID="3f2504e0-4f89-11d3-9a0c-0305e82c3301")",
          R"({"level":"warn","ts":"2026-01-15T10:15:00.123456Z","caller":"etcdserver/raft.go:416","msg":"leader failed to send out heartbeat on time; took too long, leader is overloaded likely from slow disk","to":"8e9e05c52164694d","heartbeat-interval":"100ms","expected-duration":"200ms"})",
          R"(time="2026-01-15T10:15:00.123456789Z" level=info msg="StartContainer for kube-proxy returns successfully")",
          "haagent[500]: etcd-main: vol-0123456789abcdef0 is attached as /dev/sdf",
          "36 25 259:1 / /var/lib/haagent-etcd/main rw,relatime shared:1 - ext4 /dev/nvme1n1 "
          "rw,errors=remount-ro",
          "panic: tocommit(7) is out of range [lastIndex(5)]. Was the raft log corrupted, "
          "truncated, or lost?",
          "dial tcp 127.0.0.1:2379: connect: connection refused",
          "GET https://10.0.0.10:6443/livez?timeout=10s: context deadline exceeded",
      }) {
    // A member's id is shown where etcd says that it is one.
    auto const expected = line.contains("8e9e05c52164694d") ? std::string() : std::string(line);
    if (expected.empty())
      EXPECT_THAT(shown(line), HasSubstr("leader is overloaded likely from slow disk"));
    else
      EXPECT_EQ(shown(line), expected);
  }
}

TEST_F(TextRedactor, WhatStandsBehindANameOfASecretIsHidden) {
  for (std::string_view line :
       {"password=sesame", "password: sesame", "the password is \"sesame\"", "--token sesame",
        "--token=sesame", R"("password":"sesame")", R"({"msg":"x","password":"sesame"})",
        R"(err="bad \"password\":\"sesame\"")", "Authorization: Bearer sesame",
        "Authorization: Basic sesame", "https://admin:sesame@example.com/x", "DB_PASSWORD=sesame",
        "unknown=sesame", "https://example.com/?sig=sesame", "password:sesame", "token = sesame",
        R"(I0115 10:15:00.1 1 a.go:1] "x" clientSecret="sesame")"})
    EXPECT_THAT(shown(line), Not(HasSubstr("sesame"))) << line;
}

TEST_F(TextRedactor, AHiddenValueIsHiddenInEverySpelling) {
  redactor_.hide("open sesame, please");
  for (std::string_view line : {"it said open sesame, please to me", "open%20sesame%2C%20please",
                                "b3BlbiBzZXNhbWUsIHBsZWFzZQ==", "eG9wZW4gc2VzYW1lLCBwbGVhc2U=",
                                "open%20sesame%2c%20please"}) {
    EXPECT_THAT(shown(line), Not(HasSubstr("sesame"))) << line;
    EXPECT_THAT(shown(line), HasSubstr("hidden")) << line;
  }
}

TEST_F(TextRedactor, TheSameValueHasTheSameStandIn) {
  auto const first = shown("a f395accd246ae52d");
  EXPECT_EQ(first.substr(2), shown("b f395accd246ae52d").substr(2));
  EXPECT_NE(first.substr(2), shown("b f395accd246ae52e").substr(2));
  EXPECT_NE(Redactor("pepper").text("a f395accd246ae52d").bytes(), first + "\n");
}

TEST_F(TextRedactor, ACommandInQuotesIsShown) {
  std::string const line =
      "grow the volume with 'aws ec2 modify-volume --volume-id vol-0123456789abcdef0 --size 17': "
      "the agent";
  EXPECT_EQ(shown(line), line);
}

TEST_F(TextRedactor, KnownNamesAreShown) {
  redactor_.know("k8x9q2.example.com");
  EXPECT_EQ(shown("cluster k8x9q2.example.com, x9q2zz"),
            "cluster k8x9q2.example.com, " + shown("x9q2zz"));
}

TEST(LastNet, TakesOutWhatLooksLikeACredential) {
  for (std::string_view text :
       {"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nMIIEpAIB", "Bearer MIIEpAIBxxxx",
        "https://MIIEpAIB@host/", "eyJMIIEpAIB01.x.y", "?X-Amz-Signature=MIIEpAIB00",
        "x-amz-security-token%3DMIIEpAIB00", "a/MIIEpAIBpAIBQ9wer7yuiopasdfghjkl"})
    EXPECT_THAT(last_net(std::string(text)), Not(HasSubstr("MIIEpAIB"))) << text;
  EXPECT_EQ(last_net("AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE"), "(hidden) and (hidden)");
  EXPECT_EQ(last_net("abcdef.0123456789abcdef"), "(hidden)");
  std::string const plain =
      "etcd main: https://10.0.0.1:2379 sha256:0123456789abcdef0123456789abcdef";
  EXPECT_EQ(last_net(plain), plain);
}

TEST(DocumentRedactor, WhatHaagentRendersIsShownWhole) {
  auto const folder = test::source_dir() / "tests/golden/kube/1.36";
  std::size_t seen = 0;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    ++seen;
    auto const bytes = test::bytes_of(entry.path());
    auto const shown = Redactor("salt").yaml(bytes, kubernetes_keys()).bytes();
    EXPECT_THAT(shown, Not(HasSubstr("hidden"))) << entry.path();
  }
  EXPECT_GT(seen, 8u);
}

TEST(DocumentRedactor, AKeyOutsideTheTableIsNamedAndNotShown) {
  Redactor const redactor("salt");
  auto const shown = redactor
                         .yaml(
                             "kind: Pod\nspec:\n  containers:\n  - name: x\n    env:\n    - name: "
                             "TOKEN\n      value: sesame\n"
                             "    command: [x, --token, sesame, --password=sesame, --v=2]\n"
                             "    surprise: sesame\n    sub: {a: [sesame]}\n",
                             kubernetes_keys())
                         .bytes();
  EXPECT_THAT(shown, Not(HasSubstr("sesame")));
  EXPECT_THAT(shown,
              testing::AllOf(HasSubstr("surprise:"), HasSubstr("TOKEN"), HasSubstr("--v=2")));
}

TEST(DocumentRedactor, WhatIsNoDocumentIsNotShown) {
  EXPECT_THAT(Redactor("s").json("sesame", own_keys()).bytes(), Not(HasSubstr("sesame")));
  EXPECT_THAT(Redactor("s").yaml("a: [sesame", kubernetes_keys()).bytes(),
              Not(HasSubstr("sesame")));
}

TEST(DocumentRedactor, SecretsOfTheConfigurationAreHiddenElsewhere) {
  Redactor redactor("salt");
  auto const config = yaml::parse(
      "kubernetes:\n  version: 1.36.2\napiserver:\n  extraArgs:\n    some-token: open-sesame\n"
      "    v: 4\n    audit-log-maxage: 30\n");
  ASSERT_TRUE(config);
  redactor.hide_secrets_of(*config, config_keys());
  auto const shown = redactor.config(*config, config_keys(), Tree::map()).bytes();
  EXPECT_THAT(shown, testing::AllOf(Not(HasSubstr("sesame")), HasSubstr("1.36.2")));
}

TEST(MetricsRedactor, ALabelOutsideTheTableIsHidden) {
  Redactor const redactor("salt");
  auto const shown = redactor
                         .metrics(
                             "# HELP haagent_phase The phase.\n# TYPE haagent_phase gauge\n"
                             "haagent_phase{phase=\"ready\"} 1\n"
                             "etcd_server_has_leader 1\n"
                             "etcd_x{secret=\"sesame\"} 1.5e+06\n"
                             "sesame_total 1\n"
                             "etcd_y 1 # {sesame=\"1\"}\n")
                         .bytes();
  EXPECT_THAT(shown, Not(HasSubstr("sesame")));
  EXPECT_THAT(shown, testing::AllOf(HasSubstr("haagent_phase{phase=\"ready\"} 1\n"),
                                    HasSubstr("etcd_server_has_leader 1\n"),
                                    HasSubstr("# 2 lines are not shown")));
}

TEST(ShownBytes, AreCutAtLines) {
  auto shown = Redactor("salt").text("one\ntwo\nthree\n");
  auto first = shown;
  shown.keep_newest(10);
  EXPECT_EQ(shown.bytes(), "two\nthree\n");
  first.keep_first(9);
  EXPECT_EQ(first.bytes(), "one\ntwo\n");
}

}  // namespace
}  // namespace haagent::bundle
