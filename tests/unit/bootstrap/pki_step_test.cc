#include "bootstrap/pki/step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/fake_clock.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;
using test::MemoryStore;
using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

constexpr char kServer[] = "/etc/kubernetes/pki/etcd/server.crt";
constexpr char kServerKey[] = "/etc/kubernetes/pki/etcd/server.key";

// One master's disk and agent.
struct Master {
  Master(std::string member, test::FakeClock& with, MemoryStore& state)
      : clock(with), store(state) {
    config = test::kube_master();
    identity = test::kube_identity();
    identity.hostname = "node-" + member;
    identity.address = identity.ipv4 = "10.0.0." + std::to_string(member[0] - 'a' + 10);
    facts.main.volume.set({.volume_id = "vol-" + member, .member = member});
    restart();
  }
  // A new agent on the same disk.
  void restart() {
    facts.identity.set(identity);
    step = std::make_unique<PkiStep>(
        PkiParts{.config = config, .root = root, .store = store, .clock = clock});
  }
  std::string look() {
    auto finding = step->look(facts, {});
    if (!finding) {
      kind = finding.error().kind;
      return "error: " + finding.error().what;
    }
    if (std::holds_alternative<Needed>(*finding)) return "needed: " + sentence_of(*finding);
    return sentence_of(*finding);
  }
  // As the runner has it: looks, acts, looks again.
  std::string converge() {
    auto said = look();
    if (!said.starts_with("needed: ")) return said;
    if (auto acted = step->act(facts, {}); !acted) return "error: " + acted.error().what;
    return look();
  }
  std::string text(std::string const& path) const { return test::bytes_of(root(path)); }
  Certificate certificate(std::string const& path) const {
    return parse_certificate(text(path)).value();
  }
  mode_t mode(std::string const& path) const {
    struct stat status{};
    EXPECT_EQ(::stat(root(path).c_str(), &status), 0) << path;
    return status.st_mode & 07777u;
  }

  test::TemporaryDirectory directory;
  Root const root{directory.path()};
  test::FakeClock& clock;
  MemoryStore& store;
  NodeConfig config;
  Identity identity;
  Facts facts;
  std::unique_ptr<PkiStep> step;
  Kind kind = Kind::internal;
};

class PkiStepTest : public testing::Test {
 protected:
  test::FakeClock clock_;
  MemoryStore store_{clock_};
};

TEST_F(PkiStepTest, TheFirstMasterMakesAllAndASecondLookWritesNothing) {
  Master a("a", clock_, store_);
  EXPECT_THAT(a.look(),
              HasSubstr("needed: make the authorities etcd, etcd-peer, agent, kubernetes, "
                        "front-proxy in memory://state; write what is trusted"));
  EXPECT_EQ(store_.writes(), 0) << "a look has written";
  EXPECT_EQ(a.converge(), "13 certificates are good; the first is renewed on 2026-09-15T18:15:00Z");
  EXPECT_EQ(store_.writes(), 6);
  auto const gets = store_.calls_of(MemoryStore::Call::get);
  a.restart();
  EXPECT_THAT(a.look(), HasSubstr("13 certificates are good"));
  EXPECT_EQ(store_.calls_of(MemoryStore::Call::get), gets) << "a reboot asks nobody";
}

TEST_F(PkiStepTest, EachLeafIsWhereKubeadmHasItForWhomItSaysAndGoodForItsAuthority) {
  Master a("a", clock_, store_);
  a.converge();
  struct Row {
    char const* path;
    char const* trust;
    char const* common_name;
    char const* organization;
    bool server, client;
  };
  std::string const pki = "/etc/kubernetes/pki/";
  for (auto const& row : {
           Row{"etcd/server", "etcd/ca.crt", "node-a", "", true, true},
           Row{"etcd/peer", "etcd/peer-ca.crt", "node-a", "", true, true},
           Row{"etcd/healthcheck-client", "etcd/ca.crt", "kube-etcd-healthcheck-client", "", false,
               true},
           Row{"apiserver-etcd-client", "etcd/ca.crt", "kube-apiserver-etcd-client", "", false,
               true},
           Row{"apiserver", "ca.crt", "kube-apiserver", "", true, false},
           Row{"apiserver-kubelet-client", "ca.crt", "kube-apiserver-kubelet-client",
               "system:masters", false, true},
           Row{"front-proxy-client", "front-proxy-ca.crt", "front-proxy-client", "", false, true},
           Row{"kube-controller-manager/client", "ca.crt", "system:kube-controller-manager", "",
               false, true},
           Row{"kube-scheduler/client", "ca.crt", "system:kube-scheduler", "", false, true},
           Row{"kube-proxy/client", "ca.crt", "system:kube-proxy", "", false, true},
           Row{"admin/client", "ca.crt", "kubernetes-admin", "system:masters", false, true},
       }) {
    SCOPED_TRACE(row.path);
    auto const path = pki + row.path;
    auto const pem = a.text(path + ".crt");
    auto const read = parse_certificate(pem).value();
    EXPECT_EQ(read.common_name, row.common_name);
    EXPECT_EQ(read.organization, row.organization);
    EXPECT_EQ(read.server, row.server);
    EXPECT_EQ(read.client, row.client);
    EXPECT_TRUE(verify(pem, a.text(pki + row.trust), clock_.utc()));
    EXPECT_TRUE(is_for_key(pem, Secret(a.text(path + ".key"))));
    EXPECT_EQ(a.mode(path + ".key"), 0600u);
    EXPECT_EQ(a.mode(path + ".crt"), 0644u);
  }
  auto const kubelet = "/var/lib/kubelet/pki/kubelet-client-current.pem";
  EXPECT_EQ(a.certificate(kubelet).common_name, "system:node:node-a");
  EXPECT_EQ(a.certificate(kubelet).organization, "system:nodes");
  EXPECT_TRUE(is_for_key(a.text(kubelet), Secret(a.text(kubelet))));
  EXPECT_EQ(a.mode(kubelet), 0600u);
  EXPECT_EQ(a.mode("/etc/kubernetes/pki/sa.key"), 0600u);
  EXPECT_EQ(public_key_of(Secret(a.text("/etc/kubernetes/pki/sa.key"))).value(),
            a.text("/etc/kubernetes/pki/sa.pub"));
}

TEST_F(PkiStepTest, NamesAndAddresses) {
  Master a("a", clock_, store_);
  a.converge();
  auto const stable = a.config.etcd_host("a");
  auto const server = a.certificate(kServer);
  EXPECT_THAT(server.dns_names,
              IsSupersetOf({stable, std::string("localhost"), std::string("node-a")}));
  EXPECT_THAT(server.addresses, IsSupersetOf({std::string("10.0.0.10"), std::string("127.0.0.1"),
                                              std::string("::1")}));
  auto const peer = a.certificate("/etc/kubernetes/pki/etcd/peer.crt");
  EXPECT_THAT(peer.dns_names, Contains(stable));
  EXPECT_THAT(peer.addresses, Contains("10.0.0.10"));
  EXPECT_THAT(peer.addresses, Not(Contains("127.0.0.1"))) << "anybody's";
  auto const agent = a.certificate("/etc/haagent/pki/agent.crt");
  EXPECT_THAT(agent.dns_names, Contains(stable)) << "nobody would take its hello";
  EXPECT_THAT(agent.addresses, Contains("10.0.0.10"));
  auto const apiserver = a.certificate("/etc/kubernetes/pki/apiserver.crt");
  EXPECT_THAT(apiserver.dns_names,
              IsSupersetOf({std::string("kubernetes"), std::string("kubernetes.default"),
                            std::string("kubernetes.default.svc"),
                            std::string("kubernetes.default.svc.cluster.local")}));
  EXPECT_THAT(apiserver.addresses,
              IsSupersetOf({std::string("10.96.0.1"), std::string("10.0.0.10")}));
  EXPECT_THAT(a.text("/etc/kubernetes/pki/apiserver.crt"), HasSubstr("BEGIN CERTIFICATE"));
}

TEST_F(PkiStepTest, KeysOfAuthoritiesAreOnTheDiskOnlyWhereKubernetesReadsThem) {
  Master a("a", clock_, store_);
  a.converge();
  EXPECT_TRUE(is_for_key(a.text("/etc/kubernetes/pki/ca.crt"),
                         Secret(a.text("/etc/kubernetes/pki/ca.key"))));
  EXPECT_EQ(a.mode("/etc/kubernetes/pki/ca.key"), 0600u);
  std::vector<std::string> keys;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(a.root.directory()))
    if (entry.is_regular_file()) keys.push_back(test::bytes_of(entry.path()));
  for (auto const& [key, bytes] : store_.objects()) {
    if (key == "pki/kubernetes.json" || key == "pki/service-account.json") continue;
    auto const bundle = parse_bundle(bytes).value();
    EXPECT_THAT(keys, Not(Contains(HasSubstr(signing_ca(bundle).pair.key.reveal())))) << key;
  }
}

TEST_F(PkiStepTest, ASecondMasterUsesTheFirstOnes) {
  Master a("a", clock_, store_);
  Master b("b", clock_, store_);
  EXPECT_THAT(b.look(), HasSubstr("make the authorities")) << "both have looked";
  a.converge();
  auto const objects = store_.objects();
  ASSERT_TRUE(b.step->act(b.facts, {}));
  EXPECT_THAT(b.look(), HasSubstr("13 certificates are good"));
  EXPECT_EQ(store_.objects(), objects);
  for (auto const& file : trust_files()) EXPECT_EQ(a.text(file.path), b.text(file.path));
  EXPECT_EQ(a.text("/etc/kubernetes/pki/sa.key"), b.text("/etc/kubernetes/pki/sa.key"));
  EXPECT_TRUE(verify(b.text(kServer), a.text("/etc/kubernetes/pki/etcd/ca.crt"), clock_.utc()));
}

TEST_F(PkiStepTest, AReinstatedMasterWithGoodLeavesNeedsNoStore) {
  Master a("a", clock_, store_);
  a.converge();
  store_.fail_all(Kind::transient);
  a.restart();
  EXPECT_THAT(a.look(), HasSubstr("13 certificates are good"));
  clock_.advance(2min);
  EXPECT_THAT(a.look(), HasSubstr("nothing has to be renewed now, and nothing could be: "));
}

TEST_F(PkiStepTest, WithoutLeavesAndStoreItWaits) {
  Master a("a", clock_, store_);
  store_.fail_all(Kind::transient);
  EXPECT_THAT(a.look(), HasSubstr("error: "));
  EXPECT_EQ(a.kind, Kind::transient);
}

TEST_F(PkiStepTest, ARenewalKeepsTheKeySoThatTheTwoFilesAlwaysBelongTogether) {
  Master a("a", clock_, store_);
  a.converge();
  auto const key = a.text(kServerKey);
  auto const before = a.certificate(kServer);
  clock_.advance(24h * 250);
  EXPECT_THAT(a.look(), HasSubstr("two thirds of its life are over"));
  EXPECT_THAT(a.converge(), HasSubstr("13 certificates are good"));
  EXPECT_EQ(a.text(kServerKey), key);
  EXPECT_GT(a.certificate(kServer).not_after, before.not_after);
}

TEST_F(PkiStepTest, ARenewalThatFailsIsToldAndInTheEndTheNodeIsNotAsItShouldBe) {
  Master a("a", clock_, store_);
  a.converge();
  store_.fail_all(Kind::denied);
  clock_.advance(24h * 250);
  EXPECT_THAT(a.look(), HasSubstr("13 of the certificates should be renewed, and cannot be: "));
  EXPECT_THAT(a.facts.pki.get()->warning, HasSubstr("ends on 2027-01-15T10:15:00Z"));
  clock_.advance(24h * 60);
  EXPECT_THAT(a.look(), HasSubstr("error: 13 of the certificates should be renewed"));
  EXPECT_EQ(a.kind, Kind::denied);
  store_.fail_all(std::nullopt);
  EXPECT_THAT(a.converge(), HasSubstr("13 certificates are good"));
  EXPECT_EQ(a.facts.pki.get()->warning, "");
}

TEST_F(PkiStepTest, ANewAddressIsANewLeafOfTheSameKey) {
  Master a("a", clock_, store_);
  a.converge();
  auto const key = a.text(kServerKey);
  a.identity.address = a.identity.ipv4 = "10.0.0.99";
  a.restart();
  EXPECT_THAT(a.look(), HasSubstr("the node's names or addresses have changed"));
  a.converge();
  EXPECT_THAT(a.certificate(kServer).addresses, Contains("10.0.0.99"));
  EXPECT_THAT(a.certificate(kServer).addresses, Not(Contains("10.0.0.10")));
  EXPECT_EQ(a.text(kServerKey), key);
}

TEST_F(PkiStepTest, WhatWasSpoiltIsMadeAgain) {
  Master a("a", clock_, store_);
  a.converge();
  test::write_bytes(a.root(kServer), "words");
  std::filesystem::remove(a.root("/etc/kubernetes/pki/etcd/ca.crt"));
  std::filesystem::remove(a.root("/etc/kubernetes/pki/sa.pub"));
  ::chmod(a.root("/etc/kubernetes/pki/etcd/peer.key").c_str(), 0644);
  a.restart();
  EXPECT_THAT(a.converge(), HasSubstr("13 certificates are good"));
  EXPECT_TRUE(verify(a.text(kServer), a.text("/etc/kubernetes/pki/etcd/ca.crt"), clock_.utc()));
  EXPECT_EQ(a.mode("/etc/kubernetes/pki/etcd/peer.key"), 0600u);
}

TEST_F(PkiStepTest, AnotherClustersAuthorityIsRefused) {
  Master a("a", clock_, store_);
  a.converge();
  Master b("b", clock_, store_);
  b.config.cluster.name = "other.example.com";
  EXPECT_THAT(b.look(), HasSubstr("belongs to the cluster"));
  EXPECT_EQ(b.kind, Kind::refused);
}

TEST_F(PkiStepTest, AuthoritiesOfAClusterThatRunsAreNeverMadeAnew) {
  Master a("a", clock_, store_);
  a.facts.main.volume.set({.volume_id = "vol-a", .member = "a", .etcd_cluster_id = "cafe"});
  EXPECT_THAT(a.look(), HasSubstr("pki/etcd.json is not in memory://state, and vol-a belongs to a "
                                  "cluster already (cafe)"));
  EXPECT_EQ(a.kind, Kind::refused);
  EXPECT_EQ(store_.writes(), 0);
}

TEST_F(PkiStepTest, LivesOfAMinute) {
  Master a("a", clock_, store_);
  a.config.pki.leaf_lifetime = 60s;
  EXPECT_EQ(pki_period(a.config), 2500ms);
  EXPECT_THAT(a.converge(), HasSubstr("renewed on 2026-01-15T10:15:40Z"));
  clock_.advance(39s);
  EXPECT_THAT(a.look(), HasSubstr("13 certificates are good"));
  clock_.advance(1s);
  EXPECT_THAT(a.look(), HasSubstr("two thirds of its life are over"));
}

TEST_F(PkiStepTest, TheFactHasEachCertificateAndItsEnd) {
  Master a("a", clock_, store_);
  a.converge();
  auto const told = a.facts.pki.get().value();
  std::map<std::string, std::string> ends;
  for (auto const& each : told.certificates) ends[each.name] = to_rfc3339(each.not_after);
  EXPECT_EQ(ends.size(), 18u);
  EXPECT_EQ(ends["etcd/server"], "2027-01-15T10:15:00Z");
  EXPECT_EQ(ends["etcd/ca"], "2036-01-13T10:15:00Z");
}

}  // namespace
}  // namespace haagent::bootstrap::pki
