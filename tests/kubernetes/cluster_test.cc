// A whole cluster of Kubernetes' own programs, from power-on to pods, without a manual step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Duration kComesUp{6 * 60'000};

std::string minor_to_run() {
  auto const* minor = std::getenv("HAAGENT_KUBERNETES");
  return minor && *minor ? minor : "1.36";
}

ClusterPlan plan_of_kubernetes() {
  auto const* logs = std::getenv("HAAGENT_KUBERNETES_LOGS");
  return {.workers = 2,
          .etcd = test::etcd_programs("3.6"),
          .shutdown_delay = "20s",
          .logs = logs ? logs : "",
          .kubernetes = minor_to_run()};
}

constexpr auto kWeb = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: haagent.test/tools:1
          command: [sh, -c, "mkdir -p /www; hostname >/www/index.html; echo serving; exec httpd -f -p 8080 -h /www"]
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
      tolerations:
        - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 5}
        - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers:
    - {name: client, image: haagent.test/tools:1, command: [sleep, "86400"]}
)";

// One region for all of these; each test leaves the cluster whole.
class Kubernetes : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!no_kubernetes_because(minor_to_run()).empty()) return;
    region_ = new ClusterRegion(plan_of_kubernetes());
  }
  static void TearDownTestSuite() {
    delete region_;
    region_ = nullptr;
  }
  void SetUp() override {
    if (auto why = no_kubernetes_because(minor_to_run()); !why.empty()) GTEST_SKIP() << why;
    ASSERT_TRUE(region_->comes_true([] { return unready().empty(); }, kComesUp))
        << unready() << region_->told();
  }

  static Outcome kubectl_on(std::string const& where, std::string const& arguments) {
    return region_->sh(where, "kubectl --kubeconfig /etc/kubernetes/admin.conf " + arguments);
  }
  static Outcome kubectl(std::string const& arguments) {
    return kubectl_on("masters-a", arguments);
  }
  static std::string out_of(std::string const& arguments) {
    auto const outcome = kubectl(arguments);
    return outcome.code == 0 ? outcome.out : std::string();
  }
  static void apply(std::string const& manifest) {
    auto const done =
        region_->sh("masters-a", "cat >/tmp/manifest.yaml <<'TEXT'\n" + manifest + "TEXT\n" +
                                     "kubectl --kubeconfig /etc/kubernetes/admin.conf apply "
                                     "--server-side -f /tmp/manifest.yaml");
    EXPECT_EQ(done.code, 0) << done.out;
  }
  static std::vector<std::string> words_of(std::string const& text) {
    std::istringstream in(text);
    return {std::istream_iterator<std::string>(in), {}};
  }

  // What keeps the cluster from being whole; empty: nothing.
  static std::string unready() {
    for (auto const& group : region_->masters())
      if (!region_->is_ready(group)) return group + " is not ready\n";
    auto const nodes = kubectl(
        "get nodes -o "
        "jsonpath='{range .items[*]}{.metadata.name} "
        "{.status.conditions[?(@.type==\"Ready\")].status} "
        "{.spec.taints[?(@.key==\"node.cloudprovider.kubernetes.io/"
        "uninitialized\")].key}{\"\\n\"}{end}'");
    int ready = 0;
    std::istringstream lines(nodes.out);
    for (std::string line; std::getline(lines, line);) ready += line.ends_with(" True ");
    if (ready != 5) return nodes.out;
    auto const pods = kubectl(
        "get pods -A -o jsonpath='{range .items[*]}{.metadata.name} "
        "{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}'");
    std::istringstream each(pods.out);
    int count = 0;
    for (std::string line; std::getline(each, line); ++count)
      if (!line.ends_with(" True")) return line + "\n";
    // 3 of each of the control plane, 5 kube-proxies, 2 of DNS, 3 cloud controllers.
    return count >= 19 ? "" : fmt::format("{} pods\n", count);
  }
  static bool web_serves() {
    return words_of(
               out_of("get endpointslices -l kubernetes.io/service-name=web -o "
                      "jsonpath='{.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}'"))
               .size() == 4;
  }
  static void with_web() {
    apply(kWeb);
    ASSERT_TRUE(region_->comes_true(
        [] { return web_serves() && kubectl("exec client -- true").code == 0; }, 90s));
  }

  static ClusterRegion* region_;
};
ClusterRegion* Kubernetes::region_ = nullptr;

TEST_F(Kubernetes, EveryNodeIsReadyWithNobodysHand) {
  auto const masters =
      words_of(out_of("get nodes -l node-role.kubernetes.io/control-plane -o name"));
  EXPECT_EQ(masters.size(), 3u);
  EXPECT_EQ(words_of(out_of("get nodes -l node.kubernetes.io/exclude-from-external-load-balancers "
                            "-o name")),
            masters);
  // Zones are AWS' own word, by its cloud controller.
  std::set<std::string> zones;
  for (auto const& zone : words_of(out_of(
           "get nodes -o jsonpath='{.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}'")))
    zones.insert(zone);
  EXPECT_EQ(zones.size(), 3u);
  for (auto const& group : region_->masters()) {
    auto const addons = region_->run(group, {"haagent", "addons", "-o", "json"});
    EXPECT_EQ(addons.code, 0) << addons.out;
  }
  // A worker says that it is ready when its node is.
  auto const worker = region_->instance_of("workers");
  EXPECT_TRUE(region_->is_ready(worker));
  for (auto const* row : {"join", "kubelet-health", "node", "kube-proxy-health", "pod-network"})
    EXPECT_EQ(region_->step_state(worker, row), "done") << row;
}

TEST_F(Kubernetes, PodsReachEachOtherAndServicesByName) {
  with_web();
  // On both workers, and so in two zones.
  std::set<std::string> nodes, pods;
  for (auto const& node :
       words_of(out_of("get pods -l app=web -o jsonpath='{.items[*].spec.nodeName}'")))
    nodes.insert(node);
  EXPECT_EQ(nodes.size(), 2u);
  auto const addresses =
      words_of(out_of("get pods -l app=web -o jsonpath='{.items[*].status.podIP}'"));
  EXPECT_EQ(addresses.size(), 4u);
  for (auto const& address : addresses) {
    auto const answer = kubectl("exec client -- curl -sf -m 5 http://" + address + ":8080/");
    EXPECT_EQ(answer.code, 0) << answer.out;
    pods.insert(answer.out);
  }
  EXPECT_EQ(pods.size(), 4u);
  for (auto const* name : {"web", "web.default.svc.cluster.local"}) {
    auto const answer = kubectl(fmt::format("exec client -- curl -sf -m 5 http://{}/", name));
    EXPECT_EQ(answer.code, 0) << answer.out;
    EXPECT_TRUE(pods.contains(answer.out)) << answer.out;
  }
  // From a master's own network as well, which webhooks are called from.
  EXPECT_EQ(region_->sh("masters-a", "curl -sf -m 5 http://" + addresses.front() + ":8080/").code,
            0);
  auto const logs = kubectl("logs deploy/web");
  EXPECT_THAT(logs.out, HasSubstr("serving"));
  EXPECT_EQ(region_
                ->sh("masters-b",
                     "kubectl --kubeconfig /etc/kubernetes/admin.conf port-forward deploy/web "
                     "18080:8080 >/dev/null 2>&1 & forward=$!; "
                     "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; "
                     "curl -sf -m 2 http://127.0.0.1:18080/ && break; done; code=$?; "
                     "kill $forward; exit $code")
                .code,
            0);
}

// Kubernetes' own words: what it does not know, what it will not know for long, what it is denied.
TEST_F(Kubernetes, TakesEveryFlagAndDeniesNothingOfOurs) {
  std::string complaints;
  std::vector<std::string> where = region_->masters();
  where.push_back(region_->instance_of("workers"));
  for (auto const& each : where) {
    auto const found = region_->sh(
        each,
        "grep -hiE 'unknown flag|has been deprecated|is deprecated|unknown field|strict decoding' "
        "/var/log/kubelet.log /var/log/pods/kube-system_kube-*/*/*.log | "
        // Of this simulated instance, or of objects that tests made.
        "grep -viE 'cgroup ?v1|Endpoints is deprecated|v1 Endpoints' | cut -c1-300 | sort -u | "
        "head");
    complaints += found.out;
    // The first minute is everybody's: bindings are being made.
    auto const denied = region_->sh(
        each,
        "grep -hE 'forbidden: User \"(system:node|system:kube-|system:serviceaccount:kube-system)' "
        "/var/log/kubelet.log /var/log/pods/kube-system_*/*/*.log | tail -n 1 | cut -c1-300");
    if (!denied.out.empty()) std::printf("%s: %s", each.c_str(), denied.out.c_str());
  }
  EXPECT_THAT(complaints, IsEmpty());
}

TEST_F(Kubernetes, AMasterThatLosesItsPowerComesBackWhileOthersServe) {
  with_web();
  // The master that leads the controllers.
  auto const holder = out_of(
      "get lease -n kube-system kube-controller-manager -o "
      "jsonpath='{.spec.holderIdentity}'");
  std::string gone, seen_from;
  for (auto const& group : region_->masters()) {
    auto const name = region_->instance(region_->instance_of(group)).text_at("hostname");
    (holder.starts_with(name.substr(0, name.find('.'))) ? gone : seen_from) = group;
  }
  ASSERT_FALSE(gone.empty()) << holder;
  auto const before = region_->instance_of(gone);
  // A client writes through the load balancer, and one reads from the service.
  auto const worker = region_->instance_of("workers");
  region_->sh(
      worker,
      "cat >/tmp/reads.sh <<'TEXT'\n"
      "cd /tmp; rm -f reads failures stop\n"
      "ip=$1\n"
      "while [ ! -e stop ]; do curl -sf -m 2 http://$ip/ >/dev/null && echo . >>reads || echo . "
      ">>failures; sleep 0.1; done\n"
      "TEXT\n");
  auto const address = out_of("get service web -o jsonpath='{.spec.clusterIP}'");
  region_->sh(worker, "setsid sh /tmp/reads.sh " + address + " </dev/null >/dev/null 2>&1 &");
  region_->power_cut({gone});
  EXPECT_TRUE(region_->comes_true(
      [&] {
        auto const now = region_->instance_of(gone);
        return !now.empty() && now != before && region_->is_ready(gone);
      },
      kComesUp))
      << region_->told();
  EXPECT_TRUE(region_->comes_true(
      [&] {
        auto const next = kubectl_on(seen_from,
                                     "get lease -n kube-system kube-controller-manager -o "
                                     "jsonpath='{.spec.holderIdentity}'");
        return next.code == 0 && !next.out.empty() && next.out != holder;
      },
      60s));
  // The dead master's Node goes, once EC2 says that it is gone.
  EXPECT_TRUE(region_->comes_true(
      [&] {
        auto const nodes = kubectl_on(seen_from, "get nodes -o name");
        return nodes.code == 0 && words_of(nodes.out).size() == 5;
      },
      5min));
  region_->sh(worker, "touch /tmp/stop");
  auto const reads =
      region_->sh(worker, "cd /tmp; touch failures; cat reads | wc -l; cat failures | wc -l");
  std::printf("reads of the service and failures: %s", reads.out.c_str());
  auto const counted = words_of(reads.out);
  ASSERT_EQ(counted.size(), 2u);
  EXPECT_GT(std::atoi(counted[0].c_str()), 50);
  EXPECT_EQ(counted[1], "0");
  EXPECT_TRUE(region_->comes_true([] { return unready().empty(); }, kComesUp)) << unready();
}

TEST_F(Kubernetes, ADeploymentSurvivesTheLossOfAWorker) {
  with_web();
  auto const before = region_->instance_of("workers");
  auto const name = region_->instance(before).text_at("hostname");
  region_->power_cut({before});
  EXPECT_TRUE(region_->comes_true(
      [&] {
        return web_serves() &&
               out_of("get pods -l app=web -o jsonpath='{.items[*].spec.nodeName}'").find(name) ==
                   std::string::npos;
      },
      5min))
      << out_of("get pods -o wide");
  EXPECT_TRUE(region_->comes_true([] { return unready().empty(); }, kComesUp)) << unready();
}

}  // namespace
}  // namespace haagent::sim
