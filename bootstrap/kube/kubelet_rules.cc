#include "bootstrap/kube/kubelet_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <regex>
#include <set>
#include <utility>

#include "agent/base/cidr.h"
#include "agent/base/nearest.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/kubelet_managers.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr double kNoEnd = std::numeric_limits<double>::infinity();

// k8s.io/kubernetes/pkg/kubelet/eviction/api.
constexpr std::array<std::string_view, 9> kSignals = {
    "memory.available",       "nodefs.available",   "nodefs.inodesFree",
    "imagefs.available",      "imagefs.inodesFree", "containerfs.available",
    "containerfs.inodesFree", "pid.available",      "allocatableMemory.available"};

bool is_signal(std::string_view name) {
  return std::ranges::find(kSignals, name) != kSignals.end();
}

// url.Parse gives it in small letters.
std::string url_scheme(std::string_view url) {
  std::string scheme(url.substr(0, url.find(':')));
  for (auto& c : scheme) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return scheme;
}

// utilsysctl.NormalizeName: slashes and dots change places where a slash comes first.
std::string sysctl_name(std::string name) {
  auto first = name.find_first_of("./");
  if (first == name.npos || name[first] == '.') return name;
  for (auto& c : name) c = c == '.' ? '/' : c == '/' ? '.' : c;
  return name;
}

// cpuset.Parse: "0-3,8".
bool is_cpu_set(std::string_view text) {
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    auto part = text.substr(0, comma);
    auto dash = part.find('-');
    auto from = go_unsigned(part.substr(0, dash), 31);
    auto to = dash == part.npos ? from : go_unsigned(part.substr(dash + 1), 31);
    if (!from || !to || *to < *from) return false;
    if (comma + 1 == text.size()) return false;
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return true;
}

}  // namespace

void KubeletRules::check() {
  check_numbers();
  check_images();
  check_words();
  check_shutdown();
  check_evictions();
  check_reserved();
  check_gated();
  check_images_allowed();
  check_server();
  check_sysctls();
  check_taints();
  check_tls();
  check_curves();
  check_logs();
  check_tracing();
  KubeletManagers(*this).check();
  logging();
  hidden_metrics();
}

void KubeletRules::check_numbers() {
  for (auto const* path :
       {"nodeLeaseDurationSeconds", "eventBurst", "eventRecordQPS", "kubeAPIBurst", "kubeAPIQPS",
        "maxOpenFiles", "maxPods", "podsPerCore", "registryBurst", "registryPullQPS"}) {
    range(path, 0, kNoEnd);
  }
  // 0 stands for the default, or for off.
  for (auto const* path : {"healthzPort", "port", "readOnlyPort"}) range(path, 0, 65535);
  range("iptablesDropBit", 0, 31);
  range("iptablesMasqueradeBit", 0, 31);
  range("nodeStatusMaxImages", -1, kNoEnd);
  range("oomScoreAdj", -1000, 1000);
  range("containerLogMaxFiles", 2, kNoEnd);
  range("containerLogMaxWorkers", 1, kNoEnd);
  range("maxParallelImagePulls", 1, kNoEnd);
  auto const* serialize = at("serializeImagePulls");
  if (number("maxParallelImagePulls").value_or(1) > 1 && serialize && serialize->text() == "true") {
    say("maxParallelImagePulls", "more than one needs serializeImagePulls: false");
  }
  if (auto const* once = at("runOnce"); once && once->text() == "true") {
    if (since(32)) say("runOnce", "the kubelet has no such mode any more; take it out");
  }
  if (auto ids = number("userNamespaces.idsPerPod")) {
    auto whole = static_cast<std::int64_t>(*ids);
    if (whole < 65536 || whole % 65536 != 0 || whole > 4294967295) {
      say("userNamespaces.idsPerPod", "must be a multiple of 65536 below 2^32");
    }
  }
}

void KubeletRules::check_images() {
  range("imageGCHighThresholdPercent", 0, 100);
  range("imageGCLowThresholdPercent", 0, 100);
  auto high = number("imageGCHighThresholdPercent").value_or(85);
  auto low = number("imageGCLowThresholdPercent").value_or(80);
  if (low >= high) {
    auto const* path = number("imageGCLowThresholdPercent") ? "imageGCLowThresholdPercent"
                                                            : "imageGCHighThresholdPercent";
    say(path, fmt::format("the low threshold of {} is not below the high one of {} (they are 80 "
                          "and 85 where they are not set)",
                          low, high));
  }
  if (since(36)) duration_range("imageMinimumGCAge", 0, kNoEnd, "zero or longer");
  duration_range("imageMaximumGCAge", 0, kNoEnd, "zero or longer");
  auto least = duration("imageMinimumGCAge").value_or(0);
  if (least == 0) least = 120;
  auto most = duration("imageMaximumGCAge").value_or(0);
  if (most > 0 && most <= least) {
    say("imageMaximumGCAge", fmt::format("must be longer than imageMinimumGCAge, {}s", least));
  }
  if (most != 0 && !is_gate_on("ImageMaximumGCAge")) {
    say("imageMaximumGCAge", "needs the feature gate ImageMaximumGCAge");
  }
}

void KubeletRules::check_words() {
  word("topologyManagerPolicy", {"none", "best-effort", "restricted", "single-numa-node"});
  word("topologyManagerScope", {"container", "pod"});
  word("hairpinMode", {"hairpin-veth", "promiscuous-bridge", "none"});
  word("authorization.mode", {"Webhook", "AlwaysAllow"});
  word("cpuManagerPolicy", {"none", "static"});
  word("memoryManagerPolicy", {"None", "Static"});
  word("memoryReservationPolicy", {"None", "TieredReservation"});
  if (is_gate_on("NodeSwap")) word("memorySwap.swapBehavior", {"NoSwap", "LimitedSwap"});

  word("configMapAndSecretChangeDetectionStrategy", {"Watch", "Cache", "Get"});

  auto const* by_qos = at("cgroupsPerQOS");
  auto const* enforced = at("enforceNodeAllocatable");
  if (!enforced) {
    if (by_qos && by_qos->text() == "false") {
      say("cgroupsPerQOS", "false needs enforceNodeAllocatable: [none]; it is [pods] by itself");
    }
    return;
  }
  std::vector<std::string> words = {"pods", "system-reserved", "kube-reserved", "none"};
  if (since(32)) {
    words.insert(words.end(), {"system-reserved-compressible", "kube-reserved-compressible"});
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < enforced->items().size(); ++i) {
    auto const& item = enforced->items()[i];
    auto path = fmt::format("{}.enforceNodeAllocatable[{}]", path_, i);
    auto const& said = item.text();
    if (!item.is_string() && !item.is_null()) continue;
    if (!seen.insert(said).second) {
      say_at(item, path, fmt::format("'{}' stands twice", said));
      continue;
    }
    if (std::ranges::find(words, said) == words.end()) {
      say_at(item, path,
             fmt::format("expected pods, system-reserved, kube-reserved or none, found "
                         "'{}'",
                         said),
             did_you_mean(closest(said, words)));
    }
    if (said == "none" && enforced->items().size() > 1) {
      say_at(item, path, "none stands alone");
    }
    if (said != "none" && by_qos && by_qos->text() == "false") {
      say_at(item, path, "needs cgroupsPerQOS: true");
    }
    if (said.starts_with("system-reserved") && text("systemReservedCgroup").empty()) {
      say_at(item, path, "needs systemReservedCgroup");
    }
    if (said.starts_with("kube-reserved") && text("kubeReservedCgroup").empty()) {
      say_at(item, path, "needs kubeReservedCgroup");
    }
  }
  for (auto const* one : {"system-reserved", "kube-reserved"}) {
    if (seen.contains(one) && seen.contains(std::string(one) + "-compressible")) {
      say("enforceNodeAllocatable",
          fmt::format("{0} and {0}-compressible exclude each other", one));
    }
  }
}

void KubeletRules::check_shutdown() {
  // What haagent renders where the overlay says nothing; null takes it away.
  auto effective = [&](std::string_view path, double rendered) {
    if (overlay_.at_path(path) && !at(path)) return 0.0;
    return duration(path).value_or(rendered);
  };
  constexpr std::string_view kAll = "shutdownGracePeriod";
  constexpr std::string_view kCritical = "shutdownGracePeriodCriticalPods";
  auto all = effective(kAll, 60);
  auto critical = effective(kCritical, 30);
  auto path = at(kCritical) ? kCritical : kAll;
  if (!is_gate_on("GracefulNodeShutdown")) {
    if (all > 0 || critical > 0) {
      say(path, "needs the feature gate GracefulNodeShutdown; set both periods to null");
    }
  } else {
    if (critical > all) {
      say(path, fmt::format("the {}s of critical pods are more than the {}s of all (haagent sets "
                            "60s, and 30s of them for critical pods)",
                            critical, all));
    }
    for (auto each : {kAll, kCritical}) {
      auto value = duration(each).value_or(0);
      if (value < 0 || (value > 0 && value < 1)) say(each, "must be zero, or a second or more");
    }
  }
  constexpr std::string_view kByPriority = "shutdownGracePeriodByPodPriority";
  auto const* by_priority = at(kByPriority);
  if (!by_priority || by_priority->items().empty()) return;
  if (!is_gate_on("GracefulNodeShutdownBasedOnPodPriority")) {
    say(kByPriority, "needs the feature gate GracefulNodeShutdownBasedOnPodPriority");
  } else if (all > 0 || critical > 0) {
    say(kByPriority,
        "excludes shutdownGracePeriod and shutdownGracePeriodCriticalPods, which haagent sets; set "
        "both to null");
  }
}

// eviction.ParseThresholdConfig.
void KubeletRules::check_threshold(std::string_view map, Tree::Entry const& entry) {
  auto path = fmt::format("{}.{}.{}", path_, map, entry.key);
  if (!entry.value.is_string()) return;
  std::string_view value = entry.value.text();
  if (!is_signal(entry.key)) {
    out_.push_back({.path = path,
                    .what = fmt::format("'{}' is no eviction signal, and the kubelet does not "
                                        "start with it",
                                        entry.key),
                    .hint = did_you_mean(closest(entry.key, {kSignals.begin(), kSignals.end()})),
                    .mark = entry.key_mark,
                    .length = entry.key.size()});
    return;
  }
  bool reclaim = map == "evictionMinimumReclaim";
  if (value.ends_with('%')) {
    // strings.TrimRight(input, "%"): all of them.
    auto percent = go_float(value.substr(0, value.find_last_not_of('%') + 1));
    bool good = percent && (reclaim ? *percent > 0 : *percent >= 0 && *percent <= 100);
    if (!good) {
      say_at(
          entry.value, path,
          fmt::format("'{}' is no percentage {}", value, reclaim ? "above 0%" : "from 0% to 100%"));
    }
    return;
  }
  auto quantity = go_quantity(value);
  if (!quantity || *quantity < 0 || (!reclaim && *quantity == 0)) {
    say_at(entry.value, path,
           fmt::format("'{}' is no quantity above zero such as 500Mi, and no percentage", value));
  }
}

void KubeletRules::check_evictions() {
  for (auto const* map : {"evictionHard", "evictionSoft", "evictionMinimumReclaim"}) {
    auto const* thresholds = at(map);
    if (!thresholds) continue;
    for (auto const& entry : thresholds->entries()) check_threshold(map, entry);
  }
  auto const* grace = at("evictionSoftGracePeriod");
  if (grace) {
    for (auto const& [key, mark, value] : grace->entries()) {
      auto path = fmt::format("{}.evictionSoftGracePeriod.{}", path_, key);
      if (!value.is_string()) continue;
      auto period = go_duration(value.text());
      if (!is_signal(key)) {
        say_at(value, path, fmt::format("'{}' is no eviction signal", key),
               did_you_mean(closest(key, {kSignals.begin(), kSignals.end()})));
      } else if (!period || *period < 0) {
        say_at(value, path, fmt::format("'{}' is no duration such as 1m30s", value.text()));
      }
    }
  }
  auto const* soft = at("evictionSoft");
  if (!soft) return;
  for (auto const& [key, mark, value] : soft->entries()) {
    // 0% and 100% switch the threshold off.
    if (value.is_null() || value.text() == "0%" || value.text() == "100%") continue;
    if (is_signal(key) && (!grace || !grace->find(key))) {
      say_at(value, fmt::format("{}.evictionSoft.{}", path_, key),
             fmt::format("needs evictionSoftGracePeriod.{}", key));
    }
  }
}

// app.parseResourceList, cpuset.Parse and validateReservedMemoryConfiguration.
void KubeletRules::check_reserved() {
  static std::vector<std::string> const kResources = {"cpu", "memory", "ephemeral-storage", "pid"};
  for (auto const* map : {"kubeReserved", "systemReserved"}) {
    auto const* reserved = at(map);
    if (!reserved) continue;
    for (auto const& [key, mark, value] : reserved->entries()) {
      auto path = fmt::format("{}.{}.{}", path_, map, key);
      if (!value.is_string()) continue;
      if (std::ranges::find(kResources, key) == kResources.end()) {
        say_at(value, path,
               fmt::format("'{}' cannot be reserved: cpu, memory, ephemeral-storage or pid", key),
               did_you_mean(closest(key, kResources)));
      } else if (go_quantity(value.text()).value_or(-1) < 0) {
        say_at(value, path, fmt::format("'{}' is no quantity such as 500m or 1Gi", value.text()));
      }
    }
  }
  if (auto cpus = text("reservedSystemCPUs"); !cpus.empty()) {
    if (!is_cpu_set(cpus)) say("reservedSystemCPUs", "is no list of CPUs such as 0-3,8");
    if (!text("systemReservedCgroup").empty() || !text("kubeReservedCgroup").empty()) {
      say("reservedSystemCPUs", "excludes systemReservedCgroup and kubeReservedCgroup");
    }
  }
  if (!text("systemCgroups").empty() && text("cgroupRoot").empty()) {
    say("systemCgroups", "needs cgroupRoot");
  }
  auto const* memory = at("reservedMemory");
  std::set<std::string> seen;
  for (std::size_t i = 0; memory && i < memory->items().size(); ++i) {
    auto const* limits = memory->items()[i].find("limits");
    auto node = number_of(memory->items()[i].find("numaNode")).value_or(0);
    if (!limits) continue;
    for (auto const& [key, mark, value] : limits->entries()) {
      auto path = fmt::format("{}.reservedMemory[{}].limits.{}", path_, i, key);
      if (key != "memory" && !key.starts_with("hugepages-")) {
        say_at(value, path, fmt::format("'{}' is neither memory nor hugepages-<size>", key));
      }
      if (value.is_null() || json_quantity(value.text()).value_or(1) == 0) {
        say_at(value, path, "may not be zero");
      }
      if (!seen.insert(fmt::format("{} {}", node, key)).second) {
        say_at(value, path, fmt::format("stands twice for NUMA node {}", node));
      }
    }
  }
}

void KubeletRules::check_gated() {
  auto needs = [&](std::string_view path, bool uses, std::string_view gate) {
    if (uses && !is_gate_on(gate)) say(path, fmt::format("needs the feature gate {}", gate));
  };
  auto is_true = [&](std::string_view path) {
    auto const* value = at(path);
    return value && value->text() == "true";
  };
  if (auto period = duration("cpuCFSQuotaPeriod")) {
    needs("cpuCFSQuotaPeriod", *period != 0.1, "CustomCPUCFSQuotaPeriod");
    if (is_gate_on("CustomCPUCFSQuotaPeriod")) {
      duration_range("cpuCFSQuotaPeriod", 0.001, 1, "from 1ms to 1s");
    }
  }
  needs("serverTLSBootstrap", is_true("serverTLSBootstrap"), "RotateKubeletServerCertificate");
  needs("memorySwap.swapBehavior", !text("memorySwap.swapBehavior").empty(), "NodeSwap");
  needs("enableSystemLogQuery", is_true("enableSystemLogQuery"), "NodeLogQuery");
  auto const* handler = at("enableSystemLogHandler");
  if (is_true("enableSystemLogQuery") && handler && handler->text() == "false") {
    say("enableSystemLogQuery", "needs enableSystemLogHandler: true");
  }
  if (at("crashLoopBackOff.maxContainerRestartPeriod")) {
    needs("crashLoopBackOff.maxContainerRestartPeriod", true, "KubeletCrashLoopBackOffMax");
    duration_range("crashLoopBackOff.maxContainerRestartPeriod", 1, 300, "from 1s to 300s");
  }
  if (auto policy = text("imagePullCredentialsVerificationPolicy"); !policy.empty()) {
    needs("imagePullCredentialsVerificationPolicy", true, "KubeletEnsureSecretPulledImages");
    word("imagePullCredentialsVerificationPolicy",
         {"NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages",
          "AlwaysVerify"});
  }
  auto const* images = at("preloadedImagesVerificationAllowlist");
  if (images && !images->items().empty()) {
    needs("preloadedImagesVerificationAllowlist", true, "KubeletEnsureSecretPulledImages");
    if (text("imagePullCredentialsVerificationPolicy") != "NeverVerifyAllowlistedImages") {
      say("preloadedImagesVerificationAllowlist",
          "needs imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages");
    }
  }
  if (auto factor = number("memoryThrottlingFactor")) {
    needs("memoryThrottlingFactor", since(37) && *factor != 0.9, "MemoryQoS");
    if (*factor <= 0 || *factor > 1) {
      say("memoryThrottlingFactor", "must be above 0 and 1 at most");
    }
  }
  needs("memoryReservationPolicy", text("memoryReservationPolicy") == "TieredReservation",
        "MemoryQoS");
}

// pullmanager.ValidateAllowlistImagesPatterns.
void KubeletRules::check_images_allowed() {
  auto const* images = at("preloadedImagesVerificationAllowlist");
  if (!is_gate_on("KubeletEnsureSecretPulledImages")) return;
  for (std::size_t i = 0; images && i < images->items().size(); ++i) {
    auto pattern = text_of(&images->items()[i]);
    if (!pattern) continue;
    // "registry/path/*", or an image without tag and digest.
    static std::regex const shape(
        "[^ \t*]+/[*]|"
        "([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*"
        "(:[0-9]+)?/)?[a-z0-9]+((([.]|_|__|-+)[a-z0-9]+)*)(/[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*)*");
    if (std::regex_match(*pattern, shape)) continue;
    say_at(images->items()[i], fmt::format("{}.preloadedImagesVerificationAllowlist[{}]", path_, i),
           fmt::format("'{}' is no image without its tag, and does not end with /*", *pattern));
  }
}

// NewMainKubelet, PreInitRuntimeService and ListenAndServeKubeletServer.
void KubeletRules::check_server() {
  duration_range("syncFrequency", 0, kNoEnd, "longer than nothing");
  for (auto const* path : {"containerRuntimeEndpoint", "imageServiceEndpoint"}) {
    auto endpoint = text(path);
    // Without a scheme it is a socket's path.
    if (endpoint.contains(':') && !endpoint.starts_with('/') && url_scheme(endpoint) != "unix") {
      say(path, fmt::format("'{}' is no socket such as unix:///run/containerd/containerd.sock",
                            endpoint));
    }
  }
  auto const* serves = at("enableServer");
  if (serves && serves->text() == "false") return;
  if (auto address = text("address"); !address.empty() && !parse_ip(address)) {
    say("address", fmt::format("'{}' is no IP address", address));
  }
  // 0 stands for the default; what haagent renders for the others is that as well.
  auto port = number("port").value_or(0);
  if (port == 0) port = 10250;
  for (auto const* path : {"readOnlyPort", "healthzPort"}) {
    auto const* shown = number("port") ? "port" : path;
    auto other = number(path).value_or(std::string_view(path) == "healthzPort" ? 10248 : 0);
    if (other == port) say(shown, fmt::format("{} is {} as well", path, port));
  }
  for (auto const& [path, needed] : {std::pair{"tlsCertFile", "tlsPrivateKeyFile"},
                                     std::pair{"tlsPrivateKeyFile", "tlsCertFile"}}) {
    if (!text(path).empty() && text(needed).empty()) say(path, fmt::format("needs {}", needed));
  }
}

// sysctl.NewAllowlist, and the validation of defaultPodSysctls.
void KubeletRules::check_sysctls() {
  auto const* allowed = at("allowedUnsafeSysctls");
  for (std::size_t i = 0; allowed && i < allowed->items().size(); ++i) {
    auto name = text_of(&allowed->items()[i]);
    if (!name || is_sysctl_of_pods(*name, true)) continue;
    say_at(allowed->items()[i], fmt::format("{}.allowedUnsafeSysctls[{}]", path_, i),
           fmt::format("'{}' is no sysctl of a pod's own such as net.core.somaxconn", *name));
  }
  auto const* defaults = at("defaultPodSysctls");
  if (!defaults || defaults->entries().empty()) return;
  if (!is_gate_on("DefaultPodSysctls")) {
    return say("defaultPodSysctls", "needs the feature gate DefaultPodSysctls");
  }
  std::set<std::string> seen;
  for (auto const& [key, mark, value] : defaults->entries()) {
    auto path = fmt::format("{}.defaultPodSysctls.{}", path_, key);
    if (!is_sysctl_of_pods(key, false)) {
      say_at(value, path, fmt::format("'{}' is no sysctl of a pod's own", key));
    } else if (!seen.insert(sysctl_name(key)).second) {
      say_at(value, path, fmt::format("{} stands twice", sysctl_name(key)));
    }
  }
}

bool KubeletRules::is_sysctl_of_pods(std::string const& name, bool may_end_with_star) const {
  static std::regex const plain(
      "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?");
  static std::regex const pattern(
      "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]");
  if (name.size() > 253 || !std::regex_match(name, may_end_with_star ? pattern : plain)) {
    return false;
  }
  auto normal = sysctl_name(name);
  normal.resize(std::min(normal.find('*'), normal.size()));
  // utilsysctl.GetNamespace.
  static std::set<std::string> const kNames = {
      "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
      "kernel.shm", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.msg"};
  if (kNames.contains(normal) || normal.starts_with("net.") || normal.starts_with("fs.mqueue.")) {
    return true;
  }
  return since(37) && (normal == "kernel.domainname" || normal.starts_with("user."));
}

// tracingapi.ValidateTracingConfiguration.
void KubeletRules::check_tracing() {
  auto const* tracing = at("tracing");
  if (!tracing) return;
  if (!since(34) && !is_gate_on("KubeletTracing")) {
    return say("tracing", "needs the feature gate KubeletTracing");
  }
  range("tracing.samplingRatePerMillion", 0, 1000000);
  auto endpoint = text("tracing.endpoint");
  if (!endpoint.contains("//")) return;
  auto scheme = url_scheme(endpoint);
  if (scheme == "dns" || scheme == "unix" || scheme == "unix-abstract") return;
  say("tracing.endpoint",
      fmt::format("'{}' is no endpoint such as localhost:4317, dns:// or unix://", endpoint));
}

void KubeletRules::check_taints() {
  auto const* taints = at("registerWithTaints");
  for (std::size_t i = 0; taints && i < taints->items().size(); ++i) {
    auto const& taint = taints->items()[i];
    if (!is_item(taint)) continue;
    auto path = fmt::format("{}.registerWithTaints[{}]", path_, i);
    static std::vector<std::string> const kEffects = {"NoSchedule", "PreferNoSchedule",
                                                      "NoExecute"};
    auto effect = taint.text_at("effect");
    if (!effect.empty() && std::ranges::find(kEffects, effect) == kEffects.end()) {
      say_at(taint, path,
             fmt::format("'{}' is no effect: NoSchedule, PreferNoSchedule or NoExecute", effect),
             did_you_mean(closest(effect, kEffects)));
    }
    if (auto key = taint.text_at("key"); !is_label_name(key)) {
      say_at(taint, path + ".key", fmt::format("'{}' is no taint's key", key));
    }
    if (auto value = taint.text_at("value"); !is_label_value(value)) {
      say_at(taint, path + ".value", fmt::format("'{}' is no taint's value", value));
    }
    if (auto const* added = taint.find("timeAdded"); added && !added->is_null()) {
      say_at(*added, path + ".timeAdded", "the cluster sets it; take it out");
    }
  }
}

void KubeletRules::check_tls() {
  auto names = [&](std::string_view what) {
    auto found = tables().words.find(what);
    return found == tables().words.end() ? std::vector<std::string>()
                                         : names_in(found->second, version_.minor);
  };
  word("tlsMinVersion", names("tlsVersion"));
  auto const* ciphers = at("tlsCipherSuites");
  auto known = names("tlsCipherSuite");
  for (std::size_t i = 0; ciphers && i < ciphers->items().size(); ++i) {
    auto const& cipher = ciphers->items()[i];
    if (!text_of(&cipher) || std::ranges::find(known, cipher.text()) != known.end()) continue;
    say_at(cipher, fmt::format("{}.tlsCipherSuites[{}]", path_, i),
           fmt::format("the kubelet knows no cipher suite '{}'", cipher.text()),
           did_you_mean(closest(cipher.text(), known)));
  }
}

// cliflag.TLSCurvePreferences; the numbers are those that Go's crypto/tls of 1.36 has names for.
void KubeletRules::check_curves() {
  static std::set<double> const kCurves = {23, 24, 25, 29, 4587, 4588, 4589};
  auto const* curves = at("tlsCurvePreferences");
  std::set<double> seen;
  for (std::size_t i = 0; curves && i < curves->items().size(); ++i) {
    auto const& item = curves->items()[i];
    auto id = item.is_null() ? 0 : number_of(&item);
    auto path = fmt::format("{}.tlsCurvePreferences[{}]", path_, i);
    if (!id) continue;
    if (!kCurves.contains(*id)) {
      say_at(item, path, fmt::format("the kubelet knows no curve {}", *id));
    } else if (!seen.insert(*id).second) {
      say_at(item, path, fmt::format("{} stands twice", *id));
    }
  }
}

void KubeletRules::check_logs() {
  duration_range("containerLogMonitorInterval", 3, kNoEnd, "3s or longer");
  if (auto size = text("containerLogMaxSize"); !size.empty()) {
    auto quantity = go_quantity(size);
    // Quantity.AsInt64: whole bytes.
    if (!quantity || *quantity != std::floor(*quantity) || std::abs(*quantity) > 9.2e18) {
      say("containerLogMaxSize", fmt::format("'{}' is no quantity such as 10Mi", size));
    }
  }
  if (auto folder = text("podLogsDir"); !folder.empty()) {
    bool clean = folder.starts_with('/') && (folder == "/" || !folder.ends_with('/')) &&
                 folder.find("//") == folder.npos && folder.find("/./") == folder.npos &&
                 folder.find("/../") == folder.npos && !folder.ends_with("/..") &&
                 !folder.ends_with("/.");
    if (!clean) say("podLogsDir", "must be an absolute path in its shortest form");
    if (std::ranges::any_of(folder, [](unsigned char c) { return c > 127; })) {
      say("podLogsDir", "must be in ASCII");
    }
  }
}

}  // namespace haagent::bootstrap::kube
