#include "bootstrap/pki/worker_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/kubelet_pair.h"
#include "bootstrap/pki/x509.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;
using test::Found;
using test::IsAbout;
using test::IsDone;
using test::Says;
using testing::AllOf;
using testing::Not;

class WorkerCredentialsTest : public testing::Test {
 protected:
  KeyPair made(LeafSpec const& spec, KeyPair const& authority, Duration life = 24h * 365) {
    auto key = make_key().value();
    return {make_leaf(spec, key, authority, clock_.utc(), life).value(), key};
  }
  KeyPair leaf(std::string name, KeyPair const& authority, Duration life = 24h * 365) {
    return made({.common_name = std::move(name),
                 .organization = {},
                 .dns_names = {},
                 .addresses = {},
                 .client = true},
                authority, life);
  }
  KeyPair serving(KeyPair const& authority, std::string address = "10.0.0.10",
                  Duration life = 24h * 365) {
    return made({.common_name = "system:node:ip-10-0-0-10",
                 .organization = "system:nodes",
                 .dns_names = {"ip-10-0-0-10"},
                 .addresses = {std::move(address)},
                 .server = true},
                authority, life);
  }
  void bring_serving(KeyPair const& pair) {
    write(kube::kKubeletServer.cert, pair.certificate);
    write(kube::kKubeletServer.key, pair.key.reveal());
  }
  KeyPair authority() {
    return make_ca({.common_name = "kubernetes", .organization = ""}, clock_.utc(), 24h * 3650)
        .value();
  }
  void write(char const* path, std::string const& bytes) { test::write_bytes(root_(path), bytes); }
  void bring_kube_proxy(KeyPair const& pair) {
    write(kube::kKubeProxyClient.cert, pair.certificate);
    write(kube::kKubeProxyClient.key, pair.key.reveal());
  }
  Found look() { return test::found(step_.look(facts_, {})); }
  std::vector<std::string> told() {
    std::vector<std::string> names;
    auto const fact = facts_.pki.get().value();
    for (auto const& each : fact.certificates) names.push_back(each.name);
    return names;
  }

  test::TemporaryDirectory directory_;
  Root const root_{directory_.path()};
  test::FakeClock clock_;
  NodeConfig config_ = test::kube_worker();
  Facts facts_;
  void SetUp() override { facts_.identity.set(test::kube_identity()); }
  WorkerCredentials step_{config_, root_, clock_};
};

TEST_F(WorkerCredentialsTest, SaysEachFileThatIsMissingUntilItIsThere) {
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsMissing), IsAbout(kube::kCa),
                            IsAbout(kube::kBootstrapKubeconfig), Says(config_.cluster.endpoint)));
  auto const ca = authority();
  write(kube::kCa, ca.certificate);
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsMissing), Not(IsAbout(kube::kCa)),
                            IsAbout(kube::kBootstrapKubeconfig)));
  bring_serving(serving(ca, "10.0.0.10", 24h * 3000));
  write(kube::kBootstrapKubeconfig, "kind: Config\n");
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsFound), IsAbout(kube::kBootstrapKubeconfig)));
  // It has joined: its first kubeconfig has done its part, and may go.
  std::filesystem::remove(root_(kube::kBootstrapKubeconfig));
  auto const own = leaf("system:node:ip-10-0-0-7", ca);
  ASSERT_TRUE(make_directories(root_("/var/lib/kubelet/pki")));
  ASSERT_TRUE(write_pair(root_(kube::kKubeletClient.cert), own.certificate, own.key, clock_.utc()));
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsFound), IsAbout(kube::kKubeletClient.cert)));
  EXPECT_EQ(told(), (std::vector<std::string>{"kubelet", "kubelet-serving"}));
  // Stopped for longer than its life: it must be let in once more.
  clock_.advance(24h * 366);
  EXPECT_THAT(look(),
              AllOf(IsDone(Reason::CredentialsMissing), IsAbout(kube::kBootstrapKubeconfig)));
}

// 67 times a life of some years, in nanoseconds, is more than fits.
TEST_F(WorkerCredentialsTest, SaysWhenACertificateOfManyYearsIsRenewed) {
  auto const ca = authority();
  write(kube::kCa, ca.certificate);
  bring_kube_proxy(leaf("system:kube-proxy", ca, 24h * 3000));
  bring_serving(serving(ca, "10.0.0.10", 24h * 3000));
  look();
  auto const told = facts_.pki.get()->certificates;
  ASSERT_EQ(told.size(), 2U);
  for (auto const& each : told) {
    EXPECT_GT(each.renew_at, clock_.utc() + 24h * 2000) << each.name;
    EXPECT_LT(each.renew_at, clock_.utc() + 24h * 2020) << each.name;
  }
}

TEST_F(WorkerCredentialsTest, SaysWhatIsWrongWithWhatWasBrought) {
  auto const ca = authority();
  write(kube::kCa, ca.certificate);
  write(kube::kBootstrapKubeconfig, "kind: Config\n");
  bring_serving(serving(ca));
  bring_kube_proxy(leaf("system:kube-proxy", ca));
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsFound), IsAbout(kube::kBootstrapKubeconfig)));
  EXPECT_EQ(told(), (std::vector<std::string>{"kube-proxy", "kubelet-serving"}));
  EXPECT_EQ(facts_.pki.get()->warning, "");

  bring_kube_proxy(leaf("kubernetes-admin", ca));
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsInvalid), IsAbout("kube-proxy"),
                            Says("'kubernetes-admin'"), Says("'system:kube-proxy'")));
  bring_kube_proxy(leaf("system:kube-proxy", authority()));
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsInvalid), IsAbout("kube-proxy")));
  auto mixed = leaf("system:kube-proxy", ca);
  mixed.key = make_key().value();
  bring_kube_proxy(mixed);
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsInvalid), IsAbout("kube-proxy")));
  EXPECT_NE(facts_.pki.get()->warning, "");
  bring_kube_proxy(leaf("system:kube-proxy", ca, 1h));
  clock_.advance(2h);
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsInvalid), IsAbout("kube-proxy")));
  write(kube::kKubeProxyClient.cert, "words");
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsInvalid), IsAbout("kube-proxy")));
  write(kube::kCa, "words");
  EXPECT_THAT(look(), AllOf(IsDone(Reason::CredentialsInvalid), IsAbout(kube::kCa)));
}

// The node comes up all the same, and only `kubectl logs` and the like fail for it.
TEST_F(WorkerCredentialsTest, SaysWhatTheApiserverHasAgainstWhatTheKubeletServesWith) {
  auto const ca = authority();
  write(kube::kCa, ca.certificate);
  write(kube::kBootstrapKubeconfig, "kind: Config\n");
  auto const refused =
      AllOf(IsDone(Reason::KubeletServingInvalid), IsAbout(kube::kKubeletServer.cert));
  auto const good = IsDone(Reason::CredentialsFound);
  EXPECT_THAT(look(), refused) << "the kubelet will make one of itself";
  // As a kubelet does that.
  auto const self = make_ca({.common_name = "ip-10-0-0-10-ca@1700000000", .organization = ""},
                            clock_.utc(), 24h * 365)
                        .value();
  bring_serving(serving(self));
  EXPECT_THAT(look(), refused);
  bring_serving(serving(ca, "10.0.0.11"));
  EXPECT_THAT(look(), AllOf(refused, Says("10.0.0.10")));
  bring_serving(leaf("system:node:ip-10-0-0-10", ca));
  EXPECT_THAT(look(), refused) << "it is a client's";
  auto mixed = serving(ca);
  mixed.key = make_key().value();
  bring_serving(mixed);
  EXPECT_THAT(look(), refused);
  bring_serving(serving(ca, "10.0.0.10", 1h));
  EXPECT_THAT(look(), good);
  EXPECT_EQ(told(), std::vector<std::string>{"kubelet-serving"});
  clock_.advance(2h);
  EXPECT_THAT(look(), refused) << "it has ended";
  // What the config takes elsewhere, or has nobody ask for, is not looked at.
  config_.kubelet.config = Tree::map({{"serverTLSBootstrap", true}});
  EXPECT_THAT(look(), good);
  config_.kubelet.config = {};
  config_.apiserver.extra_args = {{"kubelet-certificate-authority", ""}};
  EXPECT_THAT(look(), good);
}

}  // namespace
}  // namespace haagent::bootstrap::pki
