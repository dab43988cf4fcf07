#include "tests/integration/cluster_region.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/json.h"
#include "agent/base/process.h"
#include "tests/support/shipped_policy.h"
#include "tests/support/source_dir.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

std::filesystem::path haagent_program() {
  return built_beside("..") / "haagent";
}

std::string zone_name(char letter) {
  return fmt::format("eu-west-1{}", letter);
}

constexpr char kTokenIssuerLine[] = "  tokenIssuer: \"http://169.254.169.254:8080\"\n";

std::filesystem::path kubernetes_programs() {
  return test::source_dir() / "build/kubernetes";
}

// "1.36.3", of the module that its programs are built from.
std::string release_of(std::string const& minor) {
  auto const module = read_file(test::source_dir() / "tests/kubernetes" / minor / "go.mod");
  std::smatch found;
  auto const text = module && *module ? **module : std::string();
  return std::regex_search(text, found, std::regex(R"(k8s\.io/kubernetes v([0-9.]+))"))
             ? found[1].str()
             : minor + ".0";
}

// What a simulated instance has otherwise than a machine: cgroups of version 1, no systemd, and no
// right to set the kernel's own limits.
constexpr char kKubeletOfAnInstance[] =
    R"(kubelet: {config: {cgroupDriver: cgroupfs, failCgroupV1: false}}
kubeProxy: {config: {conntrack: {maxPerCore: 0}}}
)";

// An emulated machine takes minutes for what takes seconds, so probes are patient, and with one
// master nobody is elected: whoever leads would lose the lease now and then, and end.
constexpr char kControlPlaneOfAMachine[] =
    R"(, config: {spec: {containers: [{name: kube-apiserver,
  startupProbe: {failureThreshold: 360}, livenessProbe: {failureThreshold: 90}}]}}}
controllerManager: {extraArgs: {leader-elect: "false"}, config: {spec: {containers: [{name: kube-controller-manager,
  startupProbe: {failureThreshold: 360}, livenessProbe: {failureThreshold: 90}}]}}}
scheduler: {config: {leaderElection: {leaderElect: false}}}
)";

std::string services_of_kubernetes() {
  auto const here = test::source_dir() / "tests/kubernetes/region";
  return fmt::format(R"(containers: true
    services:
      - {{name: containerd, argv: [/usr/local/bin/containerd]}}
      - {{name: images, argv: [/usr/share/haagent-tests/images.sh]}}
      - {{name: kubelet, argv: [/usr/share/haagent-tests/kubelet.sh]}}
      - {{name: haagent-pod-network, argv: [/usr/sbin/haagent, pod-network]}}
    files:
      /etc/containerd/config.toml: {0}/containerd.toml
      /usr/share/haagent-tests/kubelet.sh: {0}/kubelet.sh
      /usr/share/haagent-tests/images.sh: {0}/images.sh
      /usr/share/haagent-tests/minor.sh: {0}/minor.sh
    argv: [/usr/sbin/haagent, run])",
                     here.string());
}

std::map<std::string, std::filesystem::path> image_of_kubernetes(std::string const& minor,
                                                                 std::string const& more) {
  auto const built = kubernetes_programs();
  std::map<std::string, std::filesystem::path> image = {
      {"/usr/share/haagent/addons/region/1.31-.yaml",
       test::source_dir() / "tests/kubernetes/region/endpoints.yaml"}};
  for (auto const* program : {"containerd", "containerd-shim-runc-v2", "ctr"})
    image[fmt::format("/usr/local/bin/{}", program)] = built / "containerd" / program;
  for (auto const* program : {"kubelet", "kubectl"})
    image[fmt::format("/usr/local/bin/{}", program)] = built / minor / program;
  auto const images = [&](std::string const& of) { return built / ("images-" + of + ".tar"); };
  if (more.empty()) image["/usr/share/haagent-tests/images.tar"] = images(minor);
  for (auto const& each : {minor, more}) {
    if (more.empty()) break;
    image[fmt::format("/opt/kubernetes/{}/images.tar", each)] = images(each);
    image[fmt::format("/opt/kubernetes/{}/kubelet", each)] = built / each / "kubelet";
  }
  for (auto const* program : {"bridge", "loopback", "host-local", "portmap"})
    image[fmt::format("/opt/cni/bin/{}", program)] = built / "cni" / program;
  for (auto const* addon : {"coredns", "aws-cloud-controller-manager"})
    for (auto const* file : {"1.31-.yaml", "images.yaml"})
      image[fmt::format("/usr/share/haagent/addons/{}/{}", addon, file)] =
          test::source_dir() / "packaging/addons" / addon / file;
  return image;
}

std::string node_config(std::string_view role, ClusterPlan const& plan) {
  return fmt::format(
      R"(apiVersion: haagent.io/v1
kind: NodeConfig
role: {}
cluster:
  name: {}
  endpoint: https://10.255.0.10
  state: s3://{}/{}
  masterRole: haagent-master
  workerRoles: [haagent-worker]
  joinAddresses: hidden
  podNetwork: {}
{}kubernetes: {{version: "{}"}}
{}apiserver: {{extraArgs: {{shutdown-delay-duration: {}}}{}
aws:
  endpoints:
    ec2: "http://169.254.169.254:8080"
    s3: "http://169.254.169.254:8080"
    autoscaling: "http://169.254.169.254:8080"
    sts: "http://169.254.169.254:8080"
    cloudwatch: "http://169.254.169.254:8080"
etcd: {}
pki: {}
{}{})",
      role, kClusterName, kStateBucket, kClusterName, plan.kubernetes.empty() ? "none" : "vxlan",
      plan.tokens && role == "master" ? kTokenIssuerLine : "",
      plan.kubernetes.empty() ? "1.33.2" : release_of(plan.kubernetes),
      plan.kubernetes.empty() || !plan.machine.empty() ? "" : kKubeletOfAnInstance,
      plan.shutdown_delay,
      plan.kubernetes.empty() || plan.machine.empty() ? "}" : kControlPlaneOfAMachine,
      plan.etcd_settings, plan.pki_settings,
      plan.metrics_settings.empty() ? "" : fmt::format("metrics: {}\n", plan.metrics_settings),
      role == "master" ? plan.master_settings : "");
}

// The example as it is shipped, with this config instead of its own.
std::string with_config_of_runcmd(std::string text, std::string const& config) {
  constexpr std::string_view kBegin = "<<'TEXT'\n";
  constexpr std::string_view kEnd = "    TEXT\n";
  auto const begin = text.find(kBegin) + kBegin.size();
  auto const end = text.find(kEnd);
  if (begin < kBegin.size() || end == std::string::npos || end < begin)
    ADD_FAILURE() << "the example does not write its config as it did:\n" << text;
  std::string indented;
  std::istringstream lines(config);
  for (std::string line; std::getline(lines, line);) indented += "    " + line + "\n";
  return text.replace(begin, end - begin, indented);
}

std::string machine_user_data(UserData told, std::string const& config) {
  if (told == UserData::alone) return config;
  if (told == UserData::command)
    return with_config_of_runcmd(
        read_file(test::source_dir() / "packaging/cloud-init/worker.cloud-config")
            .value()
            .value_or(""),
        config);
  // As cloud-init takes it apart, with a part of its own beside haagent's.
  return fmt::format(R"(Content-Type: multipart/mixed; boundary="==haagent=="
MIME-Version: 1.0

--==haagent==
Content-Type: text/cloud-config; charset="us-ascii"

#cloud-config
timezone: UTC
write_files:
  - {{path: /etc/from-user-data, content: "read by cloud-init"}}

--==haagent==
Content-Type: application/vnd.haagent.node+yaml

{}
--==haagent==--
)",
                     config);
}

// Of the role's policies, as AWS takes several of one role together.
std::string policy_of(std::string_view role, ClusterPlan const& plan) {
  auto policy =
      json::parse(test::shipped_policy(fmt::format("{}s", role), kClusterName, kStateBucket))
          .value();
  auto const add = [&](char const* more) {
    auto const parsed = json::parse(test::shipped_policy(more, kClusterName, kStateBucket)).value();
    for (auto const& each : parsed.find("Statement")->items()) policy["Statement"].push_back(each);
  };
  if (plan.tokens && role == "worker") add("join-token");
  if (!plan.metrics_settings.empty()) add("metrics");
  return json::print(policy);
}

std::string spec_of(ClusterPlan const& plan) {
  auto const zones = plan.zones.empty() ? plan.members : plan.zones;
  auto const tagged = plan.tagged.empty() ? plan.members : plan.tagged;
  std::set<char> const distinct(zones.begin(), zones.end());
  std::string spec = "region: eu-west-1\n";
  if (plan.tokens) spec += "web-identity: true\n";
  if (!plan.dhcp_domain.empty()) spec += fmt::format("dhcp-domain: \"{}\"\n", plan.dhcp_domain);
  spec += "zones:\n";
  for (int i = 0; char each : distinct)
    spec += fmt::format("  - {{name: {}, gateway: 10.0.{}.1}}\n", zone_name(each), 16 * i++);

  std::string volumes;
  for (std::size_t i = 0; i < plan.members.size(); ++i) {
    for (auto cluster : kEtcdClusters) {
      auto const name = fmt::format("{}-{}", to_string(cluster), plan.members[i]);
      if (plan.without.contains(name) || !tagged.contains(plan.members[i])) continue;
      volumes += fmt::format(
          "  - {{name: {}, zone: {}, size: {}, tags: {{\"k8s.io/etcd/{}\": \"{}/{}\", "
          "\"kubernetes.io/cluster/{}\": owned, KubernetesCluster: {}, "
          "\"k8s.io/role/control-plane\": \"1\"}}}}\n",
          name, zone_name(zones[i]), plan.volume_gib, to_string(cluster), plan.members[i],
          fmt::join(tagged, ","), kClusterName, kClusterName);
    }
  }
  if (!volumes.empty()) spec += "volumes:\n" + volumes;

  auto const what_it_is =
      !plan.machine.empty()      ? fmt::format("machine: {{image: {}, memory: {}, processors: {}}}",
                                               plan.machine.string(), plan.memory, plan.processors)
      : !plan.kubernetes.empty() ? services_of_kubernetes()
                                 : std::string("argv: [/usr/sbin/haagent, run]");
  auto group = [&](std::string const& name, std::string_view role, std::string const& where,
                   int desired, int max) {
    auto user_data = node_config(role, plan);
    if (!plan.machine.empty())
      user_data =
          machine_user_data(role == "master" ? plan.masters_told : plan.workers_told, user_data);
    spec += fmt::format(
        "  - name: {}\n    role: {}\n    zones: [{}]\n    min: 0\n    desired: {}\n    max: {}\n"
        "    user-data: {{content: {}}}\n    {}\n"
        "    tags: {{\"kubernetes.io/cluster/{}\": owned, KubernetesCluster: {}, "
        "\"k8s.io/role/{}\": \"1\"}}\n",
        name, role, where, desired, max, json::print(Tree(user_data)), what_it_is, kClusterName,
        kClusterName, role == "master" ? "control-plane" : "node");
    for (auto const& [hook, timeout] : plan.hooks)
      spec += fmt::format("    {0}-hook: {{name: haagent-{0}, timeout: {1}}}\n", hook, timeout);
  };
  spec += fmt::format(
      "load-balancer: {{health-interval: {}}}\n",
      plan.health_interval.empty() ? plan.machine.empty() ? "500ms" : "10s" : plan.health_interval);
  spec += "groups:\n";
  for (std::size_t i = 0; i < plan.members.size(); ++i)
    group(fmt::format("masters-{}", plan.members[i]), "master", zone_name(zones[i]),
          plan.launched && tagged.contains(plan.members[i]) ? 1 : 0, 1);
  std::vector<std::string> names;
  for (char each : distinct) names.push_back(zone_name(each));
  group("workers", "worker", fmt::format("{}", fmt::join(names, ", ")),
        plan.launched ? plan.workers : 0, 9);

  std::map<std::string, std::string> delays = {
      {"launch", "50ms"},  {"running", "0s"},   {"terminate", "50ms"}, {"release", "200ms"},
      {"attach", "200ms"}, {"detach", "200ms"}, {"replace", "50ms"}};
  for (auto const& [name, value] : plan.delays) delays[name] = value;
  spec += "delays:\n";
  for (auto const& [name, value] : delays) spec += fmt::format("  {}: {}\n", name, value);
  spec += fmt::format(
      "buckets: [{{name: {}, policy: {{content: {}}}}}]\n", kStateBucket,
      json::print(Tree(test::shipped_policy("state-bucket", kClusterName, kStateBucket))));
  spec += "policies:\n";
  for (auto const* role : {"master", "worker"}) {
    spec += fmt::format("  haagent-{}: {{content: {}}}\n", role,
                        json::print(Tree(policy_of(role, plan))));
  }
  spec += fmt::format("image:\n  /usr/sbin/haagent: {}\n",
                      std::filesystem::weakly_canonical(haagent_program()).string());
  auto programs = [&](test::EtcdPrograms const& etcd, std::string const& folder) {
    for (auto const& each : {etcd.etcd(), etcd.etcdctl(), etcd.etcdutl()})
      if (std::filesystem::exists(each))
        spec += fmt::format("  {}/{}: {}\n", folder,
                            std::filesystem::path(each).filename().string(), each);
  };
  if (plan.etcd && plan.etcd->folder != "/usr/bin") programs(*plan.etcd, "/usr/bin");
  for (auto const& each : plan.more_etcd) programs(each, "/opt/etcd/" + each.minor);
  if (!plan.kubernetes.empty() && plan.machine.empty())
    for (auto const& [inside, here] : image_of_kubernetes(plan.kubernetes, plan.more_kubernetes))
      spec += fmt::format("  {}: {}\n", inside, here.string());
  for (auto const& [inside, here] : plan.programs)
    spec += fmt::format("  {}: {}\n", inside, here.string());
  return spec;
}

// Where a log tells of a program that died of its own fault, the log from there on. The console
// says how each ended (128 and the signal); sanitizers say why.
std::string crash_told_in(std::string const& log) {
  for (auto sign : {"ended with 132", "ended with 134", "ended with 135", "ended with 136",
                    "ended with 139", "Sanitizer: ", ": runtime error: "})
    if (auto const found = log.find(sign); found != std::string::npos)
      return log.substr(log.rfind('\n', found) + 1, 8000);
  return {};
}

std::string crashes_told_in(std::filesystem::path const& logs) {
  std::string crashes;
  std::error_code none_yet;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(logs, none_yet)) {
    if (!entry.is_regular_file()) continue;
    if (auto const crash = crash_told_in(test::bytes_of(entry.path())); !crash.empty())
      crashes += entry.path().lexically_relative(logs).string() + ": " + crash + '\n';
  }
  return crashes;
}

std::vector<std::string> lines_of(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The only child, but for those that have ended.
pid_t child_of(pid_t pid) {
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
  pid_t child = 0;
  children >> child;
  return child;
}

}  // namespace

std::string no_cluster_because() {
  if (auto why = no_region_because(); !why.empty()) return why;
  if (!std::filesystem::exists(haagent_program())) return "needs the program haagent, built";
  if (auto const etcd = etcd_of_the_image()) return etcd->missing;
  return {};
}

std::string no_kubernetes_because(std::string const& minor) {
  if (auto why = no_cluster_because(); !why.empty()) return why;
  auto const built = kubernetes_programs();
  for (auto const& part : {minor, std::string("containerd"), std::string("cni"),
                           fmt::format("images-{}.tar", minor)}) {
    if (std::filesystem::exists(built / part)) continue;
    auto const why = read_file(built / (part + ".missing"));
    return why && *why ? **why : fmt::format("no {}: run tests/kubernetes/build", part);
  }
  return {};
}

std::optional<test::EtcdPrograms> etcd_of_the_image() {
  auto const* minor = std::getenv("HAAGENT_ETCD");
  if (!minor || !*minor) return std::nullopt;
  return test::etcd_programs(minor);
}

ClusterRegion::ClusterRegion(ClusterPlan plan) : plan_(std::move(plan)) {
  for (char each : plan_.tagged.empty() ? plan_.members : plan_.tagged)
    masters_.push_back(fmt::format("masters-{}", each));
  program_.start(spec_of(plan_), {"--logs", logs()});
}

ClusterRegion::~ClusterRegion() {
  if (auto const region = program_.pid(); region > 0) {
    if (!plan_.refusals_are_expected) {
      EXPECT_EQ(refusals(), std::vector<std::string>()) << "by the policies of packaging/aws";
    }
    EXPECT_EQ(program_.end(), 0) << program_.log();
    EXPECT_EQ(leftovers_at_last(region), std::vector<std::string>());
  }
  if (auto const crashes = crashes_told_in(logs()); !crashes.empty()) ADD_FAILURE() << crashes;
}

// ---- commands

Tree ClusterRegion::command(std::string_view name, Tree const& arguments) const {
  auto answer = program_.command(name, arguments);
  EXPECT_TRUE(answer) << name << ": " << answer.error().message.text;
  return answer.value_or(Tree());
}

void ClusterRegion::power_cut(std::vector<std::string> const& who) {
  command("power-cut", Tree::map({{"instances", Tree::list({who.begin(), who.end()})}}));
}

void ClusterRegion::launch(std::string const& group, int count) {
  command("desired", Tree::map({{"group", group}, {"capacity", count}}));
}

void ClusterRegion::use_etcd(std::string const& group, std::string const& minor) {
  auto plan = plan_;
  plan.etcd_settings = fmt::format(R"({{binary: /opt/etcd/{}/etcd,
  main: {{extraConfig: {{snapshot-count: 20}}}}, events: {{extraConfig: {{snapshot-count: 20}}}}}})",
                                   minor);
  command("user-data", Tree::map({{"group", group}, {"content", node_config("master", plan)}}));
}

void ClusterRegion::use_kubernetes(std::string const& group, std::string const& minor) {
  auto plan = plan_;
  plan.kubernetes = minor;
  auto const* role = group == "workers" ? "worker" : "master";
  command("user-data", Tree::map({{"group", group}, {"content", node_config(role, plan)}}));
}

void ClusterRegion::api(std::string const& what, Tree more) {
  more.set("what", what);
  command("api", more);
}

void ClusterRegion::create_volume(std::string const& name, std::string const& zone,
                                  EtcdCluster cluster, std::string const& tag) {
  auto const answer = command(
      "create-volume",
      Tree::map({{"zone", zone},
                 {"size", 1},
                 {"tag", Tree::list({fmt::format("k8s.io/etcd/{}={}", to_string(cluster), tag),
                                     fmt::format("kubernetes.io/cluster/{}=owned", kClusterName),
                                     fmt::format("KubernetesCluster={}", kClusterName),
                                     "k8s.io/role/control-plane=1"})}}));
  made_[name] = answer.text_at("volume");
}

std::string ClusterRegion::snapshot_of(std::string const& name) const {
  auto const made = aws({"ec2", "create-snapshot", "--volume-id", volume_id(name), "--output",
                         "text", "--query", "SnapshotId"});
  EXPECT_EQ(made.code, 0) << made.out;
  auto const id = made.out.substr(0, made.out.find('\n'));
  EXPECT_TRUE(comes_true([&] {
    auto const state = command("state");
    for (auto const& each : state.find("snapshots")->items())
      if (each.text_at("id") == id) return each.find("completed")->as_boolean().value_or(false);
    return false;
  })) << id
      << timeline();
  return id;
}

void ClusterRegion::restore_volume(std::string const& name, std::string const& snapshot) {
  auto const before = volume(name);
  auto tags = Tree::list();
  for (auto const& tag : before.find("tags")->entries())
    tags.push_back(fmt::format("{}={}", tag.key, tag.value.text()));
  auto const deleted = aws({"ec2", "delete-volume", "--volume-id", before.text_at("id")});
  ASSERT_EQ(deleted.code, 0) << deleted.out;
  auto const answer = command("create-volume", Tree::map({{"zone", before.text_at("zone")},
                                                          {"snapshot", snapshot},
                                                          {"tag", std::move(tags)}}));
  made_[name] = answer.text_at("volume");
}

Outcome ClusterRegion::aws(std::vector<std::string> const& arguments) const {
  SystemProcess process;
  ProcessSpec spec;
  spec.argv = {built_beside("haagent-sim").string(), "aws"};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.environment = {"HAAGENT_SIM_CONTROL=" + program_.socket().string()};
  auto const outcome = process.run(spec, {});
  if (!outcome) return {-1, outcome.error().message.text};
  return {outcome->exit_code, outcome->out + outcome->err};
}

Outcome ClusterRegion::as_printed(std::string const& command) const {
  SystemProcess process;
  ProcessSpec spec;
  auto const sim = built_beside("haagent-sim").string();
  spec.argv = {"sh", "-c", fmt::format("aws() {{ '{}' aws \"$@\"; }}\n{}", sim, command)};
  spec.environment = {"HAAGENT_SIM_CONTROL=" + program_.socket().string()};
  auto const outcome = process.run(spec, {});
  if (!outcome) return {-1, outcome.error().message.text};
  return {outcome->exit_code, outcome->out + outcome->err};
}

// ---- the region's state

Tree ClusterRegion::instance(std::string const& id) const {
  auto const state = command("state");
  if (auto const* instances = state.find("instances"))
    for (auto const& each : instances->items())
      if (each.text_at("id") == id) return each;
  return {};
}

std::string ClusterRegion::instance_of(std::string const& group) const {
  auto const state = command("state");
  std::string stays;
  std::string leaves;
  if (auto const* instances = state.find("instances")) {
    for (auto const& each : instances->items()) {
      auto const is = each.text_at("state");
      if (each.text_at("group") != group || (is != "running" && is != "pending")) continue;
      bool const goes = each.text_at("lifecycle").starts_with("Terminating");
      (goes ? leaves : stays) = each.text_at("id");
    }
  }
  return stays.empty() ? leaves : stays;
}

Tree ClusterRegion::volume(std::string const& id_or_name) const {
  if (auto made = made_.find(id_or_name); made != made_.end()) return volume(made->second);
  auto const state = command("state");
  if (auto const* volumes = state.find("volumes"))
    for (auto const& each : volumes->items())
      if (each.text_at("name") == id_or_name || each.text_at("id") == id_or_name) return each;
  return {};
}

std::string ClusterRegion::holder_of(std::string const& volume_name) const {
  auto const now = volume(volume_name);
  auto const* attachment = now.find("attachment");
  return attachment ? attachment->text_at("instance") : "";
}

std::map<std::string, int> ClusterRegion::calls(std::string const& instance) const {
  std::map<std::string, int> counts;
  auto const answer = command("counts");
  auto const* callers = answer.find("calls");
  auto const* of_it = callers ? callers->find(instance) : nullptr;
  if (of_it)
    for (auto const& entry : of_it->entries())
      counts[entry.key] = static_cast<int>(entry.value.find("calls")->as_integer().value_or(0));
  return counts;
}

std::vector<std::int64_t> ClusterRegion::moments(std::string const& subject,
                                                 std::string const& what,
                                                 std::string const& detail) const {
  std::vector<std::int64_t> found;
  auto const answer = command("timeline");
  for (auto const& event : answer.find("events")->items())
    if (event.text_at("subject") == subject && event.text_at("what") == what &&
        event.text_at("detail").contains(detail))
      found.push_back(event.find("since-start-ms")->as_integer().value_or(0));
  return found;
}

std::vector<std::string> ClusterRegion::refusals() const {
  std::vector<std::string> refused;
  // A region that was killed answers no more.
  auto const answer = program_.command("timeline", {});
  auto const* events = answer ? answer->find("events") : nullptr;
  if (!events) return refused;
  for (auto const& event : events->items())
    if (event.text_at("what") == "not allowed") refused.push_back(event.text_at("line"));
  return refused;
}

std::vector<std::string> ClusterRegion::permissions_used(std::string const& role) const {
  std::vector<std::string> used;
  auto const answer = command("counts");
  auto const* roles = answer.find("permissions-used");
  if (auto const* of_it = roles ? roles->find(role) : nullptr)
    for (auto const& each : of_it->items()) used.push_back(each.text());
  return used;
}

std::string ClusterRegion::timeline() const {
  std::string text;
  auto const answer = command("timeline");
  for (auto const& event : answer.find("events")->items()) text += event.text_at("line") + '\n';
  return text;
}

std::filesystem::path ClusterRegion::work() const {
  // The process outside has pid 1 of the region as its child, and that one the region.
  auto const region = child_of(child_of(program_.pid()));
  return fmt::format("/proc/{}/root/run/haagent-sim", region);
}

std::filesystem::path ClusterRegion::volume_file(std::string const& name) const {
  return work() / "volumes" / volume_id(name);
}

std::filesystem::path ClusterRegion::root_disk(std::string const& instance) const {
  return work() / "instances" / instance / "disk";
}

// ---- inside an instance

Outcome ClusterRegion::run(std::string const& where, std::vector<std::string> const& argv) const {
  auto words = Tree::list({"/bin/sh", "-c", R"("$@" 2>&1; printf '\n%s' $?)", "sh"});
  for (auto const& word : argv) words.push_back(word);
  auto const answer =
      program_.command("exec", Tree::map({{"instance", where}, {"argv", std::move(words)}}));
  if (!answer) return {-1, answer.error().message.text};
  auto const all = answer->text_at("output");
  if (auto const crash = crash_told_in(all); !crash.empty())
    ADD_FAILURE() << to_words(argv) << ": " << crash;
  auto const end = all.rfind('\n');
  if (end == std::string::npos) return {-1, all};
  return {std::atoi(all.c_str() + end + 1), all.substr(0, end)};
}

Outcome ClusterRegion::sh(std::string const& where, std::string const& script) const {
  return run(where, {"/bin/sh", "-c", script});
}

Tree ClusterRegion::status(std::string const& where) const {
  return json::parse(run(where, {"haagent", "status", "-o", "json"}).out).value_or(Tree());
}

namespace {

Tree step_of(Tree const& status, std::string const& name) {
  if (auto const* steps = status.find("steps"))
    for (auto const& each : steps->items())
      if (each.text_at("name") == name) return each;
  return {};
}

}  // namespace

std::string ClusterRegion::step_state(std::string const& where, std::string const& step) const {
  return step_of(status(where), step).text_at("state");
}

bool explains(Outcome const& outcome, Reason reason) {
  return outcome.out.contains(fmt::format("'haagent explain {}'", to_string(reason)));
}

bool ClusterRegion::has_reason(std::string const& where, std::string const& step,
                               Reason reason) const {
  return step_of(status(where), step).text_at("reason") == to_string(reason);
}

std::string ClusterRegion::subject(std::string const& where, std::string const& step) const {
  return step_of(status(where), step).text_at("subject");
}

std::string ClusterRegion::sentence(std::string const& where, std::string const& step) const {
  auto const row = step_of(status(where), step);
  auto const advice = row.text_at("advice");
  return row.text_at("message") + (advice.empty() ? "" : ": " + advice);
}

bool ClusterRegion::is_ready(std::string const& where) const {
  return run(where, {"haagent", "status"}).code == 0;
}

// ---- etcd

Outcome ClusterRegion::etcdctl(std::string const& where, EtcdCluster cluster,
                               std::vector<std::string> const& arguments) const {
  std::vector<std::string> argv = {
      "etcdctl",
      plan_.machine.empty() ? "--command-timeout=3s" : "--command-timeout=30s",
      plan_.machine.empty() ? "--dial-timeout=2s" : "--dial-timeout=30s",  // 2 s is its own
      "--cacert=/etc/kubernetes/pki/etcd/ca.crt",
      "--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt",
      "--key=/etc/kubernetes/pki/etcd/healthcheck-client.key",
      fmt::format("--endpoints=https://127.0.0.1:{}", cluster == EtcdCluster::main ? 2379 : 2389)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run(where, argv);
}

Outcome ClusterRegion::etcdctl_patiently(std::string const& where, EtcdCluster cluster,
                                         std::vector<std::string> const& arguments) const {
  auto outcome = etcdctl(where, cluster, arguments);
  for (int more = 3; outcome.code != 0 && more > 0; --more)
    outcome = etcdctl(where, cluster, arguments);
  return outcome;
}

bool ClusterRegion::put(std::string const& where, EtcdCluster cluster, std::string const& key,
                        std::string const& value) const {
  return etcdctl_patiently(where, cluster, {"put", key, value}).code == 0;
}

std::string ClusterRegion::get(std::string const& where, EtcdCluster cluster,
                               std::string const& key) const {
  auto const got = etcdctl(where, cluster, {"get", key, "--print-value-only", "--consistency=s"});
  return got.code == 0 ? got.out.substr(0, got.out.find('\n')) : "";
}

// "8e9e05c52164694d, started, etcd-a, https://..:2380, https://..:2379, false"
std::vector<Member> ClusterRegion::members(std::string const& where, EtcdCluster cluster) const {
  std::vector<Member> members;
  auto const list = etcdctl_patiently(where, cluster, {"member", "list"});
  if (list.code != 0) return members;
  for (auto const& line : lines_of(list.out)) {
    std::vector<std::string> fields;
    std::istringstream in(line);
    for (std::string field; std::getline(in >> std::ws, field, ',');) fields.push_back(field);
    if (fields.size() < 6) continue;
    members.push_back({fields[0], fields[2], fields[1] == "started", fields[5] == "true"});
  }
  std::ranges::sort(members, {}, &Member::name);
  return members;
}

namespace {

Tree endpoint_status(Outcome const& outcome) {
  auto const tree = json::parse(outcome.out).value_or(Tree());
  if (outcome.code != 0 || tree.items().empty()) return {};
  auto const* status = tree.items().front().find("Status");
  return status ? *status : Tree();
}

std::string text_of(Tree const& tree, std::string_view path) {
  auto const* found = tree.at_path(path);
  return found ? found->text() : "";
}

}  // namespace

std::string ClusterRegion::cluster_id(std::string const& where, EtcdCluster cluster) const {
  auto const answer = etcdctl_patiently(where, cluster, {"endpoint", "status", "-w", "json"});
  return text_of(endpoint_status(answer), "header.cluster_id");
}

bool ClusterRegion::leads(std::string const& where, EtcdCluster cluster) const {
  auto const answer =
      endpoint_status(etcdctl(where, cluster, {"endpoint", "status", "-w", "json"}));
  auto const leader = text_of(answer, "leader");
  return !leader.empty() && leader == text_of(answer, "header.member_id");
}

bool ClusterRegion::is_whole(std::string const& where, EtcdCluster cluster,
                             std::size_t voters) const {
  auto const list = members(where, cluster);
  return list.size() == voters &&
         std::ranges::all_of(list, [](auto const& m) { return m.started && !m.learner; }) &&
         etcdctl(where, cluster, {"endpoint", "health", "--cluster"}).code == 0;
}

// ---- waits

testing::AssertionResult ClusterRegion::comes_true(std::function<bool()> const& condition,
                                                   Duration deadline) const {
  if (eventually(condition, deadline)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "not within " << to_words(test::patient(deadline)) << '\n'
                                     << told();
}

testing::AssertionResult ClusterRegion::has(std::string const& where, EtcdCluster cluster,
                                            std::string const& key,
                                            std::string const& value) const {
  std::string got;
  if (eventually([&] { return (got = get(where, cluster, key)) == value; }))
    return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << where << " has '" << got << "' for " << key << ", not '" << value << "'\n"
         << told();
}

testing::AssertionResult ClusterRegion::gets_ready(Duration deadline) const {
  return comes_true(
      [&] {
        auto const ready = [&](auto const& each) {
          return !instance_of(each).empty() && is_ready(each);
        };
        if (!std::ranges::all_of(masters_, ready)) return false;
        return std::ranges::all_of(kEtcdClusters, [&](auto cluster) {
          return is_whole(masters_.front(), cluster, masters_.size());
        });
      },
      deadline);
}

std::string ClusterRegion::told() const {
  auto text = timeline();
  auto const state = command("state");
  if (auto const* instances = state.find("instances")) {
    for (auto const& each : instances->items()) {
      if (each.text_at("state") != "running" || each.text_at("frozen") == "true") continue;
      auto const id = each.text_at("id");
      text += '\n' + run(id, {"haagent", "status"}).out;
      text += sh(id, "tail -n 40 /var/log/haagent.log").out + '\n';
    }
  }
  return text;
}

std::string ClusterRegion::log_of(std::string const& instance) const {
  auto const log = read_file(logs() / instance / "haagent.log");
  return log && *log ? **log : "no log of " + instance;
}

}  // namespace haagent::sim
