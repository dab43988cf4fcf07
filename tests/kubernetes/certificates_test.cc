// Certificates under Kubernetes' own programs: what the apiserver makes sure of before it talks to
// a kubelet or to metrics-server, and what renewals, ends and rotations do to a running cluster.
// Lives are minutes, so that minutes are months.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <regex>
#include <thread>

#include "agent/base/base64.h"
#include "agent/base/files.h"
#include "agent/base/json.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/x509.h"
#include "tests/kubernetes/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/source_dir.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
namespace kube = bootstrap::kube;
namespace pki = bootstrap::pki;
using testing::IsEmpty;

// What kube-controller-manager signs for kubelets. It backdates by five minutes, and a kubelet
// renews at 70 to 90 % of the whole: 6 s before to 78 s after it has got it. haagent would make a
// master's kubelet another one after 80 s, if the kubelet did not.
constexpr std::chrono::seconds kSigned{120};
// What haagent signs for workers: renewed after two minutes.
constexpr std::chrono::seconds kOfNodes{180};
// What it signs on masters. client-go looks for renewed files every five minutes, so that less than
// three times that would leave controllers with one that has ended.
constexpr std::chrono::seconds kOfMasters{960};

bool in_full() {
  auto const* all = std::getenv("HAAGENT_LONG");
  return all && *all;
}
std::size_t renewals_to_see() {
  return in_full() ? 10 : 3;
}

// A pod on each node, whatever its taints.
constexpr auto kEverywhere = R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere}
spec:
  selector: {matchLabels: {app: everywhere}}
  template:
    metadata: {labels: {app: everywhere}}
    spec:
      tolerations: [{operator: Exists}]
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: haagent.test/tools:1
          command: [sh, -c, "mkdir -p /www; hostname >/www/index.html; echo serving; exec httpd -f -p 8080 -h /www"]
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
)";

class KubernetesCertificates : public KubernetesTest<KubernetesCertificates> {
 public:
  static ClusterPlan plan() {
    auto plan = plan_of_kubernetes();
    plan.pki_settings = fmt::format("{{leafLifetime: {}s, nodeLifetime: {}s}}", kOfMasters.count(),
                                    kOfNodes.count());
    plan.master_settings = fmt::format(
        "controllerManager: {{extraArgs: {{cluster-signing-duration: {}s}}}}\n", kSigned.count());
    return plan;
  }

 protected:
  void SetUp() override {
    KubernetesTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    cluster().apply(kEverywhere);
    ASSERT_TRUE(region().comes_true([] { return unreached().empty(); }, 2min)) << unreached();
  }

  static testing::AssertionResult is_whole() { return cluster().gets_whole(); }
  static std::string pod_on(std::string const& node) {
    return cluster().out_of(
        fmt::format("get pods -l app=everywhere --field-selector spec.nodeName={} -o "
                    "jsonpath='{{.items[0].metadata.name}}'",
                    cluster().node_of(node)));
  }
  static Outcome exec_on(std::string const& node, std::string const& command) {
    return cluster().kubectl(fmt::format("exec {} -- {}", pod_on(node), command));
  }
  // Instances have no systemd, so that haagent says to restart a kubelet that goes by an older
  // certificate, and does not do it.
  static void restart_where_told() {
    if (follows_serving()) return;
    for (auto const& node : cluster().nodes())
      if (cluster().has_reason(node, "kubelet", Reason::KubeletForeign))
        cluster().sh(node, "kill $(pidof kubelet)");
  }
  // Where `kubectl exec` or `logs` does not reach a node's pods.
  static std::string unreached() {
    restart_where_told();
    std::string nodes;
    for (auto const& node : cluster().nodes()) {
      auto const ran = exec_on(node, "hostname");
      auto const logs = cluster().kubectl(fmt::format("logs {}", pod_on(node)));
      if (ran.code != 0) nodes += fmt::format("exec on {}: {}\n", cluster().node_of(node), ran.out);
      if (logs.code != 0)
        nodes += fmt::format("logs of {}: {}\n", cluster().node_of(node), logs.out);
    }
    return nodes;
  }
  // That master's own apiserver reaches the kubelet of that node.
  static Outcome reached(std::string const& master, std::string const& node) {
    restart_where_told();
    return cluster().kubectl_on(
        master,
        fmt::format("--server https://127.0.0.1:6443 get --raw /api/v1/nodes/{}/proxy/healthz",
                    cluster().node_of(node)));
  }

  // The first certificate of a file, as its bytes.
  static std::string on_disk(std::string const& node, char const* path) {
    return cluster().sh(node, fmt::format("openssl x509 -in {}", path)).out;
  }
  // What is shown on port 10250.
  static std::string served_by(std::string const& node) {
    return cluster()
        .sh("masters-a", fmt::format("openssl s_client -connect {}:10250 </dev/null 2>/dev/null | "
                                     "openssl x509",
                                     cluster().address_of(node)))
        .out;
  }
  // Of a frozen instance, in which nothing can be run.
  static std::string file_of(std::string const& node, std::string const& path) {
    auto const text = read_file(cluster().root_disk(node) / path.substr(1));
    return text && *text ? **text : "";
  }
  static UtcTime kubelet_end_of(std::string const& node) {
    std::string const current = kube::kKubeletClient.cert;
    std::error_code error;
    // The link's target is a path in the instance.
    auto const target =
        std::filesystem::read_symlink(cluster().root_disk(node) / current.substr(1), error);
    auto const folder = std::filesystem::path(current).parent_path();
    return end_of(file_of(node, folder / target.filename()));
  }
  static UtcTime end_of(std::string const& certificate) {
    auto const read = pki::parse_certificate(certificate);
    return read ? read->not_after : UtcTime::max();
  }
  // Kubelets from 1.36 on follow the file of their serving certificate; haagent restarts others.
  static bool follows_serving() { return std::atoi(minor_to_run().c_str() + 2) >= 36; }
  static std::string kubelet_of(std::string const& node) {
    return cluster().sh(node, "pidof kubelet").out;
  }
  static UtcTime now() {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }

  // How often a kubelet has got a client certificate by asking for one itself.
  static std::size_t renewals_of(std::string const& node) {
    auto const requests = cluster().out_of(
        "get csr -o jsonpath='{range .items[*]}{.spec.username} {.spec.signerName} "
        "{.status.certificate}{\"\\n\"}{end}'");
    auto const start = fmt::format("system:node:{} kubernetes.io/kube-apiserver-client-kubelet ",
                                   cluster().node_of(node));
    return static_cast<std::size_t>(
        std::ranges::count_if(lines_of(requests), [&](std::string const& line) {
          return line.starts_with(start) && line.size() > start.size();
        }));
  }
  // Which nodes are Ready, and since when.
  static std::string readiness() {
    return cluster().out_of(
        "get nodes -o jsonpath='{range .items[*]}{.metadata.name} "
        "{.status.conditions[?(@.type==\"Ready\")].status} "
        "{.status.conditions[?(@.type==\"Ready\")].lastTransitionTime}{\"\\n\"}{end}'");
  }
  // A client certificate for the kubelet as kube-controller-manager signs it, in place of
  // haagent's, which would be renewed in a quarter of an hour. The kubelet reads it when it starts.
  static void sign_briefly_for_kubelet_of(std::string const& master) {
    auto text = [&](char const* path) {
      return cluster().sh(master, fmt::format("cat {}", path)).out;
    };
    pki::KeyPair const authority{text(kube::kCa), Secret(text("/etc/kubernetes/pki/ca.key"))};
    auto const key = pki::make_key();
    ASSERT_TRUE(key);
    auto const certificate = pki::make_leaf(
        {.common_name = "system:node:" + cluster().node_of(cluster().instance_of(master)),
         .organization = "system:nodes",
         .dns_names = {},
         .addresses = {},
         .client = true},
        *key, authority, now(), kSigned);
    ASSERT_TRUE(certificate);
    auto const done = cluster().sh(
        master, fmt::format("file=$(readlink -f {}) && cat >$file.part <<'TEXT'\n{}{}TEXT\n"
                            "chmod 600 $file.part && mv $file.part $file && kill $(pidof kubelet)",
                            kube::kKubeletClient.cert, *certificate, key->reveal()));
    ASSERT_EQ(done.code, 0) << done.out;
  }
};

TEST_F(KubernetesCertificates, EveryApiserverReachesEveryKubeletByACertificateOfTheClusters) {
  for (auto const& node : cluster().nodes()) {
    SCOPED_TRACE(cluster().node_of(node));
    // The file that haagent has written is what is served, also where the kubelet was faster.
    EXPECT_TRUE(cluster().comes_true(
        [&] { return served_by(node) == on_disk(node, kube::kKubeletServer.cert); }, 90s));
    EXPECT_EQ(
        cluster()
            .sh("masters-a",
                fmt::format("openssl s_client -verify_return_error -CAfile {} -verify_ip {} "
                            "-connect {}:10250 </dev/null",
                            kube::kCa, cluster().address_of(node), cluster().address_of(node)))
            .code,
        0);
    for (auto const& master : cluster().masters()) {
      auto const answer = reached(master, node);
      EXPECT_EQ(answer.code, 0) << master << ": " << answer.out;
    }
  }
  int port = 18080;
  for (auto const& node : cluster().nodes())
    EXPECT_TRUE(cluster().forwards_to(pod_on(node), port++)) << node;
}

TEST_F(KubernetesCertificates, AKubeletWithACertificateOfItsOwnIsRefusedUntilHaagentHasMendedIt) {
  auto const node = cluster().workers().front();
  auto const before = served_by(node);
  // haagent would mend it at its next look.
  auto agent = [&](std::string const& signal) {
    EXPECT_EQ(cluster()
                  .sh(node, fmt::format("kill -{} $(pgrep -f '^/usr/sbin/haagent run')", signal))
                  .code,
              0);
  };
  agent("STOP");
  auto const pair = kube::kKubeletServer;
  auto const made = cluster().sh(
      node,
      fmt::format("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
                  "-subj /CN={0} -addext subjectAltName=DNS:{0},IP:{1} -keyout {2} -out {3} && "
                  "kill $(pidof kubelet)",
                  cluster().node_of(node), cluster().address_of(node), pair.key, pair.cert));
  ASSERT_EQ(made.code, 0) << made.out;
  auto const self_signed = on_disk(node, pair.cert);
  EXPECT_TRUE(cluster().comes_true([&] { return served_by(node) == self_signed; }, 60s));
  EXPECT_NE(exec_on(node, "hostname").code, 0);
  EXPECT_NE(cluster().kubectl(fmt::format("logs {}", pod_on(node))).code, 0);
  EXPECT_FALSE(cluster().forwards_to(pod_on(node), 18090));
  for (auto const& master : cluster().masters()) EXPECT_NE(reached(master, node).code, 0) << master;
  auto const kubelet = kubelet_of(node);
  agent("CONT");
  EXPECT_TRUE(cluster().comes_true(
      [&] {
        restart_where_told();
        return exec_on(node, "hostname").code == 0;
      },
      90s));
  EXPECT_NE(served_by(node), self_signed);
  EXPECT_NE(served_by(node), before);
  EXPECT_EQ(kubelet_of(node) == kubelet, follows_serving());
}

std::string release_of_metrics_server() {
  auto const module = read_file(test::source_dir() / "tests/kubernetes/metrics-server/go.mod");
  std::smatch found;
  auto const text = module && *module ? **module : std::string();
  return std::regex_search(text, found, std::regex(R"(sigs\.k8s\.io/metrics-server (v[0-9.]+))"))
             ? found[1].str()
             : "";
}

// As it is published, but that nobody takes anything on trust: it verifies the kubelets by the
// authority that every pod has, and the apiserver verifies it by one of its own.
std::string metrics_server() {
  auto const now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  auto const authority = pki::make_ca({"metrics", ""}, now, 24h).value();
  auto const key = pki::make_key().value();
  auto const certificate = pki::make_leaf({.common_name = "metrics-server",
                                           .organization = "",
                                           .dns_names = {"metrics-server.kube-system.svc"},
                                           .addresses = {},
                                           .server = true},
                                          key, authority, now, 24h)
                               .value();
  return fmt::format(R"(
apiVersion: v1
kind: ServiceAccount
metadata: {{name: metrics-server, namespace: kube-system}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: metrics-server-auth-reader, namespace: kube-system}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader}}
subjects: [{{kind: ServiceAccount, name: metrics-server, namespace: kube-system}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: "metrics-server:system:auth-delegator"}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:auth-delegator"}}
subjects: [{{kind: ServiceAccount, name: metrics-server, namespace: kube-system}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: "system:metrics-server"}}
rules:
  - {{apiGroups: [""], resources: [nodes/metrics], verbs: [get]}}
  - {{apiGroups: [""], resources: [pods, nodes], verbs: [get, list, watch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: "system:metrics-server"}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:metrics-server"}}
subjects: [{{kind: ServiceAccount, name: metrics-server, namespace: kube-system}}]
---
apiVersion: v1
kind: Secret
metadata: {{name: metrics-server, namespace: kube-system}}
type: kubernetes.io/tls
data: {{tls.crt: {certificate}, tls.key: {key}}}
---
apiVersion: v1
kind: Service
metadata: {{name: metrics-server, namespace: kube-system}}
spec: {{selector: {{app: metrics-server}}, ports: [{{port: 443, targetPort: 10250}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: metrics-server, namespace: kube-system}}
spec:
  selector: {{matchLabels: {{app: metrics-server}}}}
  template:
    metadata: {{labels: {{app: metrics-server}}}}
    spec:
      serviceAccountName: metrics-server
      containers:
        - name: metrics-server
          image: registry.k8s.io/metrics-server/metrics-server:{release}
          args:
            - --secure-port=10250
            - --tls-cert-file=/tls/tls.crt
            - --tls-private-key-file=/tls/tls.key
            - --kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt
            - --kubelet-preferred-address-types=InternalIP,Hostname
            - --kubelet-use-node-status-port
            - --metric-resolution=15s
          readinessProbe: {{httpGet: {{path: /readyz, port: 10250, scheme: HTTPS}}, periodSeconds: 2}}
          securityContext: {{readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 1000}}
          volumeMounts: [{{name: tls, mountPath: /tls}}, {{name: tmp, mountPath: /tmp}}]
      volumes:
        - {{name: tls, secret: {{secretName: metrics-server}}}}
        - {{name: tmp, emptyDir: {{}}}}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {{name: v1beta1.metrics.k8s.io}}
spec:
  service: {{name: metrics-server, namespace: kube-system}}
  group: metrics.k8s.io
  version: v1beta1
  caBundle: {authority}
  groupPriorityMinimum: 100
  versionPriority: 100
)",
                     fmt::arg("certificate", to_base64(certificate)),
                     fmt::arg("key", to_base64(std::string(key.reveal()))),
                     fmt::arg("release", release_of_metrics_server()),
                     fmt::arg("authority", to_base64(authority.certificate)));
}

TEST_F(KubernetesCertificates, MetricsServerVerifiesKubeletsAndIsVerified) {
  cluster().apply(metrics_server());
  Outcome nodes, pods;
  EXPECT_TRUE(cluster().comes_true(
      [&] {
        nodes = cluster().kubectl("top nodes --no-headers");
        if (nodes.code != 0) return false;
        return std::ranges::all_of(cluster().nodes(), [&](std::string const& node) {
          // "NAME 120m 6% 800Mi 10%"; one that cannot be asked has <unknown> there.
          for (auto const& line : lines_of(nodes.out))
            if (line.starts_with(cluster().node_of(node) + " ")) return !line.contains("unknown");
          return false;
        });
      },
      3min))
      << nodes.out;
  EXPECT_TRUE(cluster().comes_true(
      [&] {
        pods = cluster().kubectl("top pods -l app=everywhere --no-headers");
        return pods.code == 0 && lines_of(pods.out).size() == cluster().nodes().size();
      },
      2min))
      << pods.out;
  // On whichever apiserver it is asked: each finds out by itself, and in its own time, that the API
  // is there.
  for (auto const& master : cluster().masters()) {
    Outcome top;
    EXPECT_TRUE(cluster().comes_true(
        [&] {
          top = cluster().kubectl_on(master, "--server https://127.0.0.1:6443 top nodes");
          return top.code == 0;
        },
        2min))
        << master << ": " << top.out;
  }
}

TEST_F(KubernetesCertificates, ClientAndServingCertificatesAreRenewedWhileNodesStayReady) {
  auto const master = cluster().instance_of("masters-a");
  auto const worker = cluster().workers().front();
  sign_briefly_for_kubelet_of("masters-a");
  ASSERT_TRUE(cluster().comes_true([&] { return renewals_of(master) > 0; }, 3min));
  ASSERT_TRUE(is_whole()) << cluster().unready();

  auto const since = now();
  auto const ready = readiness();
  std::map<std::string, std::size_t> at_first;
  std::map<std::string, std::string> served, proxies, kubelets;
  for (auto const& node : {master, worker}) {
    at_first[node] = renewals_of(node);
    served[node] = served_by(node);
    proxies[node] = on_disk(node, kube::kKubeProxyClient.cert);
    kubelets[node] = kubelet_of(node);
  }
  auto const restarts = [] {
    return cluster().out_of(
        "get pods -n kube-system -l k8s-app=kube-proxy -o "
        "jsonpath='{.items[*].status.containerStatuses[*].restartCount}'");
  };
  auto const before = restarts();
  for (auto const& node : {master, worker})
    EXPECT_TRUE(cluster().comes_true(
        [&] { return renewals_of(node) >= at_first[node] + renewals_to_see(); },
        60s * renewals_to_see()))
        << cluster().node_of(node) << ": " << renewals_of(node) - at_first[node];
  // haagent's own follow: those of workers within two minutes, of masters within a quarter of an
  // hour.
  auto const renewed = [&](std::string const& node) {
    restart_where_told();
    auto const serves = served_by(node);
    return serves != served[node] && serves == on_disk(node, kube::kKubeletServer.cert) &&
           on_disk(node, kube::kKubeProxyClient.cert) != proxies[node];
  };
  EXPECT_TRUE(cluster().comes_true([&] { return renewed(worker); }, 3min));
  if (in_full()) {
    EXPECT_TRUE(cluster().comes_true([&] { return renewed(master); }, 15min));
  }
  std::printf("%zu and %zu renewals in %lld s\n", renewals_of(master) - at_first[master],
              renewals_of(worker) - at_first[worker],
              static_cast<long long>(
                  std::chrono::duration_cast<std::chrono::seconds>(now() - since).count()));

  if (follows_serving()) {
    EXPECT_EQ(readiness(), ready) << "a node was not Ready for a while";
  } else {
    EXPECT_TRUE(is_whole()) << cluster().unready();
  }
  for (auto const& node : {master, worker}) {
    if (follows_serving()) {
      EXPECT_EQ(kubelet_of(node), kubelets[node]) << "it was restarted";
    }
    EXPECT_GT(end_of(on_disk(node, kube::kKubeletClient.cert)), now());
  }
  EXPECT_THAT(unreached(), IsEmpty());
  EXPECT_EQ(restarts(), before);
  // kube-proxy learns of a new service everywhere.
  cluster().kubectl("delete service late --ignore-not-found");
  cluster().apply(
      "apiVersion: v1\nkind: Service\nmetadata: {name: late}\n"
      "spec: {selector: {app: everywhere}, ports: [{port: 80, targetPort: 8080}]}\n");
  auto const address = cluster().out_of("get service late -o jsonpath='{.spec.clusterIP}'");
  for (auto const& node : cluster().nodes())
    EXPECT_TRUE(cluster().comes_true(
        [&] { return exec_on(node, fmt::format("curl -sf -m 3 http://{}/", address)).code == 0; },
        30s))
        << cluster().node_of(node);
}

TEST_F(KubernetesCertificates, NodesThatWereOffPastTheEndOfTheirCertificatesComeBack) {
  auto const master = cluster().instance_of("masters-c");
  auto const worker = cluster().workers().back();
  sign_briefly_for_kubelet_of("masters-c");
  ASSERT_TRUE(cluster().comes_true([&] { return renewals_of(master) > 0; }, 3min));
  ASSERT_TRUE(is_whole()) << cluster().unready();
  for (auto const& node : {master, worker})
    cluster().command("freeze", Tree::map({{"instance", node}}));
  for (auto const& end : {kubelet_end_of(master), kubelet_end_of(worker),
                          end_of(file_of(worker, kube::kKubeletServer.cert)),
                          end_of(file_of(worker, kube::kKubeProxyClient.cert))}) {
    ASSERT_LE(end, now() + kOfNodes);
    EXPECT_TRUE(test::eventually([&] { return now() > end; }, kOfNodes));
  }
  EXPECT_NE(reached("masters-a", worker).code, 0);
  for (auto const& node : {master, worker})
    cluster().command("thaw", Tree::map({{"instance", node}}));
  EXPECT_TRUE(is_whole()) << cluster().unready() << cluster().told();
  EXPECT_TRUE(cluster().comes_true([] { return unreached().empty(); }, 2min)) << unreached();
  for (auto const& node : {master, worker})
    EXPECT_GT(end_of(on_disk(node, kube::kKubeletClient.cert)), now());
}

TEST_F(KubernetesCertificates, AMasterThatWasOffWhileAuthoritiesRotatedComesBack) {
  auto const away = cluster().instance_of("masters-b");
  auto const stages = [] {
    std::set<std::string> found;
    auto const page = cluster().run("masters-a", {"haagent", "pki", "status", "-o", "json"});
    auto const tree = json::parse(page.out).value_or(Tree::map());
    if (auto const* all = tree.find("authorities"))
      for (auto const& each : all->items())
        if (each.text_at("name") != "kubernetes") found.insert(each.text_at("stage"));
    return found;
  };
  cluster().apply(metrics_server());
  auto const trust = on_disk("masters-a", "/etc/kubernetes/pki/etcd/ca.crt");
  // A rotation begins while every master is there.
  auto const begun = cluster().run("masters-a", {"haagent", "pki", "rotate"});
  cluster().command("freeze", Tree::map({{"instance", away}}));
  ASSERT_EQ(begun.code, 0) << begun.out;
  // The others trust what they can without a restart, and wait for it.
  Outcome page;
  EXPECT_TRUE(cluster().comes_true(
      [&] {
        page = cluster().run("masters-a", {"haagent", "pki", "status"});
        return page.out.contains(cluster().address_of(away));
      },
      5min))
      << page.out;
  std::this_thread::sleep_for(20s);
  EXPECT_EQ(stages(), std::set<std::string>{"trusting new"});
  cluster().command("thaw", Tree::map({{"instance", away}}));
  EXPECT_TRUE(
      cluster().comes_true([&] { return stages() == std::set<std::string>{"stable"}; }, 10min))
      << cluster().run("masters-a", {"haagent", "pki", "status"}).out;
  EXPECT_TRUE(is_whole()) << cluster().unready();
  EXPECT_NE(on_disk("masters-b", "/etc/kubernetes/pki/etcd/ca.crt"), trust);
  for (auto const& node : cluster().nodes())
    for (auto const& master : cluster().masters())
      EXPECT_TRUE(cluster().comes_true([&] { return reached(master, node).code == 0; }, 60s));
  // What is behind the aggregation layer is still believed, and believes the apiservers.
  for (auto const& master : cluster().masters())
    EXPECT_TRUE(cluster().comes_true(
        [&] {
          return cluster().kubectl_on(master, "--server https://127.0.0.1:6443 top nodes").code ==
                 0;
        },
        2min))
        << master;
}

}  // namespace
}  // namespace haagent::sim
