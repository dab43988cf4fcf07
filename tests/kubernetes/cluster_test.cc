// A whole cluster of Kubernetes' own programs, from power-on to pods, without a manual step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/chrono.h>

#include "agent/base/json.h"
#include "tests/integration/critical_path.h"
#include "tests/kubernetes/cluster.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

auto in_seconds(std::chrono::system_clock::time_point at) {
  return std::chrono::floor<std::chrono::seconds>(at);
}

class Kubernetes : public KubernetesTest<Kubernetes> {
 public:
  static ClusterPlan plan() { return plan_of_kubernetes(); }

 protected:
  static Outcome kubectl(std::string const& arguments) { return cluster().kubectl(arguments); }
  static std::string out_of(std::string const& arguments) { return cluster().out_of(arguments); }
};

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
  for (auto const& group : region().masters()) {
    auto const addons = region().run(group, {"haagent", "addons", "-o", "json"});
    EXPECT_EQ(addons.code, 0) << addons.out;
  }
  // A worker says that it is ready when its node is.
  auto const worker = region().instance_of("workers");
  EXPECT_TRUE(region().is_ready(worker));
  for (auto const* row : {"join", "kubelet-health", "node", "kube-proxy-health", "pod-network"})
    EXPECT_EQ(region().step_state(worker, row), "done") << row;
}

// Not asserted on: the times are this machine's, and its other work's.
TEST_F(Kubernetes, TellsWhatTheBootTookAndWhatAMasterTakes) {
  auto const first = out_of(
      "get pods -n kube-system -l k8s-app=kube-dns -o "
      "jsonpath='{.items[*].status.containerStatuses[0].state.running.startedAt}'");
  std::string words;
  for (auto const& at : words_of(first)) words += " " + at;
  std::printf("first instance powered on %s, pods of CoreDNS running%s, whole %s\n",
              fmt::format("{:%FT%TZ}", in_seconds(cluster().started)).c_str(), words.c_str(),
              fmt::format("{:%FT%TZ}", in_seconds(*cluster().whole_since())).c_str());
  for (auto const& where : {std::string("masters-a"), region().instance_of("workers")}) {
    std::printf("%s:\n%s", where.c_str(), critical_path_in_words(region().status(where)).c_str());
  }
  // Anonymous memory is a program's own; what is mapped of files can be had again.
  auto const programs = region().sh(
      "masters-a",
      "for each in haagent etcd kubelet containerd kube-apiserver kube-controller-manager "
      "kube-scheduler kube-proxy aws-cloud-contro; do for pid in $(pgrep -x $(echo $each | cut "
      "-c1-15)); do awk -v name=$each '/^RssAnon/ {anon = $2} /^RssFile/ {file = $2} END "
      "{printf \"  %-24s %6.1f MB of its own, %6.1f MB of files\\n\", name, anon / 1024, file / "
      "1024}' /proc/$pid/status; done; done");
  std::printf("memory of a master:\n%s", programs.out.c_str());
  for (auto const* program : {"haagent", "etcd", "kubelet", "kube-apiserver"})
    EXPECT_THAT(programs.out, HasSubstr(program));
}

// Of haagent alone, by the kernel's account of its threads. The bound is for machines that are
// busy.
TEST_F(Kubernetes, AMasterAtRestTakesLittleOfAProcessor) {
  auto const used = region().sh(
      "masters-a",
      "pid=$(haagent status -o json | jq .pid); all() { cut -d' ' -f14,15 /proc/$pid/stat; }; "
      "rows() { for each in /proc/$pid/task/*; do echo ${each##*/} $(cut -d' ' -f1 "
      "$each/schedstat) $(tr ' ' _ <$each/comm); done; }; "
      "rows >/run/rows; all; sleep 45; all; rows | awk 'NR == FNR {was[$1] = $2; next} "
      "{took = ($2 - was[$1]) / 1e6; if (took >= 1) printf \"  %6.1f ms %s\\n\", took, $3}' "
      "/run/rows - | sort -rn");
  long user = 0, kernel = 0, user_then = 0, kernel_then = 0;
  ASSERT_EQ(
      std::sscanf(used.out.c_str(), "%ld %ld\n%ld %ld", &user, &kernel, &user_then, &kernel_then),
      4)
      << used.out;
  auto const seconds =
      static_cast<double>(user_then + kernel_then - user - kernel) / 100 * (60.0 / 45);
  std::printf("a master at rest: %.2f s of a processor in a minute; in 45 s, by thread:\n%s\n",
              seconds, used.out.c_str());
  EXPECT_LT(seconds, 0.5);
}

TEST_F(Kubernetes, PodsReachEachOtherAndServicesByName) {
  cluster().with_web();
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
    auto const answer = kubectl("exec deploy/client -- curl -sf -m 5 http://" + address + ":8080/");
    EXPECT_EQ(answer.code, 0) << answer.out;
    pods.insert(answer.out);
  }
  EXPECT_EQ(pods.size(), 4u);
  for (auto const* name : {"web", "web.default.svc.cluster.local"}) {
    auto const answer =
        kubectl(fmt::format("exec deploy/client -- curl -sf -m 5 http://{}/", name));
    EXPECT_EQ(answer.code, 0) << answer.out;
    EXPECT_TRUE(pods.contains(answer.out)) << answer.out;
  }
  // From a master's own network as well, which webhooks are called from.
  EXPECT_EQ(region().sh("masters-a", "curl -sf -m 5 http://" + addresses.front() + ":8080/").code,
            0);
  auto const logs = kubectl("logs deploy/web");
  EXPECT_THAT(logs.out, HasSubstr("serving"));
  EXPECT_TRUE(cluster().forwards_to("deploy/web", 18080));
}

// Kubernetes' own words: what it does not know, what it will not know for long, what it is denied.
TEST_F(Kubernetes, TakesEveryFlagAndDeniesNothingOfOurs) {
  std::string complaints;
  std::vector<std::string> where = region().masters();
  where.push_back(region().instance_of("workers"));
  for (auto const& each : where) {
    auto const found = region().sh(
        each,
        "grep -hiE 'unknown flag|has been deprecated|is deprecated|unknown field|strict decoding' "
        "/var/log/kubelet.log /var/log/pods/kube-system_kube-*/*/*.log | "
        // Of this simulated instance, or of objects that tests made.
        "grep -viE 'cgroup ?v1|Endpoints is deprecated|v1 Endpoints' | cut -c1-300 | sort -u | "
        "head");
    complaints += found.out;
    // Until the cluster was whole for the first time, bindings were being made. The kubelet's log
    // has the time as klog writes it, containers' logs as containerd does.
    auto const since = *cluster().whole_since();
    complaints +=
        region()
            .sh(each,
                fmt::format("(awk -v since='{:%m%d %H:%M:%S}' 'substr($0, 2, 13) > since' "
                            "/var/log/kubelet.log; cat /var/log/pods/kube-system_*/*/*.log | "
                            "awk -v since='{:%FT%T}' '$1 > since') | grep -E 'forbidden: User "
                            // klog puts a backslash in front of a quote within a value.
                            "\\\\?\"?(system:node|system:kube-|system:serviceaccount:kube-"
                            "system)' | cut -c1-300 | tail -n 2",
                            in_seconds(since), in_seconds(since)))
            .out;
  }
  EXPECT_THAT(complaints, IsEmpty());
}

TEST_F(Kubernetes, AMasterThatLosesItsPowerComesBackWhileOthersServe) {
  cluster().with_web();
  // The master that leads the controllers.
  auto const holder = out_of(
      "get lease -n kube-system kube-controller-manager -o "
      "jsonpath='{.spec.holderIdentity}'");
  std::string gone, seen_from;
  for (auto const& group : region().masters()) {
    auto const name = region().instance(region().instance_of(group)).text_at("hostname");
    (holder.starts_with(name.substr(0, name.find('.'))) ? gone : seen_from) = group;
  }
  ASSERT_FALSE(gone.empty()) << holder;
  auto const before = region().instance_of(gone);
  // A client writes through the load balancer, and one reads from the service.
  auto const worker = region().instance_of("workers");
  region().sh(
      worker,
      "cat >/tmp/reads.sh <<'TEXT'\n"
      "cd /tmp; rm -f reads failures stop\n"
      "ip=$1\n"
      "while [ ! -e stop ]; do curl -sf -m 2 http://$ip/ >/dev/null && echo . >>reads || echo . "
      ">>failures; sleep 0.1; done\n"
      "TEXT\n");
  auto const address = out_of("get service web -o jsonpath='{.spec.clusterIP}'");
  region().sh(worker, "setsid sh /tmp/reads.sh " + address + " </dev/null >/dev/null 2>&1 &");
  region().power_cut({gone});
  EXPECT_TRUE(region().comes_true(
      [&] {
        auto const now = region().instance_of(gone);
        return !now.empty() && now != before && region().is_ready(gone);
      },
      kComesUp))
      << region().told();
  EXPECT_TRUE(region().comes_true(
      [&] {
        auto const next =
            cluster().kubectl_on(seen_from,
                                 "get lease -n kube-system kube-controller-manager -o "
                                 "jsonpath='{.spec.holderIdentity}'");
        return next.code == 0 && !next.out.empty() && next.out != holder;
      },
      60s));
  // The dead master's Node goes, once EC2 says that it is gone.
  EXPECT_TRUE(region().comes_true(
      [&] {
        auto const nodes = cluster().kubectl_on(seen_from, "get nodes -o name");
        return nodes.code == 0 && words_of(nodes.out).size() == 5;
      },
      5min));
  region().sh(worker, "touch /tmp/stop");
  auto const reads =
      region().sh(worker, "cd /tmp; touch failures; cat reads | wc -l; cat failures | wc -l");
  std::printf("reads of the service and failures: %s", reads.out.c_str());
  auto const counted = words_of(reads.out);
  ASSERT_EQ(counted.size(), 2u);
  EXPECT_GT(std::atoi(counted[0].c_str()), 50);
  EXPECT_EQ(counted[1], "0");
  EXPECT_TRUE(region().comes_true([] { return cluster().unready().empty(); }, kComesUp))
      << cluster().unready();
}

TEST_F(Kubernetes, ADeploymentSurvivesTheLossOfAWorker) {
  cluster().with_web();
  auto const before = region().instance_of("workers");
  auto const name = region().instance(before).text_at("hostname");
  region().power_cut({before});
  EXPECT_TRUE(region().comes_true(
      [&] {
        return cluster().web_serves() &&
               out_of("get pods -l app=web -o jsonpath='{.items[*].spec.nodeName}'").find(name) ==
                   std::string::npos;
      },
      5min))
      << out_of("get pods -o wide");
  EXPECT_TRUE(region().comes_true([] { return cluster().unready().empty(); }, kComesUp))
      << cluster().unready();
}

}  // namespace
}  // namespace haagent::sim
