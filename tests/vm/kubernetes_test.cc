// Kubernetes itself on one master that is a whole machine: the kubelet under systemd on cgroup
// version 2, with the units of the packages and of packaging/image. The tests are one story, in
// this order.
#include <gmock/gmock.h>

#include <sstream>

#include "agent/base/json.h"
#include "tests/vm/figures.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char const* kMaster = "masters-a";
constexpr char const* kWorkers = "workers";
// From power-on until every pod is ready.
constexpr Duration kComesUp{25 * 60'000};

std::string minor_to_run() {
  auto const* minor = std::getenv("HAAGENT_KUBERNETES");
  return minor && *minor ? minor : "1.36";
}

std::vector<std::string> lines_of(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class VmKubernetes : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (no_kubernetes_machines_because(minor_to_run()).empty())
      machines_ = std::make_unique<Machines>(
          "kubernetes", ClusterPlan{.members = "a",
                                    .delays = {{"attach", "1s"}, {"detach", "1s"}},
                                    .shutdown_delay = "20s",
                                    .memory = 4096,
                                    .kubernetes = minor_to_run()});
  }
  static void TearDownTestSuite() { machines_.reset(); }
  void SetUp() override {
    if (auto const why = no_kubernetes_machines_because(minor_to_run()); !why.empty())
      GTEST_SKIP() << why;
    ASSERT_TRUE(machines().comes_true([] { return unready().empty(); }, kComesUp)) << unready();
    ASSERT_TRUE(machines().has_booted(kMaster));
  }

  static Machines& machines() { return *machines_; }
  static ClusterRegion& region() { return machines_->region(); }
  static std::string ask(std::string const& script) { return machines().ask(kMaster, script); }
  static std::string of_unit(std::string const& unit, std::string const& property) {
    return machines().of_unit(kMaster, unit, property);
  }
  static long long number_of(std::string const& unit, std::string const& property) {
    return std::atoll(of_unit(unit, property).c_str());
  }
  static Outcome kubectl(std::string const& arguments) {
    return region().sh(kMaster, "kubectl --kubeconfig /etc/kubernetes/admin.conf " + arguments);
  }

  // What keeps the node from being whole; empty: nothing.
  static std::string unready() {
    if (region().instance_of(kMaster).empty() || !region().is_ready(kMaster)) return "not ready";
    auto const nodes = kubectl(
        "get nodes -o jsonpath='{range .items[*]}{.status.conditions[?(@.type==\"Ready\")].status} "
        "{.spec.taints[?(@.key==\"node.cloudprovider.kubernetes.io/uninitialized\")].key}{end}'");
    if (nodes.out != "True ") return "node: " + nodes.out;
    // A shutdown leaves the pods that it has ended, beside those that take their place.
    auto const pods = kubectl(
        "get pods -A --field-selector=status.phase!=Failed,status.phase!=Succeeded -o "
        "jsonpath='{range .items[*]}{.metadata.name} "
        "{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}'");
    auto const each = lines_of(pods.out);
    for (auto const& line : each)
      if (!line.ends_with(" True")) return line;
    // The control plane's three, kube-proxy, the cloud controller, two of DNS.
    return each.size() >= 7 ? "" : fmt::format("{} pods", each.size());
  }

  static void apply(std::string const& manifest) {
    ask("cat >/tmp/manifest.yaml <<'TEXT'\n" + manifest +
        "TEXT\nkubectl --kubeconfig /etc/kubernetes/admin.conf apply --server-side -f "
        "/tmp/manifest.yaml");
  }

 private:
  static inline std::unique_ptr<Machines> machines_;
};

// Of the kernel's own clock, as systemd-analyze counts. Containers say when they began by the
// second.
constexpr auto kWhenPodsBegan = R"(
booted=$(awk '/^btime/ { print $2 }' /proc/stat)
kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -A -o jsonpath='{range .items[*]}{.status.containerStatuses[0].state.running.startedAt} {.metadata.name}{"\n"}{end}' |
  grep ^2 | sort | while read -r at name; do echo "$(($(date -d "$at" +%s) - booted)) s  pod $name runs"; done
at=$(kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes -o jsonpath='{.items[0].status.conditions[?(@.type=="Ready")].lastTransitionTime}')
echo "$(($(date -d "$at" +%s) - booted)) s  the node is Ready"
)";

TEST_F(VmKubernetes, AMasterBecomesReadyWithNobodysHand) {
  keep_figures(machines(), kMaster, "kubernetes-first-boot", ask(kWhenPodsBegan) + "\n");
  machines().keep(kMaster);
  EXPECT_EQ(ask("systemctl --failed --no-legend --plain --no-pager"), "");
  EXPECT_TRUE(machines().comes_true(
      [] { return ask("systemctl is-system-running || true") == "running"; }));
  for (std::string const unit :
       {"haagent", "haagent-pod-network", "kubelet", "containerd", "haagent-etcd@main",
        "haagent-etcd@events", "haagent-volumes.socket"})
    EXPECT_EQ(of_unit(unit, "ActiveState"), "active") << unit;
  for (std::string const unit : {"haagent", "haagent-pod-network", "containerd"})
    EXPECT_EQ(of_unit(unit, "NRestarts"), "0") << unit;
  for (auto cluster : kEtcdClusters) EXPECT_TRUE(region().is_whole(kMaster, cluster, 1));
  EXPECT_THAT(ask("etcdctl version"), HasSubstr("3.6."));
}

TEST_F(VmKubernetes, ThePodNetworkIsMadeInsideOfItsSandbox) {
  auto const pid = of_unit("haagent-pod-network", "MainPID");
  // CAP_NET_ADMIN is bit 12.
  EXPECT_EQ(ask("echo $((0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/" + pid + "/status)))"),
            "4096");
  EXPECT_EQ(ask("sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/" + pid + "/status"), "1");
  EXPECT_NE(region().sh(kMaster, "nsenter -t " + pid + " -m touch /var/lib/written").code, 0);
  EXPECT_EQ(region().step_state(kMaster, "pod-network"), "done");
  EXPECT_THAT(ask("ls /etc/cni/net.d"), HasSubstr("haagent"));
  EXPECT_EQ(ask("cat /proc/sys/net/ipv4/ip_forward"), "1");
}

TEST_F(VmKubernetes, TheKubeletHasSystemdsCgroupsAndFeedsItsWatchdog) {
  EXPECT_EQ(ask("stat -f -c %T /sys/fs/cgroup"), "cgroup2fs");
  auto const node = ask("kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes -o name");
  auto const config = kubectl("get --raw /api/v1/nodes/" + node.substr(5) + "/proxy/configz");
  EXPECT_THAT(config.out, HasSubstr(R"("cgroupDriver":"systemd")"));
  EXPECT_THAT(ask("cat /proc/$(pidof kube-apiserver)/cgroup"),
              AllOf(HasSubstr("0::/kubepods.slice/"), HasSubstr(".slice/cri-containerd-")));
  EXPECT_EQ(of_unit("kubelet", "WatchdogUSec"), "5min");
  // Longer than the watchdog's time it is the same process, which has told in time.
  auto const pid = of_unit("kubelet", "MainPID");
  auto const began = number_of("kubelet", "ExecMainStartTimestampMonotonic");
  EXPECT_TRUE(machines().comes_true([&] {
    return number_of("kubelet", "WatchdogTimestampMonotonic") - began > 6LL * 60 * 1'000'000;
  }));
  EXPECT_EQ(of_unit("kubelet", "MainPID"), pid);
  EXPECT_EQ(ask("journalctl -b --no-pager -o cat -u kubelet | grep -c 'Watchdog timeout' || true"),
            "0");
}

constexpr auto kPod = R"(
apiVersion: v1
kind: Pod
metadata: {name: last-word}
spec:
  tolerations: [{operator: Exists}]
  terminationGracePeriodSeconds: 20
  containers:
    - name: last-word
      image: haagent.test/tools:1
      command:
        - sh
        - -c
        - |
          trap 'date +%s >/words/trapped; sync; exit 0' TERM
          echo serving
          while :; do sleep 1; done
      lifecycle: {preStop: {exec: {command: [sh, -c, "date +%s >/words/before-stop; sync; sleep 2"]}}}
      volumeMounts: [{name: words, mountPath: /words}]
  volumes: [{name: words, hostPath: {path: /var/lib/words, type: DirectoryOrCreate}}]
)";

TEST_F(VmKubernetes, APodRunsAndItsLogsAndExecWork) {
  apply(kPod);
  ASSERT_TRUE(machines().comes_true(
      [] { return kubectl("exec last-word -- cat /proc/1/comm").out == "sh\n"; }));
  EXPECT_THAT(kubectl("logs last-word").out, HasSubstr("serving"));
  keep_memory(machines(), kMaster, "kubernetes-memory");
}

TEST_F(VmKubernetes, TheKubeletHoldsAShutdownUp) {
  EXPECT_THAT(lines_of(ask("systemd-inhibit --list --no-legend --no-pager")),
              Contains(AllOf(HasSubstr("kubelet"), HasSubstr("shutdown"), HasSubstr("delay"))));
  EXPECT_EQ(ask("busctl get-property org.freedesktop.login1 /org/freedesktop/login1 "
                "org.freedesktop.login1.Manager InhibitDelayMaxUSec"),
            "t 60000000");
}

// Each by the clock of the machine, in seconds.
TEST_F(VmKubernetes, AShutdownEndsPodsThenTheApiserverThenEtcdAndTheNodeComesBack) {
  auto const id = region().instance_of(kMaster);
  auto const boot = ask("cat /proc/sys/kernel/random/boot_id");
  EXPECT_EQ(kubectl("create configmap before --from-literal=the=reboot").code, 0);
  region().command("reboot", Tree::map({{"instances", Tree::list({id})}}));
  ASSERT_TRUE(machines().comes_true(
      [&] {
        auto const now = region().sh(id, "cat /proc/sys/kernel/random/boot_id");
        return now.code == 0 && !now.out.contains(boot) && unready().empty();
      },
      kComesUp))
      << unready();
  keep_figures(machines(), kMaster, "kubernetes-reboot", ask(kWhenPodsBegan) + "\n");
  machines().keep(kMaster);
  test::write_bytes(machines().folder() / "shutdown.txt",
                    ask("journalctl -b -1 --no-pager -o short-unix | tail -n 400"));
  auto const moment = [&](std::string const& script) { return std::atof(ask(script).c_str()); };
  auto const ends_in_journal = [&](std::string const& unit) {
    return moment("journalctl -b -1 --no-pager -o short-unix -u " + unit +
                  " | tail -n 1 | cut -d ' ' -f 1");
  };
  auto const before_stop = moment("cat /var/lib/words/before-stop");
  auto const trapped = moment("cat /var/lib/words/trapped");
  // It has ended by itself (0) and was not killed (137), as the node says of the container before
  // this one.
  auto const ended = lines_of(
      ask("kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -n kube-system -o "
          "jsonpath='{range .items[*]}{.metadata.name}{\"\\t\"}"
          "{.status.containerStatuses[0].lastState.terminated.exitCode}{\"\\t\"}"
          "{.status.containerStatuses[0].lastState.terminated.finishedAt}{\"\\n\"}{end}' | "
          "grep ^kube-apiserver | cut -f 2- | { read -r code at; echo $code; date -d $at +%s; }"));
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended[0], "0");
  auto const apiserver = std::atof(ended[1].c_str());
  auto const etcd =
      std::min(ends_in_journal("haagent-etcd@main"), ends_in_journal("haagent-etcd@events"));
  EXPECT_GT(before_stop, 0);
  EXPECT_GT(trapped, before_stop);
  EXPECT_GE(apiserver, trapped);
  EXPECT_GT(etcd, apiserver);
  std::printf("after a pod's last word the apiserver ended within %.0f s, and etcd within %.0f s\n",
              apiserver - trapped, etcd - trapped);
  EXPECT_EQ(ask("systemctl --failed --no-legend --plain --no-pager"), "");
  EXPECT_EQ(kubectl("get configmap before -o jsonpath={.data.the}").out, "reboot");
  EXPECT_EQ(region().instance_of(kMaster), id);
}

constexpr auto kPodOfWorker = R"(
apiVersion: v1
kind: Pod
metadata: {name: of-worker}
spec:
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
          - matchExpressions: [{key: node-role.kubernetes.io/control-plane, operator: DoesNotExist}]
  containers:
    - name: of-worker
      image: haagent.test/tools:1
      command: [sh, -c, "echo serving; while :; do sleep 1; done"]
)";

// Its own kubelet, kube-proxy and pod network, each with a certificate that it got by itself.
TEST_F(VmKubernetes, AWorkerJoinsWithNobodysHandAndRunsAPod) {
  // The masters must know who signs this region's identity documents.
  auto const state = region().command("state");
  ask("mkdir -p /etc/haagent/ec2-certificates && cat "
      ">/etc/haagent/ec2-certificates/eu-west-1.pem <<'TEXT'\n" +
      state.text_at("document-certificate") + "TEXT");
  apply(kPodOfWorker);
  region().launch(kWorkers, 1);
  ASSERT_TRUE(machines().comes_true(
      [] {
        return !region().instance_of(kWorkers).empty() && region().is_ready(kWorkers) &&
               kubectl("exec of-worker -- cat /proc/1/comm").out == "sh\n";
      },
      kComesUp));
  ASSERT_TRUE(machines().has_booted(kWorkers));
  keep_figures(machines(), kWorkers, "kubernetes-worker", "");
  keep_memory(machines(), kWorkers, "kubernetes-worker-memory");
  EXPECT_THAT(kubectl("logs of-worker").out, HasSubstr("serving"));
  // A service by name: DNS, the kube-proxy of this node, and the apiserver.
  EXPECT_EQ(
      kubectl("exec of-worker -- curl -sSk https://kubernetes.default.svc.cluster.local/readyz")
          .out,
      "ok");
  EXPECT_EQ(machines().ask(kWorkers, "systemctl --failed --no-legend --plain --no-pager"), "");
  for (std::string const unit : {"haagent", "haagent-pod-network", "kubelet", "containerd"})
    EXPECT_EQ(machines().of_unit(kWorkers, unit, "ActiveState"), "active") << unit;
  // Not the kubelet's: until haagent has joined it finds no configuration, ends, and is started
  // again.
  for (std::string const unit : {"haagent", "haagent-pod-network", "containerd"})
    EXPECT_EQ(machines().of_unit(kWorkers, unit, "NRestarts"), "0") << unit;
  EXPECT_EQ(machines().of_unit(kWorkers, "kubelet", "WatchdogUSec"), "5min");
  EXPECT_THAT(complaints(machines(), kWorkers), IsEmpty());
}

}  // namespace
}  // namespace haagent::sim
