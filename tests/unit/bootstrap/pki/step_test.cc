#include "bootstrap/pki/step.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <set>

#include "bootstrap/kube/apiserver.h"
#include "bootstrap/layout/trust.h"
#include "bootstrap/pki/record.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/memory_store.h"
#include "tests/support/pki_documents.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wrong_clock.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;
using test::Found;
using test::IsAbout;
using test::IsDone;
using test::IsError;
using test::IsNeeded;
using test::MemoryStore;
using test::Says;
using testing::AllOf;
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
    PkiDeps deps{.config = config, .root = root, .store = store, .clock = own};
    deps.etcd_user = [this]() -> Result<UnitUser> { return etcd_user; };
    step = std::make_unique<PkiStep>(std::move(deps));
  }
  Found look() {
    looked = step->look(facts, {});
    return test::found(looked);
  }
  Result<void> act() { return test::act_on(looked); }  // on the last look
  // As the runner has it: looks, acts, looks again.
  Found converge() {
    auto said = look();
    if (said.as != Found::As::needed) return said;
    if (auto acted = test::found(act()); acted.as == Found::As::error) return acted;
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
  test::WrongClock own{clock};  // this machine's; right until a test sets it
  MemoryStore& store;
  NodeConfig config;
  Identity identity;
  Facts facts;
  Result<Finding> looked = Done{};
  UnitUser etcd_user = own_user();
  std::unique_ptr<PkiStep> step;
};

class PkiStepTest : public testing::Test {
 protected:
  test::FakeClock clock_;
  MemoryStore store_{clock_};
};

TEST_F(PkiStepTest, TheFirstMasterMakesAllAndASecondLookWritesNothing) {
  Master a("a", clock_, store_);
  EXPECT_THAT(a.look(), AllOf(IsNeeded(Reason::CertificatesToWrite),
                              IsAbout("pki/etcd.json, "
                                      "pki/etcd-peer.json, "
                                      "pki/agent.json, "
                                      "pki/kubernetes.json, "
                                      "pki/front-proxy.json"),
                              Says("memory://state")));
  EXPECT_EQ(store_.writes(), 0) << "a look has written";
  EXPECT_THAT(a.converge(),
              AllOf(IsDone(Reason::CertificatesGood), Says("15 "), Says("2026-09-15T18:15:00Z")));
  EXPECT_EQ(store_.writes(), 5);
  auto const gets = store_.calls_of(MemoryStore::Call::get);
  a.restart();
  EXPECT_THAT(a.look(), IsDone(Reason::CertificatesGood));
  EXPECT_EQ(store_.calls_of(MemoryStore::Call::get), gets) << "a reboot asks nobody";
}

TEST_F(PkiStepTest, RecordsEveryFileThatItWritesAndNoOther) {
  Master a("a", clock_, store_);
  test::write_bytes(a.root("/etc/kubernetes/pki/somebody-elses.crt"), "x");
  a.converge();
  std::set<std::string> there, recorded;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(a.directory.path()))
    if (entry.is_regular_file())
      there.insert("/" + entry.path().lexically_relative(a.directory.path()).string());
  std::istringstream lines(a.text(kPkiRecord));
  for (std::string line; std::getline(lines, line);) recorded.insert(line);
  there.erase(kPkiRecord);
  // By the name of its link.
  std::erase_if(there, [](std::string const& path) {
    return path.starts_with("/var/lib/kubelet/pki/kubelet-client-2026-");
  });
  EXPECT_EQ(there.erase("/etc/kubernetes/pki/somebody-elses.crt"), 1u);
  EXPECT_EQ(recorded, there);
}

// etcd runs as a user of its own: it reads its two keys through its group, and nobody else does.
TEST_F(PkiStepTest, EtcdsUserIsShownItsKeysAndNoOther) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: files are given to another group";
  Master a("a", clock_, store_);
  a.etcd_user = UnitUser{.uid = 998, .gid = 997};
  a.restart();
  a.converge();
  auto group = [&](std::string const& path) {
    struct stat status{};
    EXPECT_EQ(::stat(a.root(path).c_str(), &status), 0) << path;
    return status.st_gid;
  };
  std::string const pki = "/etc/kubernetes/pki/";
  for (auto const* key : {"etcd/server.key", "etcd/peer.key"}) {
    EXPECT_EQ(a.mode(pki + key), 0640u) << key;
    EXPECT_EQ(group(pki + key), 997u) << key;
  }
  for (auto const* key : {"etcd/healthcheck-client.key", "apiserver-etcd-client.key", "ca.key"})
    EXPECT_EQ(a.mode(pki + key), 0600u) << key;
  EXPECT_THAT(a.look(), IsDone(Reason::CertificatesGood)) << "a key that is shown is no leak";

  // Another group reads it: nobody knows who has, so there is a new one.
  ASSERT_EQ(::chown(a.root(kServerKey).c_str(), 0, 996), 0);
  EXPECT_THAT(a.look(),
              AllOf(IsNeeded(Reason::CertificatesToWrite), IsAbout("etcd/server (key exposed)")));
  a.converge();
  EXPECT_EQ(group(kServerKey), 997u);
  // One from before the user was there is for etcd's start to give.
  ASSERT_EQ(::chown(a.root(kServerKey).c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(a.root(kServerKey).c_str(), 0600), 0);
  EXPECT_THAT(a.look(), IsDone(Reason::CertificatesGood));
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
    if (key == "pki/kubernetes.json") continue;
    auto const bundle = parse_bundle(bytes).value();
    EXPECT_THAT(keys, Not(Contains(HasSubstr(signing_ca(bundle).pair.key.reveal())))) << key;
  }
}

TEST_F(PkiStepTest, ASecondMasterUsesTheFirstOnes) {
  Master a("a", clock_, store_);
  Master b("b", clock_, store_);
  EXPECT_THAT(b.look(), IsNeeded(Reason::CertificatesToWrite)) << "both have looked";
  a.converge();
  auto const objects = store_.objects();
  ASSERT_TRUE(b.act());
  EXPECT_THAT(b.look(), IsDone(Reason::CertificatesGood));
  EXPECT_EQ(store_.objects(), objects);
  for (auto const& file : trust_files()) EXPECT_EQ(a.text(file.path), b.text(file.path));
  EXPECT_TRUE(verify(b.text(kServer), a.text("/etc/kubernetes/pki/etcd/ca.crt"), clock_.utc()));
}

TEST_F(PkiStepTest, AReinstatedMasterWithGoodLeavesNeedsNoStore) {
  Master a("a", clock_, store_);
  a.converge();
  store_.fail_all(Kind::transient);
  a.restart();
  EXPECT_THAT(a.look(), IsDone(Reason::CertificatesGood));
  clock_.advance(2min);
  EXPECT_THAT(a.look(), IsDone(Reason::RenewalNotPossible));
}

TEST_F(PkiStepTest, WithoutLeavesAndStoreItWaits) {
  Master a("a", clock_, store_);
  store_.fail_all(Kind::transient);
  EXPECT_THAT(a.look(), IsError(Reason::Unavailable));
}

TEST_F(PkiStepTest, ARenewalKeepsTheKeySoThatTheTwoFilesAlwaysBelongTogether) {
  Master a("a", clock_, store_);
  a.converge();
  auto const key = a.text(kServerKey);
  auto const before = a.certificate(kServer);
  clock_.advance(24h * 250);
  EXPECT_THAT(a.look(), AllOf(IsNeeded(Reason::CertificatesToWrite), IsAbout("etcd/server (due)")));
  EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood));
  EXPECT_EQ(a.text(kServerKey), key);
  EXPECT_GT(a.certificate(kServer).not_after, before.not_after);
}

TEST_F(PkiStepTest, ARenewalThatFailsIsToldAndInTheEndTheNodeIsNotAsItShouldBe) {
  Master a("a", clock_, store_);
  a.converge();
  store_.fail_all(Kind::denied);
  clock_.advance(24h * 250);
  EXPECT_THAT(a.look(), AllOf(IsDone(Reason::CertificatesNotRenewed), IsAbout("PermissionDenied")));
  EXPECT_THAT(a.facts.pki.get()->warning, HasSubstr("2027-01-15T10:15:00Z"));
  clock_.advance(24h * 60);
  auto const late = a.look();
  EXPECT_THAT(late, IsError(Reason::CertificatesNotRenewed));
  EXPECT_EQ(late.kind, Kind::denied);
  store_.fail_all(std::nullopt);
  EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood));
  EXPECT_EQ(a.facts.pki.get()->warning, "");
}

TEST_F(PkiStepTest, ANewAddressIsANewLeafOfTheSameKey) {
  Master a("a", clock_, store_);
  a.converge();
  auto const key = a.text(kServerKey);
  a.identity.address = a.identity.ipv4 = "10.0.0.99";
  a.restart();
  EXPECT_THAT(a.look(),
              AllOf(IsNeeded(Reason::CertificatesToWrite), IsAbout("etcd/server (other names)")));
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
  ::chmod(a.root("/etc/kubernetes/pki/etcd/peer.key").c_str(), 0644);
  a.restart();
  EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood));
  EXPECT_TRUE(verify(a.text(kServer), a.text("/etc/kubernetes/pki/etcd/ca.crt"), clock_.utc()));
  EXPECT_EQ(a.mode("/etc/kubernetes/pki/etcd/peer.key"), 0600u);
}

TEST_F(PkiStepTest, AnotherClustersAuthorityIsRefused) {
  Master a("a", clock_, store_);
  a.converge();
  Master b("b", clock_, store_);
  b.config.cluster.name = "other.example.com";
  auto const refused = b.look();
  EXPECT_THAT(refused, IsError(Reason::AuthorityForeign));
  EXPECT_EQ(refused.kind, Kind::refused);
}

TEST_F(PkiStepTest, AuthoritiesOfAClusterThatRunsAreNeverMadeAnew) {
  Master a("a", clock_, store_);
  a.facts.main.volume.set({.volume_id = "vol-a", .member = "a", .etcd_cluster_id = "c0de"});
  auto const refused = a.look();
  EXPECT_THAT(refused, AllOf(IsError(Reason::AuthorityMissing), Says("pki/etcd.json"),
                             Says("memory://state"), Says("vol-a"), Says("c0de")));
  EXPECT_EQ(refused.kind, Kind::refused);
  EXPECT_EQ(store_.writes(), 0);
}

TEST_F(PkiStepTest, WhatThisMasterHasIsNeverMadeAnew) {
  for (std::string const document : {"kubernetes", "front-proxy", "agent"}) {
    MemoryStore store(clock_);
    Master a("a", clock_, store);
    a.converge();
    auto const authority = a.text("/etc/kubernetes/pki/ca.crt");
    store.erase(document_key(document));
    a.restart();
    std::filesystem::remove(a.root(kServer));  // so that the store is asked
    EXPECT_THAT(a.converge(),
                AllOf(IsError(Reason::AuthorityMissing), Says("pki/" + document + ".json")));
    EXPECT_FALSE(*store.get(document_key(document), {}));
    EXPECT_EQ(a.text("/etc/kubernetes/pki/ca.crt"), authority);
  }
}

TEST_F(PkiStepTest, LivesOfAMinute) {
  Master a("a", clock_, store_);
  a.config.pki.leaf_lifetime = 60s;
  EXPECT_EQ(pki_period(a.config), 2500ms);
  EXPECT_THAT(a.converge(), AllOf(IsDone(Reason::CertificatesGood), Says("2026-01-15T10:15:40Z")));
  clock_.advance(39s);
  EXPECT_EQ(a.look().as, Found::As::done);
  clock_.advance(1s);
  EXPECT_THAT(a.look(), AllOf(IsNeeded(Reason::CertificatesToWrite), IsAbout("etcd/server (due)")));
}

TEST_F(PkiStepTest, TheFactHasEachCertificateAndItsEnd) {
  Master a("a", clock_, store_);
  a.converge();
  auto const told = a.facts.pki.get().value();
  std::map<std::string, std::string> ends;
  for (auto const& each : told.certificates) ends[each.name] = to_rfc3339(each.not_after);
  EXPECT_EQ(ends.size(), 20u);
  EXPECT_EQ(ends["etcd/server"], "2027-01-15T10:15:00Z");
  EXPECT_EQ(ends["etcd/ca"], "2036-01-13T10:15:00Z");
}

// Three masters that are up, and the etcd of each as far as a rotation goes: it is started with
// what it is to trust, and only once its master has the turn.
class PkiRotation : public testing::Test {
 protected:
  PkiRotation() {
    test::add_authorities(store_);
    for (auto const* name : {"a", "b", "c"}) {
      masters_.push_back(std::make_unique<Master>(name, clock_, store_));
      auto& master = *masters_.back();
      master.facts.main.peers.set({{"a", "10.0.0.10"}, {"b", "10.0.0.11"}, {"c", "10.0.0.12"}});
      master.facts.main.member.set({.name = fmt::format("etcd-{}", name),
                                    .leader = "etcd-a",
                                    .voters = 3,
                                    .healthy_voters = 3});
      master.converge();
      EXPECT_TRUE(load_trust(master.root, EtcdCluster::main));
    }
    clock_.advance(61s);
  }
  void begin(Authority const& authority) {
    auto begun = begin_rotation(store_, authority, kMaking, clock_.utc(), {});
    EXPECT_TRUE(begun) << begun.error().message.text;
  }
  Bundle document(Authority const& authority) {
    return read_authority(store_, authority.name, {}).value()->bundle;
  }
  std::string holder() { return read_turn(store_, {}).value().turn.holder; }
  bool all_stable() {
    return std::ranges::none_of(
        std::vector{kEtcdAuthority, kEtcdPeerAuthority, kAgentAuthority},
        [&](Authority const& authority) { return is_under_way(document(authority)); });
  }
  // A second of one master's life.
  Found live(Master& master) {
    auto const said = master.converge();
    auto const granted = master.facts.pki.get()->restart_for;
    if (!granted.empty()) {
      EXPECT_EQ(granted, digest_of(wanted_trust(master.root).value()));
      EXPECT_TRUE(load_trust(master.root, EtcdCluster::main));
      ++restarts_;
    }
    clock_.advance(1s);
    return said;
  }
  // Each master's certificates are good for every other's etcd and agent.
  void nobody_is_shut_out() {
    std::string all;
    for (auto& each : masters_) {
      all += digest_of(loaded_trust(each->root, EtcdCluster::main).value());
      for (auto const* path :
           {"/etc/kubernetes/pki/etcd/server.crt", "/etc/kubernetes/pki/etcd/peer.crt",
            "/etc/haagent/pki/agent.crt", "/etc/haagent/pki/ca.crt"})
        all += each->text(path);
    }
    if (!worlds_.insert(all).second) return;
    for (auto& one : masters_)
      for (auto& other : masters_) {
        auto const loaded = loaded_trust(other->root, EtcdCluster::main).value();
        auto const at = clock_.utc();
        for (auto const& [leaf, trust] :
             {std::pair(one->text("/etc/kubernetes/pki/etcd/server.crt"), loaded.clients),
              std::pair(one->text("/etc/kubernetes/pki/apiserver-etcd-client.crt"), loaded.clients),
              std::pair(one->text("/etc/kubernetes/pki/etcd/peer.crt"), loaded.peers),
              std::pair(one->text("/etc/haagent/pki/agent.crt"),
                        other->text("/etc/haagent/pki/ca.crt"))}) {
          auto const good = verify(leaf, trust, at);
          ASSERT_TRUE(good) << good.error().message.text;
        }
      }
  }

  Making const kMaking{.organization = "prod.example.com", .lifetime = 1000h};
  test::FakeClock clock_;
  MemoryStore store_{clock_};
  std::vector<std::unique_ptr<Master>> masters_;
  int restarts_ = 0;
  std::set<std::string> worlds_;  // that were looked at
};

TEST_F(PkiRotation, EndsWhateverTheOrderAndShutsNobodyOut) {
  std::vector<std::string> old;
  for (auto const* path : {kServer, "/etc/kubernetes/pki/etcd/peer.crt"})
    old.push_back(masters_[0]->text(path));
  for (auto const& authority : {kEtcdAuthority, kEtcdPeerAuthority, kAgentAuthority})
    begin(authority);
  restarts_ = 0;
  clock_.advance(61s);
  int turns = 0;
  // Whoever comes, and some agents die: a new one remembers nothing.
  for (std::mt19937 random(7); turns < 400; ++turns) {
    if (turns % 10 == 9 && all_stable()) break;
    auto& master = *masters_[random() % masters_.size()];
    if (random() % 10 == 0) {
      master.restart();
      master.facts.pki.clear();
      master.converge();
      continue;
    }
    live(master);
    nobody_is_shut_out();
    if (HasFatalFailure()) return;
  }
  EXPECT_LT(turns, 400) << masters_[0]->look();
  EXPECT_GE(restarts_, 6) << "each for the new one, and for dropping the old one";
  auto const trust = loaded_trust(masters_[1]->root, EtcdCluster::main).value();
  EXPECT_FALSE(verify(old[0], trust.clients, clock_.utc()));
  EXPECT_FALSE(verify(old[1], trust.peers, clock_.utc()));
  EXPECT_THAT(live(*masters_[0]), IsDone(Reason::CertificatesGood));
}

TEST_F(PkiRotation, WhoIsDownHoldsItAndIsNamed) {
  begin(kEtcdAuthority);
  for (int i = 0; i < 10; ++i)
    for (auto index : {0u, 1u}) live(*masters_[index]);
  EXPECT_EQ(document(kEtcdAuthority).stage, Stage::trusting_new);
  EXPECT_THAT(live(*masters_[0]), AllOf(IsDone(Reason::RotationUnderWay),
                                        IsAbout("etcd: trusting new, waiting for c")));
  // Its volume's tag goes, and etcd's list: then it is a master no more.
  for (auto index : {0u, 1u})
    masters_[index]->facts.main.peers.set({{"a", "10.0.0.10"}, {"b", "10.0.0.11"}});
  for (int i = 0; i < 80 && !all_stable(); ++i)
    for (auto index : {0u, 1u}) live(*masters_[index]);
  EXPECT_TRUE(all_stable()) << masters_[0]->look();
}

TEST_F(PkiRotation, NoMemberRestartsWhileAVoterIsDown) {
  begin(kEtcdAuthority);
  auto& a = *masters_[0];
  auto member = a.facts.main.member.get().value();
  member.healthy_voters = 2;
  member.silent_voters = {"etcd-c"};
  a.facts.main.member.set(member);
  for (int i = 0; i < 5; ++i) live(a);
  EXPECT_THAT(live(a), AllOf(IsDone(Reason::RestartWaitsForMembers), Says("etcd-c")));
  EXPECT_EQ(holder(), "");
  EXPECT_EQ(restarts_, 0);
}

// Where no authority changes too: the same change of the configuration comes to all at once.
TEST_F(PkiRotation, MembersThatAreToRestartDoItOneAfterTheOther) {
  std::set<std::string> restarted;
  for (auto& master : masters_) master->facts.main.wants_restart.set(true);
  for (int round = 0; round < 20 && restarted.size() < 3; ++round) {
    int granted = 0;
    for (auto& master : masters_) {
      live(*master);
      if (master->facts.pki.get()->restart_for.empty()) continue;
      ++granted;
      EXPECT_EQ(holder(), master->facts.main.volume.get()->member);
    }
    ASSERT_LE(granted, 1);
    // The one whose turn it is goes down for a while; nobody else takes it meanwhile.
    for (auto& master : masters_) {
      if (master->facts.pki.get()->restart_for.empty()) continue;
      auto const member = master->facts.main.member.get().value();
      master->facts.main.wants_restart.set(false);
      master->facts.main.member.clear();
      for (int i = 0; i < 3; ++i)
        for (auto& other : masters_) live(*other);
      EXPECT_EQ(holder(), master->facts.main.volume.get()->member);
      master->facts.main.member.set(member);
      restarted.insert(member.name);
      break;
    }
  }
  EXPECT_EQ(restarted.size(), 3u);
  for (auto& master : masters_) live(*master);
  EXPECT_EQ(holder(), "");
}

// Certificates do not wait for it.
TEST_F(PkiRotation, ATurnThatCannotBeReadHoldsNoRenewalUp) {
  auto& a = *masters_[0];
  live(a);
  store_.put(kRestartTurnKey, "{");
  clock_.advance(1min);
  EXPECT_THAT(a.look(), IsDone(Reason::RestartTurnNotRead));
  EXPECT_EQ(a.facts.pki.get()->restart_for, "");
  auto const before = a.certificate(kServer);
  clock_.advance(24h * 250);
  EXPECT_THAT(a.look(), IsNeeded(Reason::CertificatesToWrite));
  EXPECT_TRUE(a.act());
  EXPECT_GT(a.certificate(kServer).not_after, before.not_after);
  store_.put(kRestartTurnKey, to_text(RestartTurn{}));
  clock_.advance(1min);
  EXPECT_THAT(live(a), IsDone(Reason::CertificatesGood));
}

TEST_F(PkiRotation, AnotherMastersChangeIsNeverOverwritten) {
  begin(kAgentAuthority);
  auto& a = *masters_[0];
  ASSERT_THAT(a.look(), AllOf(IsNeeded(Reason::CertificatesToWrite), IsAbout("haagent/ca")));
  ASSERT_TRUE(a.act());
  ASSERT_THAT(a.look(), AllOf(IsNeeded(Reason::RotationToAdvance), IsAbout("agent: loaded")));
  bool once = true;
  store_.on_call = [&](MemoryStore::Call call, std::string const& key) {
    if (call != MemoryStore::Call::replace || !std::exchange(once, false)) return;
    auto other = document(kAgentAuthority);
    other.loaded["b"] = loaded_text(other);
    store_.put(key, to_text(other));
  };
  auto acted = a.act();
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::transient);
  EXPECT_EQ(acted.error().message.reason, Reason::Conflict);
  live(a);
  EXPECT_TRUE(document(kAgentAuthority).loaded.contains("a"));
  EXPECT_TRUE(document(kAgentAuthority).loaded.contains("b"));
}

TEST_F(PkiRotation, AStoreThatFailsInTheMiddleHoldsItAndNoMore) {
  begin(kEtcdAuthority);
  for (int i = 0; i < 3; ++i) live(*masters_[0]);
  store_.fail_all(Kind::transient);
  EXPECT_THAT(live(*masters_[0]), IsDone(Reason::RenewalNotPossible));
  EXPECT_EQ(masters_[0]->facts.pki.get()->restart_for, "") << "whose turn it is, is not known";
  store_.fail_all(std::nullopt);
  store_.lose_next_answer(MemoryStore::Call::replace, 3);
  for (int i = 0; i < 90 && !all_stable(); ++i)
    for (auto& master : masters_) live(*master);
  EXPECT_TRUE(all_stable());
}

// a, beside its apiserver: the manifest, and the process as /proc tells it.
class RotationBesideAnApiserver : public PkiRotation {
 protected:
  // As the row control-plane does it once etcd was restarted.
  void write_manifest(std::string const& trust) {
    auto const path = a_.root("/etc/kubernetes/manifests/kube-apiserver.yaml");
    test::write_bytes(path, "haagent.io/config-hash: " + kube::etcd_trust_hash(trust));
    auto const now = clock_.utc().time_since_epoch();
    timespec const time{.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(now).count(),
                        .tv_nsec = 0};
    timespec const times[] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  std::string loaded() { return loaded_trust(a_.root, EtcdCluster::main).value().clients; }
  void tell_uptime() {
    auto const up = std::chrono::duration_cast<std::chrono::seconds>(clock_.utc() - boot_).count();
    test::write_bytes(a_.root("/proc/uptime"), fmt::format("{}.00 1.00\n", up));
  }
  void start_apiserver(int pid, std::string const& etcd_ca = "/etc/kubernetes/pki/etcd/ca.crt") {
    auto const ticks =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.utc() - boot_).count() *
        ::sysconf(_SC_CLK_TCK);
    auto const folder = a_.root(fmt::format("/proc/{}", pid));
    test::write_bytes(folder / "cmdline", std::string("/usr/local/bin/kube-apiserver") + '\0' +
                                              "--etcd-cafile=" + etcd_ca + '\0' + "-v" + '\0');
    test::write_bytes(folder / "stat",
                      fmt::format("{} (kube-apiserver) S 1 {} 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 {} "
                                  "0 0\n",
                                  pid, pid, ticks));
  }
  void end_apiserver(int pid) {
    std::filesystem::remove_all(a_.root(fmt::format("/proc/{}", pid)));
  }
  Found live_a() {
    tell_uptime();
    return live(a_);
  }
  bool has_claimed() { return document(kEtcdAuthority).loaded.contains("a"); }

  Master& a_ = *masters_[0];
  UtcTime const boot_ = clock_.utc() - 1h;
};

TEST_F(RotationBesideAnApiserver, ItsProcessMustBeYoungerThanItsManifest) {
  write_manifest(trust_of(document(kEtcdAuthority)));
  start_apiserver(77);
  begin(kEtcdAuthority);
  for (int i = 0; i < 5; ++i) live_a();
  EXPECT_EQ(restarts_, 1);
  EXPECT_THAT(live_a(), IsDone(Reason::RotationUnderWay));
  // Of a cluster in a pod: older than every manifest, and none of ours.
  start_apiserver(50, "/etc/cluster-in-a-pod/ca.crt");
  write_manifest(loaded());
  // The kubelet is down: the old process goes on, however long.
  clock_.advance(10h);
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(live_a(),
                AllOf(IsDone(Reason::ApiserverNotRestarted), Says("i-0123456789abcdef0")));
  EXPECT_THAT(a_.facts.pki.get()->lacks, HasSubstr("'systemctl status kubelet'"));
  EXPECT_FALSE(has_claimed());
  EXPECT_EQ(holder(), "a") << "the others' apiservers stay up";
  // It comes back, and the old process ends after the new one has begun.
  start_apiserver(99);
  clock_.advance(30s);
  EXPECT_THAT(live_a(), IsDone(Reason::ApiserverNotRestarted));
  end_apiserver(77);
  for (int i = 0; i < 2; ++i) live_a();
  EXPECT_TRUE(has_claimed());
  EXPECT_EQ(a_.facts.pki.get()->lacks, "");
  EXPECT_EQ(holder(), "");
  // A new agent does not wait again for what was reported.
  auto const writes = store_.writes();
  a_.restart();
  live_a();
  EXPECT_THAT(live_a(), AllOf(IsDone(Reason::RotationUnderWay), IsAbout("waiting for b and c")));
  EXPECT_EQ(store_.writes(), writes);
}

// A clock set two hours on made every process younger than what was written before.
TEST_F(RotationBesideAnApiserver, ClockStepsMakeNoOldProcessYoungAndNoYoungOneOld) {
  write_manifest(trust_of(document(kEtcdAuthority)));
  start_apiserver(77);
  begin(kEtcdAuthority);
  for (int i = 0; i < 5; ++i) live_a();
  write_manifest(loaded());
  clock_.advance(10s);
  EXPECT_THAT(live_a(), IsDone(Reason::ApiserverNotRestarted));
  for (auto const ahead : {Duration(2h), Duration(-2h), Duration(26'000h)}) {
    a_.own.set_ahead(ahead);
    EXPECT_THAT(live_a(), IsDone(Reason::ApiserverNotRestarted)) << ahead.count();
    EXPECT_FALSE(has_claimed());
  }
  a_.own.set_ahead(-2h);
  start_apiserver(99);
  end_apiserver(77);
  clock_.advance(30s);
  for (int i = 0; i < 2; ++i) live_a();
  EXPECT_TRUE(has_claimed());
}

TEST_F(RotationBesideAnApiserver, OneThatDoesNotRunIsWaitedForAWhile) {
  write_manifest(trust_of(document(kEtcdAuthority)));
  begin(kEtcdAuthority);
  for (int i = 0; i < 5; ++i) live_a();
  write_manifest(loaded());
  EXPECT_THAT(live_a(), AllOf(IsDone(Reason::RotationUnderWay), Says("i-0123456789abcdef0")));
  EXPECT_EQ(holder(), "a");
  clock_.advance(45s);
  live_a();
  live_a();
  EXPECT_TRUE(has_claimed()) << "it reads what stands there, whenever it starts";
  EXPECT_EQ(holder(), "");
}

TEST_F(PkiRotation, BeginsOnceAndNotOverAnother) {
  begin(kEtcdAuthority);
  auto const doc = document(kEtcdAuthority);
  auto again = begin_rotation(store_, kEtcdAuthority, kMaking, clock_.utc(), {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, Kind::refused);
  EXPECT_EQ(again.error().message.reason, Reason::RotationUnderWay);
  EXPECT_EQ(to_text(document(kEtcdAuthority)), to_text(doc));

  store_.lose_next_answer(MemoryStore::Call::replace);
  begin(kAgentAuthority);
  EXPECT_EQ(document(kAgentAuthority).cas.size(), 2u);

  // Another operator is a moment ahead.
  bool once = true;
  store_.on_call = [&](MemoryStore::Call call, std::string const&) {
    if (call == MemoryStore::Call::replace && std::exchange(once, false)) begin(kEtcdPeerAuthority);
  };
  again = begin_rotation(store_, kEtcdPeerAuthority, kMaking, clock_.utc(), {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, Kind::refused);
}

class PkiClockTest : public PkiStepTest {
 protected:
  static constexpr Duration kWrong[] = {Duration(3min),  Duration(40min),  Duration(26'000h),
                                        Duration(-3min), Duration(-40min), Duration(-26'000h)};
};

// A first master whose clock is ahead made authorities that nobody accepts.
TEST_F(PkiClockTest, NoAuthorityIsMadeByAWrongClock) {
  for (auto const ahead : kWrong) {
    SCOPED_TRACE(ahead.count());
    MemoryStore store{clock_};
    Master a("a", clock_, store);
    a.own.set_ahead(ahead);
    auto const held = a.converge();
    EXPECT_THAT(held, IsError(Reason::ClockWrong));
    EXPECT_EQ(held.kind, Kind::transient) << "it comes back";
    EXPECT_EQ(store.writes(), 0);
    a.own.set_ahead(0s);
    EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood));
    Master b("b", clock_, store);
    EXPECT_THAT(b.converge(), IsDone(Reason::CertificatesGood)) << "and others accept them";
  }
}

// Set between the look and the act, both ways.
TEST_F(PkiClockTest, AClockThatIsSetInBetweenMakesNothing) {
  for (auto const ahead : kWrong) {
    MemoryStore store{clock_};
    Master a("a", clock_, store);
    ASSERT_THAT(a.look(), IsNeeded(Reason::CertificatesToWrite));
    a.own.set_ahead(ahead);
    EXPECT_FALSE(a.act());
    EXPECT_EQ(store.writes(), 0);
  }
}

TEST_F(PkiClockTest, WhatIsMadeBeginsByTheStoresTime) {
  Master a("a", clock_, store_);
  a.own.set_ahead(2min);
  a.converge();
  Master b("b", clock_, store_);
  b.own.set_ahead(-2min);
  EXPECT_THAT(b.converge(), IsDone(Reason::CertificatesGood));
  for (auto const* path : {"/etc/kubernetes/pki/etcd/ca.crt", kServer})
    EXPECT_LT(std::chrono::abs(a.certificate(path).not_before - (clock_.utc() - kBackdated)), 5s)
        << path;
}

// Years ahead everything looks ended, years behind nothing has begun: nothing of it is made anew.
TEST_F(PkiClockTest, LeavesAreJudgedByTheStoresTime) {
  for (auto const ahead : kWrong) {
    SCOPED_TRACE(ahead.count());
    MemoryStore store{clock_};
    Master a("a", clock_, store);
    a.converge();
    auto const before = a.text(kServer);
    auto const writes = store.writes();
    a.own.set_ahead(ahead);
    EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood));
    a.restart();
    EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood)) << "after a reboot as well";
    EXPECT_EQ(a.text(kServer), before);
    EXPECT_EQ(store.writes(), writes);
  }
}

TEST_F(PkiClockTest, LeavesThatAreDueWaitForTheClock) {
  Master a("a", clock_, store_);
  a.converge();
  auto const before = a.text(kServer);
  clock_.advance(a.config.pki.leaf_lifetime * 3 / 4);
  for (auto const ahead : kWrong) {
    a.own.set_ahead(ahead);
    EXPECT_THAT(a.converge(), AllOf(IsDone(Reason::CertificatesNotRenewed), IsAbout("ClockWrong")));
    EXPECT_NE(a.facts.pki.get()->warning, "");
    EXPECT_EQ(a.text(kServer), before);
  }
  a.own.set_ahead(0s);
  EXPECT_THAT(a.converge(), IsDone(Reason::CertificatesGood));
  EXPECT_NE(a.text(kServer), before);
}

TEST_F(PkiClockTest, AnAuthorityOfATimeToComeIsNamed) {
  {
    test::FakeClock ahead(clock_.utc() + 40min);
    MemoryStore other{ahead};
    Master a("a", ahead, other);
    a.converge();
    for (auto const& [key, bytes] : other.objects()) store_.put(key, bytes);
  }
  Master b("b", clock_, store_);
  auto const invalid = b.converge();
  EXPECT_THAT(invalid, AllOf(IsError(Reason::AuthorityNotValid), Says("2026-01-15T10:50:00Z")));
  EXPECT_EQ(invalid.kind, Kind::invalid);
  clock_.advance(40min);
  EXPECT_THAT(b.converge(), IsDone(Reason::CertificatesGood));
}

}  // namespace
}  // namespace haagent::bootstrap::pki
