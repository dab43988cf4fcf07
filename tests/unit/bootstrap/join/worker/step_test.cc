#include "bootstrap/join/worker/step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "bootstrap/pki/kubelet_pair.h"
#include "tests/support/found.h"
#include "tests/unit/bootstrap/join/worker/wire.h"

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;
using test::Found;
using testing_world::kId;
using testing_world::kNode;

// Signed at `from`.
pki::Certificate living(UtcTime from, UtcTime to) {
  pki::Certificate certificate;
  certificate.not_before = from - pki::kBackdated;
  certificate.not_after = to;
  return certificate;
}

TEST(JoinWorker, AsksForWhatItLacksAndRenewsAtTwoThirds) {
  auto const now = *parse_rfc3339("2026-01-15T12:00:00Z");
  auto const young = living(now - 1h, now + 23h);
  auto const old = living(now - 17h, now + 7h);
  auto of = [&](std::optional<pki::Certificate> kubelet, std::optional<pki::Certificate> serving,
                std::optional<pki::Certificate> proxy) {
    return decide_worker({.kubelet = std::move(kubelet),
                          .kubelet_serving = std::move(serving),
                          .kube_proxy = std::move(proxy)},
                         now);
  };
  EXPECT_EQ(of({}, {}, {}), WorkerMove::join);
  EXPECT_EQ(of({}, young, young), WorkerMove::join);
  EXPECT_EQ(of(young, young, young), WorkerMove::none);
  EXPECT_EQ(of(young, {}, young), WorkerMove::renew);
  EXPECT_EQ(of(young, young, {}), WorkerMove::renew);
  EXPECT_EQ(of(young, old, young), WorkerMove::renew);
  EXPECT_EQ(of(young, young, old), WorkerMove::renew);
  EXPECT_EQ(of(old, young, young), WorkerMove::none) << "the kubelet renews its own";
  EXPECT_EQ(renew_at(young), now - 1h + 16h);
  // "No end", as X.509 says it: the latest time that fits.
  EXPECT_GT(renew_at(living(now, UtcTime::max())), now + 24h * 365 * 100);
}

class JoinStepTest : public testing_world::JoinWire {
 protected:
  void SetUp() override {
    JoinWire::SetUp();
    config_.role = Role::worker;
    config_.cluster.name = "prod.example.com";
    config_.cluster.master_role = "masters";
    facts_.identity.set({.instance_id = kId, .hostname = "ip-10-0-0-5.custom.domain"});
    worker_keys_.keys = worker_;
    // The masters' files are elsewhere: this is the worker's disk.
    step_.emplace(
        config_, disk_, clock_,
        JoinClient(client_settings(), {.http = half_real_,
                                       .clock = clock_,
                                       .credentials = worker_keys_,
                                       .sts = sts_,
                                       .responder = responder_,
                                       .document = [this](std::stop_token) -> Result<std::string> {
                                         return document();
                                       }}));
  }
  Found look() { return test::found(step_->look(facts_, {})); }
  Found act() { return test::found(test::look_and_act(*step_, facts_)); }
  std::string text(std::string const& path) { return test::bytes_of(disk_(path)); }
  mode_t mode(std::string const& path) {
    struct stat status{};
    ::stat(disk_(path).c_str(), &status);
    return status.st_mode & 07777;
  }
  pki::Certificate certificate(std::string const& path) {
    return pki::parse_certificate(text(path)).value();
  }

  test::TemporaryDirectory worker_directory_;
  Root const disk_{worker_directory_.path()};
  NodeConfig config_;
  Facts facts_;
  std::optional<JoinStep> step_;
};

constexpr char kClient[] = "/var/lib/kubelet/pki/kubelet-client-current.pem";
constexpr char kServing[] = "/var/lib/kubelet/pki/kubelet.crt";
constexpr char kProxy[] = "/etc/kubernetes/pki/kube-proxy/client.crt";

TEST_F(JoinStepTest, JoinsOnceAndIsDone) {
  EXPECT_EQ(look().message.reason, Reason::CertificatesToRequest);
  ASSERT_EQ(act().as, Found::As::acted);
  auto const joined = look();
  EXPECT_EQ(joined.as, Found::As::done);
  EXPECT_EQ(joined.message.reason, Reason::Joined);
  // The kubelet's own store takes it: a dated file and a link, for root alone.
  EXPECT_TRUE(std::filesystem::is_symlink(disk_(kClient)));
  EXPECT_EQ(pki::read_pair(disk_(kClient), clock_.utc())->value().flaw, "");
  EXPECT_EQ(mode(kClient), 0600u);
  EXPECT_EQ(mode("/var/lib/kubelet/pki/kubelet.key"), 0600u);
  EXPECT_EQ(mode("/etc/kubernetes/pki/kube-proxy/client.key"), 0600u);
  EXPECT_EQ(text("/etc/kubernetes/pki/ca.crt"), ca_.certificate);
  EXPECT_TRUE(pki::is_for_key(text(kServing), Secret(text("/var/lib/kubelet/pki/kubelet.key"))));
  EXPECT_EQ(facts_.identity.get()->hostname, kNode) << "as EC2 has it, and its certificate";
  EXPECT_EQ(facts_.pki.get()->certificates.size(), 3u);
  auto const asked = sts_.asked;
  look();
  EXPECT_EQ(sts_.asked, asked);
}

// A master that answers with what belongs to somebody else.
class Mixing final : public Http {
 public:
  explicit Mixing(Http& real) : real_(real) {}
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override {
    auto response = real_.send(request, std::move(stop));
    if (!response || request.method != "POST" || what.empty()) return response;
    auto tree = json::parse(response->body).value();
    (what == "ca" ? tree : *tree.find("certificates")).set(what, other);
    response->body = json::print(tree);
    return response;
  }
  std::string what, other;

 private:
  Http& real_;
};

TEST_F(JoinStepTest, WhatIsNotItsOwnIsNotWritten) {
  Mixing mixing(half_real_);
  JoinStep step(config_, disk_, clock_,
                JoinClient(client_settings(), {.http = mixing,
                                               .clock = clock_,
                                               .credentials = worker_keys_,
                                               .sts = sts_,
                                               .responder = responder_,
                                               .document = [this](std::stop_token) {
                                                 return Result<std::string>(document());
                                               }}));
  auto const other_ca = pki::make_ca({"kubernetes", ""}, clock_.utc(), 10h).value();
  mixing.other = pki::make_leaf(specs_of(ec2_.instance(kId)).kubelet, pki::make_key().value(), ca_,
                                clock_.utc(), 10h)
                     .value();
  for (auto const* what : {"kubelet", "kubeletServing", "kubeProxy", "ca"}) {
    mixing.what = what;
    if (mixing.what == "ca") mixing.other = other_ca.certificate;
    auto const refused = test::found(test::look_and_act(step, facts_));
    EXPECT_EQ(refused.message.reason, Reason::MasterAnswerUnfit) << what;
    auto const asked = sts_.asked;
    EXPECT_EQ(test::found(step.look(facts_, {})).as, Found::As::waiting) << "it asks in a row";
    EXPECT_EQ(sts_.asked, asked);
    clock_.advance(1min);
    for (auto const* path : {kClient, kServing, kProxy, "/etc/kubernetes/pki/ca.crt"}) {
      EXPECT_FALSE(std::filesystem::exists(disk_(path))) << what << ": " << path;
    }
  }
  mixing.what = "";
  clock_.advance(1min);
  EXPECT_EQ(test::found(test::look_and_act(step, facts_)).as, Found::As::acted);
}

// TLS goes by the real time, in which certificates that are backdated by five minutes must be good.
class JoinStepOfShortLives : public JoinStepTest {
 protected:
  JoinStepOfShortLives() { lifetime_ = 30s; }
};

TEST_F(JoinStepOfShortLives, RenewsTenTimesWithoutProvingItselfAgain) {
  ASSERT_EQ(act().as, Found::As::acted);
  auto const asked = sts_.asked;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(look().as, Found::As::done) << i;
    clock_.advance(21s);
    // As the kubelet does it, through the apiserver, with a key of its own.
    auto const key = pki::make_key().value();
    pki::LeafSpec const spec{.common_name = std::string("system:node:") + kNode,
                             .organization = "system:nodes",
                             .dns_names = {},
                             .addresses = {},
                             .client = true};
    auto const rotated = pki::make_leaf(spec, key, ca_, clock_.utc(), 24h).value();
    ASSERT_TRUE(pki::write_pair(disk_(kClient), rotated, key, clock_.utc()));
    auto const before = certificate(kServing), proxy = certificate(kProxy);
    ASSERT_EQ(look().message.subject, "kubelet-serving, kube-proxy") << i;
    auto const acted = act();
    ASSERT_EQ(acted.as, Found::As::acted) << acted.said();
    EXPECT_GT(certificate(kServing).not_after, before.not_after);
    EXPECT_GT(certificate(kProxy).not_after, proxy.not_after);
    EXPECT_EQ(registry_.records.at(kId).record->key_hash,
              pki::parse_certificate(rotated)->key_hash);
  }
  EXPECT_EQ(sts_.asked, asked);
}

// Off past the end of its certificates: it proves itself again, with the key that it has.
TEST_F(JoinStepOfShortLives, AMachineThatWasOffForAYearComesBack) {
  ASSERT_EQ(act().as, Found::As::acted);
  clock_.advance(200s);
  EXPECT_EQ(look().message.subject, "all");
  auto const acted = act();
  ASSERT_EQ(acted.as, Found::As::acted) << acted.said();
  EXPECT_EQ(look().as, Found::As::done);
  EXPECT_EQ(pki::read_pair(disk_(kClient), clock_.utc())->value().flaw, "");
}

TEST_F(JoinStepTest, ARefusalIsTheRowsOwnAndTheSameKeysComeAgain) {
  registry_.records[kId] = {.instance_id = kId, .record = {}, .denied = "stolen"};
  auto const refused = act();
  EXPECT_EQ(refused.as, Found::As::error);
  EXPECT_EQ(refused.message.reason, Reason::JoinDenied);
  auto const key = text("/var/lib/haagent/join/kubelet.key");
  EXPECT_EQ(mode("/var/lib/haagent/join/kubelet.key"), 0600u);
  EXPECT_FALSE(std::filesystem::exists(disk_(kClient)));
  registry_.records.clear();
  EXPECT_EQ(look().as, Found::As::waiting) << "it does not ask in a row";
  clock_.advance(11s);
  ASSERT_EQ(act().as, Found::As::acted);
  EXPECT_TRUE(pki::is_for_key(pki::read_pair(disk_(kClient), clock_.utc())->value().certificates,
                              Secret(key)));
}

// Who is told to come again later does not come before.
TEST_F(JoinStepTest, AMasterThatIsBusyIsLeftAloneForAsLongAsItSays) {
  registry_.trouble = Error{Kind::transient, "no quorum"};
  EXPECT_EQ(act().as, Found::As::error);
  auto const asked = sts_.asked;
  registry_.trouble.reset();
  EXPECT_EQ(look().as, Found::As::waiting);
  clock_.advance(1s);
  EXPECT_EQ(look().as, Found::As::waiting);
  EXPECT_EQ(sts_.asked, asked);
  clock_.advance(10s);
  EXPECT_EQ(act().as, Found::As::acted);
}

TEST_F(JoinStepTest, AWorkerThatIsNewerThanTheMastersWaitsForThem) {
  config_.kubernetes.version = "1.37.0";
  oldest_apiserver_ = "1.36.3";
  auto is_no_node = [&] {
    for (auto const* path : {kClient, kServing, kProxy, "/etc/kubernetes/pki/ca.crt"}) {
      EXPECT_FALSE(std::filesystem::exists(disk_(path))) << path;
    }
  };
  ASSERT_EQ(act().as, Found::As::acted);
  is_no_node();
  auto const asked = sts_.asked;
  for (int second = 0; second < 59; ++second) {
    auto const waits = look();
    ASSERT_EQ(waits.as, Found::As::waiting) << second;
    EXPECT_EQ(waits.message.reason, Reason::MastersVersionAwaited);
    clock_.advance(1s);
  }
  EXPECT_EQ(sts_.asked, asked) << "it asks more often than once a minute";
  clock_.advance(62s);
  EXPECT_EQ(look().as, Found::As::needed) << "it asks less often than every two minutes";
  ASSERT_EQ(act().as, Found::As::acted);
  is_no_node();
  oldest_apiserver_ = "1.37.0";
  clock_.advance(2min);
  ASSERT_EQ(act().as, Found::As::acted);
  EXPECT_EQ(look().message.reason, Reason::Joined);
}

TEST_F(JoinStepTest, AWorkerThatIsTooOldIsRefused) {
  config_.kubernetes.version = "1.32.9";
  oldest_apiserver_ = "1.36.3";
  auto const refused = act();
  EXPECT_EQ(refused.as, Found::As::error);
  EXPECT_EQ(refused.kind, Kind::refused);
  EXPECT_EQ(refused.message.reason, Reason::WorkerVersionTooOld);
  EXPECT_FALSE(std::filesystem::exists(disk_(kClient)));
  EXPECT_EQ(look().as, Found::As::waiting) << "it asks in a row";
  config_.kubernetes.version = "1.33.0";
  clock_.advance(1min);
  ASSERT_EQ(act().as, Found::As::acted);
  EXPECT_EQ(look().message.reason, Reason::Joined);
}

// The masters were taken back under it.
TEST_F(JoinStepTest, ANodeStaysOneWhateverItsVersion) {
  config_.kubernetes.version = "1.37.0";
  ASSERT_EQ(act().as, Found::As::acted) << "1.33.2 at first";
  oldest_apiserver_ = "1.37.0";
  clock_.advance(2min);
  ASSERT_EQ(act().as, Found::As::acted);
  oldest_apiserver_ = "1.36.3";
  EXPECT_EQ(look().message.reason, Reason::Joined);
  std::filesystem::remove(disk_(kServing));
  ASSERT_EQ(act().as, Found::As::acted);
  EXPECT_EQ(look().message.reason, Reason::Joined);
}

TEST_F(JoinStepTest, WhatIsBroughtGoesOnToWork) {
  test::write_bytes(disk_("/etc/kubernetes/bootstrap-kubelet.conf"), "kind: Config\n");
  EXPECT_EQ(look().message.reason, Reason::CredentialsMissing) << "ca.crt";
  test::write_bytes(disk_("/etc/kubernetes/pki/ca.crt"), ca_.certificate);
  // Nobody makes a certificate for it that the apiserver would take, and it works all the same.
  EXPECT_EQ(look().as, Found::As::done);
  EXPECT_EQ(look().message.reason, Reason::KubeletServingInvalid);
  std::filesystem::remove(disk_("/etc/kubernetes/bootstrap-kubelet.conf"));
  EXPECT_EQ(look().message.reason, Reason::CertificatesToRequest);
  config_.cluster.master_role = "";
  EXPECT_EQ(look().message.reason, Reason::CredentialsMissing) << "it knows no master";
}

// Its authority was replaced while it was off, or a master has another name than it asks by.
TEST_F(JoinStepTest, WhoCannotRenewProvesItselfAgainWithTheSameKey) {
  ASSERT_EQ(act().as, Found::As::acted);
  auto const key = pki::read_pair(disk_(kClient), clock_.utc())->value().key;
  std::filesystem::remove(disk_(kServing));
  network_.node_ready = "True";
  config_.kubernetes.version = "1.37.0";  // newer than the masters: it is a node already
  // No name of it is the one that the worker asks by.
  pki::LeafSpec const nameless{.common_name = "haagent-join",
                               .organization = "",
                               .dns_names = {"elsewhere"},
                               .addresses = {},
                               .server = true};
  auto const server_key = pki::make_key().value();
  put("/etc/haagent/pki/join.crt",
      pki::make_leaf(nameless, server_key, ca_, clock_.utc(), 10h).value());
  put("/etc/haagent/pki/join.key", server_key.reveal());
  clock_.advance(1s);
  auto const acted = act();
  ASSERT_EQ(acted.as, Found::As::acted) << acted.said();
  EXPECT_EQ(look().as, Found::As::done);
  EXPECT_TRUE(
      pki::is_for_key(pki::read_pair(disk_(kClient), clock_.utc())->value().certificates, key));
}

// Certificates of another cluster, or of nobody's authority, are none.
TEST_F(JoinStepTest, WhatTheAuthorityHasNotSignedIsAskedForAgain) {
  ASSERT_EQ(act().as, Found::As::acted);
  auto const other = pki::make_ca({"kubernetes", ""}, clock_.utc(), 10h).value();
  auto const key = pki::make_key().value();
  pki::LeafSpec const spec{.common_name = std::string("system:node:") + kNode,
                           .organization = "system:nodes",
                           .dns_names = {},
                           .addresses = {},
                           .client = true};
  ASSERT_TRUE(pki::write_pair(disk_(kClient),
                              pki::make_leaf(spec, key, other, clock_.utc(), 24h).value(), key,
                              clock_.utc()));
  EXPECT_EQ(look().message.subject, "all");
}

}  // namespace
}  // namespace haagent::bootstrap::join
