#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bootstrap/health/kubelet_health_step.h"
#include "bootstrap/health/node_step.h"
#include "bootstrap/health/pod_steps.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/scripted_http.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/bootstrap/health/kubelet_fakes.h"

namespace haagent::bootstrap::health {
namespace {

using test::found;
using test::IsDone;
using test::IsWaiting;
using test::Says;
using testing::AllOf;
using testing::HasSubstr;

constexpr char kReadyz[] = "GET https://127.0.0.1:6443/readyz?verbose";
constexpr char kHealthz[] = "GET http://127.0.0.1:10248/healthz";
constexpr char kLivez[] = "GET http://127.0.0.1:10256/livez";

class HealthSteps : public testing::Test {
 protected:
  HealthSteps() { facts_.identity.set(test::kube_identity()); }
  HealthDeps deps() { return {config_, root_, http_, clock_}; }
  test::Found look(Step&& step) { return found(step.look(facts_, {})); }
  test::Found kubelet() { return look(KubeletHealthStep({deps(), units_, journal_, restarts_})); }
  void run_program(int pid, std::string const& name, std::string const& flag) {
    test::write_bytes(root_("/proc/uptime"), "1000.00 1.00\n");
    auto const folder = root_(fmt::format("/proc/{}", pid));
    test::write_bytes(folder / "cmdline", name + '\0' + flag + '\0');
    test::write_bytes(folder / "stat",
                      fmt::format("{} (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5000 0 0", pid));
  }

  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
  test::FakeClock clock_;
  test::ScriptedHttp http_;
  NodeConfig config_ = test::kube_master();
  Kubelet units_;
  kube::KubeletRestarts restarts_{root_, units_};
  Journal journal_;
  Facts facts_;
};

TEST_F(HealthSteps, TheApiserverIsAskedAsTheAdministratorAndByItsOwnAddress) {
  http_.on(kReadyz, test::answer(200, "ok"));
  EXPECT_THAT(look(ApiserverStep(deps())), IsDone(Reason::ApiserverReady));
  auto const asked = http_.requests().back();
  EXPECT_EQ(asked.tls.ca_file, root_("/etc/kubernetes/pki/ca.crt"));
  EXPECT_EQ(asked.tls.cert_file, root_("/etc/kubernetes/pki/admin/client.crt"));
  EXPECT_TRUE(asked.direct);
}

TEST_F(HealthSteps, AnApiserverThatEndsAgainAndAgainIsQuoted) {
  http_.always(kReadyz, fail(Kind::transient, "connection refused"));
  EXPECT_THAT(look(ApiserverStep(deps())), IsWaiting(Reason::ApiserverNotReady));
  test::write_bytes(root_("/var/log/pods/kube-system_kube-apiserver-" +
                          facts_.identity.get()->hostname + "_0123/kube-apiserver/5.log"),
                    "2026-01-15T10:15:00.1Z stderr F E0115 10:15:00.0 1 run.go:72] \"command "
                    "failed\" err=\"unknown flag: --oops\"\n");
  EXPECT_THAT(look(ApiserverStep(deps())),
              AllOf(IsWaiting(Reason::ApiserverCrashLoops), Says("unknown flag: --oops")));
  // The next one has begun.
  run_program(7, "kube-apiserver", "--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt");
  EXPECT_THAT(look(ApiserverStep(deps())), IsWaiting(Reason::ApiserverNotReady));
}

TEST_F(HealthSteps, KubeProxyIsAskedWhereHaagentRunsIt) {
  EXPECT_THAT(look(KubeProxyStep(deps())), IsDone(Reason::KubeProxyNotOurs));
  test::write_bytes(root_("/etc/kubernetes/manifests/kube-proxy.yaml"), "kind: Pod\n");
  http_.on(kLivez, test::answer(503, "{}"));
  EXPECT_THAT(look(KubeProxyStep(deps())), IsWaiting(Reason::KubeProxyUnhealthy));
  http_.on(kLivez, test::answer(200, "{}"));
  EXPECT_THAT(look(KubeProxyStep(deps())), IsDone(Reason::KubeProxyHealthy));
  config_.kube_proxy.config = Tree::map({{"healthzBindAddress", "0.0.0.0:0"}});
  EXPECT_THAT(look(KubeProxyStep(deps())), IsDone(Reason::KubeProxyNotOurs));
}

TEST_F(HealthSteps, AKubeletThatIsWellIsAskedNothingElse) {
  units_.known = false;
  http_.on(kHealthz, test::answer(200, "ok"));
  EXPECT_THAT(kubelet(), IsDone(Reason::KubeletHealthy));
  EXPECT_EQ(journal_.asked, 0);
}

TEST_F(HealthSteps, AKubeletWithoutAHealthzIsNotAsked) {
  config_.kubelet.config = Tree::map({{"healthzPort", 0}});
  EXPECT_THAT(kubelet(), IsDone(Reason::KubeletHealthUnknown));
}

TEST_F(HealthSteps, AKubeletThatIsNotWellIsQuotedFromTheJournal) {
  http_.always(kHealthz, test::answer(500, "[-]syncloop failed: reason withheld\n"));
  journal_.text =
      "I0115 10:15:00.0 1 a.go:1] fine\nE0115 10:15:00.0 1 kubelet.go:1] PLEG is not healthy\n"
      "I0115 10:15:01.0 1 a.go:1] fine\n";
  EXPECT_THAT(kubelet(), AllOf(IsWaiting(Reason::KubeletUnhealthy), Says("syncloop"),
                               Says("PLEG is not healthy")));
}

TEST_F(HealthSteps, AKubeletThatDoesNotRunIsSaidToAndItsUnitSaysWhy) {
  http_.always(kHealthz, fail(Kind::transient, "connection refused"));
  units_.now = {.phase = UnitState::Phase::starting,
                .pid = 0,
                .detail = "exited with 1: no config",
                .since = {}};
  EXPECT_THAT(kubelet(), AllOf(IsWaiting(Reason::KubeletNotRunning), Says("no config")));
  EXPECT_EQ(journal_.asked, 0);
}

TEST_F(HealthSteps, WithoutSystemdTheKubeletsOwnWordIsAllThereIs) {
  http_.always(kHealthz, fail(Kind::transient, "connection refused"));
  units_.systemd = false;
  EXPECT_THAT(kubelet(), IsWaiting(Reason::KubeletUnhealthy));
  units_.systemd = true;
  units_.known = false;
  EXPECT_THAT(kubelet(), IsWaiting(Reason::KubeletUnhealthy));
  EXPECT_EQ(journal_.asked, 0);
}

class NodeStepTest : public HealthSteps {
 protected:
  std::string lease_at(std::string const& server) const {
    return "GET " + server + "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/" +
           test::kube_identity().hostname;
  }
  void answers(std::string const& server) {
    http_.on(lease_at(server), test::answer(200, fmt::format(R"({{"spec":{{"renewTime":"{}"}}}})",
                                                             to_rfc3339(clock_.utc()))));
    http_.on("GET " + server + "/api/v1/nodes/" + test::kube_identity().hostname,
             test::answer(200, "{}"));
  }
};

TEST_F(NodeStepTest, AMasterAsksItsOwnApiserverAsTheAdministrator) {
  answers("https://127.0.0.1:6443");
  EXPECT_THAT(look(NodeStep(deps())), IsDone(Reason::NodeServes));
  EXPECT_THAT(http_.requests().back().tls.cert_file, HasSubstr("/pki/admin/client.crt"));
}

TEST_F(NodeStepTest, AWorkerAsksTheClustersEndpointWithTheKubeletsOwnCertificate) {
  config_ = test::kube_worker();
  answers(config_.cluster.endpoint);
  EXPECT_THAT(look(NodeStep(deps())), IsDone(Reason::NodeServes));
  auto const tls = http_.requests().back().tls;
  EXPECT_EQ(tls.cert_file, root_("/var/lib/kubelet/pki/kubelet-client-current.pem"));
  EXPECT_EQ(tls.key_file, tls.cert_file);
}

TEST_F(NodeStepTest, WithoutAnAnswerTheNodeIsNotKnown) {
  http_.on(lease_at("https://127.0.0.1:6443"), fail(Kind::transient, "connection refused"));
  EXPECT_THAT(look(NodeStep(deps())), IsWaiting(Reason::NodeNotKnown));
  http_.on(lease_at("https://127.0.0.1:6443"), test::answer(403, R"({"message":"forbidden"})"));
  EXPECT_THAT(look(NodeStep(deps())), AllOf(IsWaiting(Reason::NodeNotKnown), Says("forbidden")));
}

}  // namespace
}  // namespace haagent::bootstrap::health
