#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootstrap/pki/kubelet_pair.h"
#include "bootstrap/pki/kubelet_step.h"
#include "bootstrap/pki/step.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/memory_store.h"
#include "tests/support/pki_documents.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::pki {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::Found;
using test::IsDone;
using test::IsError;
using test::IsWaiting;
using test::Says;
using testing::AllOf;

constexpr char kCurrent[] = "/var/lib/kubelet/pki/kubelet-client-current.pem";

class Kubelets final : public Units {
 public:
  pid_t pid = 0;
  int restarts = 0;
  bool known = true;
  Result<UnitState> state(std::string const& name) override {
    if (!known || name != kKubeletUnit)
      return fail(Kind::invalid, "systemd knows no unit {}", name);
    return UnitState{.phase = pid ? UnitState::Phase::running : UnitState::Phase::stopped,
                     .pid = pid,
                     .detail = {},
                     .since = {}};
  }
  Result<void> start(UnitSpec const&) override { return {}; }
  Result<void> stop(std::string const&, Duration, std::stop_token) override { return {}; }
  Result<void> restart(std::string const&) override {
    ++restarts;
    return {};
  }
};

// A master's disk, with /proc, and the two steps that see to the kubelet's certificate.
class KubeletTest : public testing::Test {
 protected:
  KubeletTest() {
    test::add_authorities(store_);
    facts_.identity.set(test::kube_identity());
    facts_.main.volume.set({.volume_id = "vol-a", .member = "a"});
    pass(0s);
    restart_agent();
  }
  void restart_agent() {
    pki_ = std::make_unique<PkiStep>(
        PkiDeps{.config = config_, .root = root_, .store = store_, .clock = clock_});
    kubelet_ = std::make_unique<KubeletStep>(config_, root_, clock_, units_, restarts_);
  }
  void pass(Duration time) {
    clock_.advance(time);
    up_ += time;
    test::write_bytes(root_("/proc/uptime"),
                      fmt::format("{:.2f} 1.00\n", static_cast<double>(up_.count()) / 1000));
  }
  void start_kubelet(pid_t pid, std::string const& kubeconfig = "/etc/kubernetes/kubelet.conf") {
    auto const folder = root_(fmt::format("/proc/{}", pid));
    test::write_bytes(folder / "cmdline",
                      std::string("/usr/bin/kubelet") + '\0' + "--kubeconfig=" + kubeconfig + '\0');
    test::write_bytes(folder / "stat",
                      fmt::format("{} (kubelet) S 1 {} 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 {} 0 0\n",
                                  pid, pid, up_.count() * ::sysconf(_SC_CLK_TCK) / 1000));
  }
  void end_kubelet(pid_t pid) { fs::remove_all(root_(fmt::format("/proc/{}", pid))); }

  // As the runner has it: the last of what it found.
  Found converge(Step& step) {
    Found last;
    for (int looks = 0; looks < 3; ++looks) {
      auto looked = step.look(facts_, {});
      last = test::found(looked);
      if (last.as != Found::As::needed) return last;
      if (auto acted = test::found(test::act_on(looked)); acted.as == Found::As::error)
        return acted;
    }
    return last;
  }
  std::string text() { return test::bytes_of(root_(kCurrent)); }
  std::vector<std::string> dated() {
    std::vector<std::string> names;
    for (auto const& entry : fs::directory_iterator(root_(kCurrent).parent_path()))
      if (auto const name = entry.path().filename().string();
          name.starts_with("kubelet-client-") && name != fs::path(kCurrent).filename())
        names.push_back(name);
    std::ranges::sort(names);
    return names;
  }
  // What a kubelet that starts now, and later renews by itself, has against the file; client-go's
  // own rules, over libcrypto.
  std::string refusal() {
    auto const path = root_(kCurrent);
    if (!fs::is_symlink(path)) return "expected to be a symlink but it is a file";
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return "it leads nowhere";
    if ((status.st_mode & 07777u) != 0600u) return "others read it";
    auto const certificates = split_bundle(text());
    if (!certificates) return certificates.error().message.text;
    for (auto const& pem : *certificates)
      if (clock_.utc() > parse_certificate(pem)->not_after)
        return "part of the existing bootstrap client certificate is expired";
    if (!is_for_key(certificates->front(), Secret(text()))) return "private key does not match";
    return "";
  }
  // As earlier versions renewed it: the new certificate, and the whole old file behind it.
  void renew_as_an_earlier_version(int times) {
    auto const pair = read_pair(root_(kCurrent), clock_.utc()).value().value();
    auto const leaf = parse_certificate(pair.certificates).value();
    auto const authority =
        signing_ca(read_authority(store_, kKubernetesAuthority.name, {}).value()->bundle).pair;
    auto file = pair.certificates + pair.key.reveal();
    for (int i = 0; i < times; ++i) {
      pass(24h * 244);
      file = make_leaf(spec_of(leaf), pair.key, authority, clock_.utc(), 24h * 365).value() + file;
    }
    for (auto const& name : dated()) fs::remove(root_(kCurrent).parent_path() / name);
    fs::remove(root_(kCurrent));
    test::write_bytes(root_(kCurrent), file);
    ::chmod(root_(kCurrent).c_str(), 0600);
  }

  test::TemporaryDirectory directory_;
  Root const root_{directory_.path()};
  test::FakeClock clock_;
  Duration up_ = 1h;
  test::MemoryStore store_{clock_};
  NodeConfig config_ = test::kube_master();
  Facts facts_;
  Kubelets units_;
  kube::KubeletRestarts restarts_{root_, units_};
  std::unique_ptr<PkiStep> pki_;
  std::unique_ptr<KubeletStep> kubelet_;
};

TEST_F(KubeletTest, AKubeletStartsWithItAfterEachRenewal) {
  converge(*pki_);
  EXPECT_EQ(dated(), std::vector<std::string>{"kubelet-client-2026-01-15-10-15-00.pem"});
  auto const key = read_pair(root_(kCurrent), clock_.utc()).value()->key;
  for (int renewals = 1; renewals < 8; ++renewals) {
    SCOPED_TRACE(renewals);
    EXPECT_EQ(refusal(), "");
    auto const before = text();
    EXPECT_EQ(split_bundle(before).value().size(), 1u);
    pass(24h * 250);
    converge(*pki_);
    EXPECT_NE(text(), before);
    EXPECT_LE(dated().size(), 3u) << "each holds a key";
    EXPECT_EQ(fs::read_symlink(root_(kCurrent)), dated().back());
    EXPECT_EQ(read_pair(root_(kCurrent), clock_.utc()).value()->key, key);
    EXPECT_THAT(test::found(kubelet_->look(facts_, {})), IsDone(Reason::KubeletCurrent));
  }
}

// Clients that reach it at an address, as the apiserver does, get what it has read at its start.
TEST_F(KubeletTest, AKubeletBefore136IsRestartedForItsServingCertificate) {
  struct Version {
    std::string version;
    bool restarts;
  };
  for (auto const& [version, restarts] : {Version{"1.31.0", true}, Version{"1.35.4", true},
                                          Version{"1.36.0", false}, Version{"1.37.2", false}}) {
    SCOPED_TRACE(version);
    config_.kubernetes.version = version;
    fs::remove(root_(kKubeletRenewed));
    fs::remove(root_(kKubeletServingRenewed));
    pass(1h);
    converge(*pki_);
    pass(1h);
    units_.pid = 700;
    start_kubelet(700);
    EXPECT_THAT(test::found(kubelet_->look(facts_, {})), IsDone(Reason::KubeletCurrent));
    // Its serving certificate alone is renewed.
    fs::remove(root_(kube::kKubeletServer.cert));
    pass(1h);
    converge(*pki_);
    auto const found = test::found(kubelet_->look(facts_, {}));
    EXPECT_EQ(found.as == Found::As::needed, restarts);
    // One that begins later has read it.
    end_kubelet(700);
    pass(1h);
    start_kubelet(701);
    units_.pid = 701;
    EXPECT_THAT(test::found(kubelet_->look(facts_, {})), IsDone(Reason::KubeletCurrent));
    end_kubelet(701);
  }
}

TEST_F(KubeletTest, WhatAnEarlierVersionLeftIsRepairedWithoutTheStore) {
  for (int renewals = 0; renewals < 4; ++renewals) {
    SCOPED_TRACE(renewals);
    converge(*pki_);
    renew_as_an_earlier_version(renewals);
    ASSERT_NE(refusal(), "");
    auto const leaf = split_bundle(text()).value().front();
    converge(*pki_);  // whatever else is due by now
    ASSERT_NE(refusal(), "");
    store_.fail_all(Kind::transient);
    restart_agent();
    EXPECT_THAT(converge(*pki_), IsDone(Reason::CertificatesGood))
        << "etcd does not wait for the kubelet's file";
    auto const before = text();
    ASSERT_TRUE(kubelet_->look(facts_, {}));
    EXPECT_EQ(text(), before) << "a look has written";
    EXPECT_THAT(converge(*kubelet_), IsDone(Reason::KubeletCurrent));
    EXPECT_EQ(refusal(), "");
    EXPECT_EQ(split_bundle(text()).value(), std::vector{leaf});
    restart_agent();
    EXPECT_THAT(converge(*pki_), IsDone(Reason::CertificatesGood));
    store_.fail_all(std::nullopt);
  }
}

TEST_F(KubeletTest, APlainFileThatIsDueAndALinkToNowhereAreMadeAgain) {
  converge(*pki_);
  renew_as_an_earlier_version(2);
  pass(24h * 250);
  converge(*pki_);
  EXPECT_EQ(refusal(), "");
  for (auto const* target :
       {"kubelet-client-1999-01-01-00-00-00.pem", "kubelet-client-current.pem"}) {
    fs::remove(root_(kCurrent));
    fs::create_symlink(target, root_(kCurrent));
    EXPECT_THAT(converge(*pki_), IsDone(Reason::CertificatesGood));
    EXPECT_EQ(refusal(), "") << target;
  }
  test::write_bytes(root_(kCurrent), "words");
  EXPECT_THAT(converge(*kubelet_), IsDone(Reason::KubeletCurrent))
      << "there is nothing that it could lay out";
  converge(*pki_);
  EXPECT_EQ(refusal(), "");
}

// It was approved, and is younger: the kubelet has written what the agent would write.
TEST_F(KubeletTest, AKubeletsOwnCertificateStays) {
  config_.kubernetes.version = "1.36.0";
  converge(*pki_);
  start_kubelet(77);
  units_.pid = 77;
  pass(24h * 200);
  auto const authority =
      signing_ca(read_authority(store_, kKubernetesAuthority.name, {}).value()->bundle).pair;
  auto const key = make_key().value();
  auto const leaf = make_leaf({.common_name = "system:node:" + test::kube_identity().hostname,
                               .organization = "system:nodes",
                               .dns_names = {},
                               .addresses = {},
                               .client = true},
                              key, authority, clock_.utc(), 24h * 365)
                        .value();
  ASSERT_TRUE(write_pair(root_(kCurrent), leaf, key, clock_.utc()));
  auto const its = text();
  end_kubelet(77);
  pass(1s);
  start_kubelet(78);
  units_.pid = 78;
  converge(*pki_);
  pass(24h * 100);  // the agent's own would have been renewed by now
  EXPECT_THAT(converge(*pki_), IsDone(Reason::CertificatesGood));
  converge(*kubelet_);
  EXPECT_EQ(text(), its);
  EXPECT_EQ(units_.restarts, 0);
}

TEST_F(KubeletTest, OneThatBeganBeforeARenewalIsRestartedOnce) {
  converge(*pki_);
  pass(1min);
  start_kubelet(77);
  start_kubelet(50, "/etc/cluster-in-a-pod/kubelet.conf");
  units_.pid = 77;
  converge(*kubelet_);
  EXPECT_EQ(units_.restarts, 0);
  pass(24h * 250);
  converge(*pki_);
  // The clock is set back, and has no part in it.
  clock_.advance(-24h * 400);
  EXPECT_THAT(converge(*kubelet_), IsWaiting(Reason::KubeletRestarting));
  EXPECT_EQ(units_.restarts, 1);
  pass(1s);
  EXPECT_THAT(converge(*kubelet_), IsWaiting(Reason::KubeletRestarting));
  EXPECT_EQ(units_.restarts, 1);
  end_kubelet(77);
  pass(1s);
  start_kubelet(99);
  units_.pid = 99;
  EXPECT_THAT(converge(*kubelet_), IsDone(Reason::KubeletCurrent));
  restart_agent();
  EXPECT_THAT(converge(*kubelet_), IsDone(Reason::KubeletCurrent));
  EXPECT_EQ(units_.restarts, 1);
}

TEST_F(KubeletTest, AnAgentThatDiedAfterTheRenewalIsFollowedByOneThatRestartsIt) {
  converge(*pki_);
  pass(1min);
  start_kubelet(77);
  units_.pid = 77;
  pass(24h * 250);
  converge(*pki_);
  restart_agent();
  converge(*kubelet_);
  EXPECT_EQ(units_.restarts, 1);
  // One that does not end is told, and asked again.
  pass(3min);
  EXPECT_THAT(
      test::found(kubelet_->look(facts_, {})),
      AllOf(IsError(Reason::KubeletRestarting), Says("'systemctl status kubelet.service'")));
  converge(*kubelet_);
  EXPECT_EQ(units_.restarts, 2);
}

TEST_F(KubeletTest, AfterARebootNoKubeletIsOld) {
  converge(*pki_);
  pass(24h * 250);
  converge(*pki_);
  up_ = 30s;  // and /run was kept
  pass(0s);
  start_kubelet(77);
  units_.pid = 77;
  converge(*kubelet_);
  EXPECT_EQ(units_.restarts, 0);
}

TEST(DecideKubelet, Table) {
  struct Row {
    KubeletSeen seen;
    KubeletMove move;
  } const rows[] = {
      {{}, KubeletMove::none},
      {{.old = {}, .unit = 7, .restarted = 5, .waited = 1h}, KubeletMove::none},
      {{.old = {7}, .unit = 7}, KubeletMove::restart},
      {{.old = {5, 7}, .unit = 7}, KubeletMove::restart},
      {{.old = {7}, .unit = 7, .restarted = 7, .waited = 1s}, KubeletMove::wait},
      {{.old = {7}, .unit = 7, .restarted = 7, .waited = 2min}, KubeletMove::stuck},
      {{.old = {7}, .unit = 7, .restarted = 5, .waited = 2min}, KubeletMove::restart},
      {{.old = {7}, .unit = 0}, KubeletMove::foreign},
      {{.old = {7}, .unit = 9}, KubeletMove::foreign},
  };
  for (auto const& row : rows)
    EXPECT_EQ(decide_kubelet(row.seen), row.move)
        << fmt::format("old {} unit {}", row.seen.old.size(), row.seen.unit);
}

TEST(KubeletPair, ItsNames) {
  fs::path const current(kCurrent);
  auto const name = dated_pair(current, test::FakeClock().utc()).filename().string();
  EXPECT_EQ(name, "kubelet-client-2026-01-15-10-15-00.pem");
  EXPECT_TRUE(is_dated_pair(current, name));
  for (auto const* other :
       {"kubelet-client-current.pem", "kubelet-server-2026-01-15-10-15-00.pem", "kubelet.crt",
        "kubelet-client-2026-01-15-10-15-0x.pem", "kubelet-client-2026-01-15-10-15-00.pem.bak"})
    EXPECT_FALSE(is_dated_pair(current, other)) << other;
}

}  // namespace
}  // namespace haagent::bootstrap::pki
