#include "tests/kubernetes/cluster.h"

#include <sstream>

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

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
apiVersion: apps/v1
kind: Deployment
metadata: {name: client}
spec:
  selector: {matchLabels: {app: client}}
  template:
    metadata: {labels: {app: client}}
    spec:
      containers:
        - {name: client, image: haagent.test/tools:1, command: [sleep, "86400"]}
      terminationGracePeriodSeconds: 0
      tolerations:
        - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 5}
        - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5}
)";

}  // namespace

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

std::vector<std::string> words_of(std::string const& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::vector<std::string> lines_of(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

Outcome KubernetesCluster::kubectl_on(std::string const& where,
                                      std::string const& arguments) const {
  return sh(where, "kubectl --kubeconfig /etc/kubernetes/admin.conf " + arguments);
}

Outcome KubernetesCluster::kubectl(std::string const& arguments) const {
  for (auto const& master : masters())
    if (is_ready(master)) return kubectl_on(master, arguments);
  return {-1, "no master is ready"};
}

std::string KubernetesCluster::out_of(std::string const& arguments) const {
  auto const outcome = kubectl(arguments);
  return outcome.code == 0 ? outcome.out : std::string();
}

void KubernetesCluster::apply(std::string const& manifest) const {
  for (auto const& master : masters()) {
    if (!is_ready(master)) continue;
    auto const done = sh(master, "cat >/tmp/manifest.yaml <<'TEXT'\n" + manifest +
                                     "TEXT\n"
                                     "kubectl --kubeconfig /etc/kubernetes/admin.conf apply "
                                     "--server-side -f /tmp/manifest.yaml");
    EXPECT_EQ(done.code, 0) << done.out;
    return;
  }
  ADD_FAILURE() << "no master is ready";
}

std::string KubernetesCluster::unready() const {
  for (auto const& group : masters())
    if (!is_ready(group)) return group + " is not ready\n";
  auto const found = kubectl(
      "get nodes -o "
      "jsonpath='{range .items[*]}{.metadata.name} "
      "{.status.conditions[?(@.type==\"Ready\")].status} "
      "{.spec.taints[?(@.key==\"node.cloudprovider.kubernetes.io/"
      "uninitialized\")].key}{\"\\n\"}{end}'");
  std::size_t ready = 0, listed = 0;
  std::istringstream lines(found.out);
  for (std::string line; std::getline(lines, line); ++listed) ready += line.ends_with(" True ");
  if (ready != nodes_wanted_ || listed != nodes_wanted_) return found.out;
  auto const pods = kubectl(
      "get pods -A -o jsonpath='{range .items[*]}{.metadata.name} "
      "{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}'");
  std::istringstream each(pods.out);
  std::size_t count = 0;
  for (std::string line; std::getline(each, line); ++count)
    if (!line.ends_with(" True")) return line + "\n";
  // The control plane and a cloud controller on each master, kube-proxy on each node, two of DNS.
  return count >= 4 * masters().size() + nodes_wanted_ + 2 ? "" : fmt::format("{} pods\n", count);
}

testing::AssertionResult KubernetesCluster::gets_whole() {
  auto const whole = comes_true([this] { return unready().empty(); }, kComesUp);
  if (whole && !whole_since_) whole_since_ = std::chrono::system_clock::now();
  if (whole) return whole;
  return testing::AssertionFailure() << unready() << told();
}

bool KubernetesCluster::web_serves() const {
  return words_of(
             out_of("get endpointslices -l kubernetes.io/service-name=web -o "
                    "jsonpath='{.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}'"))
             .size() == 4;
}

void KubernetesCluster::with_web() const {
  apply(kWeb);
  ASSERT_TRUE(comes_true(
      [this] { return web_serves() && kubectl("exec deploy/client -- true").code == 0; }, 90s));
}

bool KubernetesCluster::forwards_to(std::string const& target, int port) const {
  return sh("masters-b",
            fmt::format("kubectl --kubeconfig /etc/kubernetes/admin.conf port-forward {0} "
                        "{1}:8080 >/dev/null 2>&1 & forward=$!; "
                        "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; "
                        "curl -sf -m 2 http://127.0.0.1:{1}/ && break; done; code=$?; "
                        "kill $forward; exit $code",
                        target, port))
             .code == 0;
}

std::vector<std::string> KubernetesCluster::nodes() const {
  std::vector<std::string> found;
  auto const state = command("state");
  for (auto const& each : state.find("instances")->items())
    if (each.text_at("state") == "running" && each.text_at("lifecycle") == "InService")
      found.push_back(each.text_at("id"));
  return found;
}

std::vector<std::string> KubernetesCluster::workers() const {
  auto found = nodes();
  std::erase_if(found, [&](auto const& id) { return instance(id).text_at("group") != "workers"; });
  return found;
}

bool KubernetesCluster::is_replaced(std::string const& group, std::string const& before) const {
  auto const now = instance_of(group);
  auto const state = instance(before).text_at("state");
  return !now.empty() && now != before && (state.empty() || state == "terminated");
}

std::string KubernetesCluster::node_of(std::string const& where) const {
  return instance(where.starts_with("i-") ? where : instance_of(where)).text_at("hostname");
}

std::string KubernetesCluster::address_of(std::string const& where) const {
  return instance(where.starts_with("i-") ? where : instance_of(where)).text_at("address");
}

}  // namespace haagent::sim
