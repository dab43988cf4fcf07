#include "bootstrap/kube/kubelet_managers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "agent/base/nearest.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr double kDefaultEviction = 100.0 * 1024 * 1024;  // memory.available: 100Mi

}  // namespace

void KubeletManagers::check() {
  if (text("systemCgroups") == "/") say("systemCgroups", "may not be the root");
  qos_reserved();
  topology_options();
  cpu_options();
  if (text("cpuManagerPolicy") == "static") static_cpus();
  if (text("memoryManagerPolicy") == "Static") static_memory();
}

// cm.ParseQOSReserved.
void KubeletManagers::qos_reserved() {
  auto const* all = at("qosReserved");
  if (!all) return;
  for (auto const& [key, mark, value] : all->entries()) {
    auto path = fmt::format("{}.qosReserved.{}", path_, key);
    if (key != "memory") {
      say_at(value, path, fmt::format("'{}' cannot be reserved: memory alone", key));
      continue;
    }
    if (!value.is_string()) continue;
    std::string_view said = value.text();
    auto percent = go_decimal(said.substr(0, said.find_last_not_of('%') + 1));
    if (!said.ends_with('%') || !percent || *percent < 0 || *percent > 100) {
      say_at(value, path, fmt::format("'{}' is no percentage from 0% to 100%", said));
    }
  }
}

// CheckPolicyOptionAvailable of both managers.
bool KubeletManagers::option(std::string_view field, std::string_view words, std::string_view gates,
                             Tree::Entry const& entry) {
  auto path = fmt::format("{}.{}.{}", path_, field, entry.key);
  auto has = [&](std::string_view suffix) {
    auto rows = tables().words.find(std::string(words) + std::string(suffix));
    if (rows == tables().words.end()) return std::vector<std::string>();
    return names_in(rows->second, version_.minor);
  };
  auto known = has("");
  if (std::ranges::find(known, entry.key) == known.end()) {
    say_at(entry.value, path, fmt::format("the kubelet {} has no such option", to_string(version_)),
           did_you_mean(closest(entry.key, known)));
    return false;
  }
  for (auto const& [suffix, stage] :
       {std::pair{".alpha", "AlphaOptions"}, std::pair{".beta", "BetaOptions"}}) {
    auto gated = has(suffix);
    auto gate = std::string(gates) + stage;
    if (std::ranges::find(gated, entry.key) == gated.end() || is_gate_on(gate)) continue;
    say_at(entry.value, path, fmt::format("needs the feature gate {}", gate));
    return false;
  }
  return true;
}

// topologymanager.NewPolicyOptions, which the policy none does not come to.
void KubeletManagers::topology_options() {
  constexpr std::string_view kField = "topologyManagerPolicyOptions";
  auto const* options = at(kField);
  if (!options || !options->is_map()) return;
  if (!is_gate_on("TopologyManagerPolicyOptions")) {
    return say(kField, "needs the feature gate TopologyManagerPolicyOptions");
  }
  auto policy = text("topologyManagerPolicy");
  if (policy.empty() || policy == "none") return;
  for (auto const& entry : options->entries()) {
    if (!option(kField, "topologyManagerPolicyOption", "TopologyManagerPolicy", entry)) continue;
    auto path = fmt::format("{}.{}.{}", path_, kField, entry.key);
    if (!entry.value.is_string()) continue;
    if (entry.key == "max-allowable-numa-nodes") {
      if (go_decimal(entry.value.text()).value_or(0) < 8) {
        say_at(entry.value, path, "must be 8 at least");
      }
    } else if (!go_boolean(entry.value.text())) {
      say_at(entry.value, path, "expected \"true\" or \"false\"");
    }
  }
}

// cpumanager.NewNonePolicy and NewStaticPolicyOptions.
void KubeletManagers::cpu_options() {
  constexpr std::string_view kField = "cpuManagerPolicyOptions";
  auto const* options = at(kField);
  if (!options || !options->is_map()) return;
  if (!since(33) && !is_gate_on("CPUManagerPolicyOptions")) {
    return say(kField, "needs the feature gate CPUManagerPolicyOptions");
  }
  auto policy = text("cpuManagerPolicy");
  if (policy.empty() || policy == "none") {
    if (!options->entries().empty()) say(kField, "needs cpuManagerPolicy: static");
    return;
  }
  std::set<std::string> on;
  for (auto const& entry : options->entries()) {
    if (!option(kField, "cpuManagerPolicyOption", "CPUManagerPolicy", entry)) continue;
    if (!entry.value.is_string()) continue;
    auto value = go_boolean(entry.value.text());
    if (!value) {
      say_at(entry.value, fmt::format("{}.{}.{}", path_, kField, entry.key),
             "expected \"true\" or \"false\"");
    } else if (*value) {
      on.insert(entry.key);
    }
  }
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kExcluded = {{
      {"full-pcpus-only", "distribute-cpus-across-cores"},
      {"distribute-cpus-across-numa", "distribute-cpus-across-cores"},
      {"prefer-align-cpus-by-uncorecache", "distribute-cpus-across-cores"},
      {"prefer-align-cpus-by-uncorecache", "distribute-cpus-across-numa"},
  }};
  for (auto const& [one, other] : kExcluded) {
    if (on.contains(std::string(one)) && on.contains(std::string(other))) {
      say(kField, fmt::format("{} and {} exclude each other", one, other));
    }
  }
  if (on.contains("align-by-socket") && text("topologyManagerPolicy") == "single-numa-node") {
    say(kField, "align-by-socket excludes topologyManagerPolicy: single-numa-node");
  }
}

// What kubeReserved and systemReserved hold of a resource together.
std::optional<double> KubeletManagers::reserved(std::string_view resource) const {
  double sum = 0;
  for (auto const* map : {"kubeReserved", "systemReserved"}) {
    auto const* all = at(map);
    auto const* value = all ? all->find(resource) : nullptr;
    if (!value || value->is_null()) continue;
    auto quantity = go_quantity(value->text());
    if (!quantity) return std::nullopt;  // told elsewhere
    sum += *quantity;
  }
  return sum;
}

void KubeletManagers::static_cpus() {
  if (!text("reservedSystemCPUs").empty() || reserved("cpu") != 0) return;
  say("cpuManagerPolicy",
      "static needs a CPU that is reserved: kubeReserved.cpu, "
      "systemReserved.cpu or reservedSystemCPUs");
}

// memorymanager.validateReservedMemory and NewPolicyStatic.
void KubeletManagers::static_memory() {
  auto wanted = reserved("memory");
  auto const* eviction = at("evictionHard");
  auto const* threshold = eviction ? eviction->find("memory.available") : nullptr;
  auto const* merges = at("mergeDefaultEvictionSettings");
  if (threshold && !threshold->is_null()) {
    auto const& said = threshold->text();
    if (said.ends_with('%') && said != "0%" && said != "100%") return;  // of the machine's memory
    if (wanted && !said.ends_with('%')) *wanted += go_quantity(said).value_or(0);
  } else if (wanted && (!eviction || (merges && merges->text() == "true"))) {
    *wanted += kDefaultEviction;
  }
  std::map<std::string, double> sums = {{"memory", 0}};
  auto const* memory = at("reservedMemory");
  for (auto const& item : memory ? memory->items() : std::vector<Tree>()) {
    auto const* limits = item.find("limits");
    if (!limits) continue;
    for (auto const& [key, mark, value] : limits->entries()) {
      sums[key] += json_quantity(value.text()).value_or(0);
    }
  }
  for (auto const& [name, sum] : sums) {
    double const expected = name == "memory" ? wanted.value_or(sum) : 0;
    if (sum == expected && (name != "memory" || sum > 0)) continue;
    say(at("reservedMemory") ? "reservedMemory" : "memoryManagerPolicy",
        fmt::format("{} of {} are reserved on the NUMA nodes, and {} by kubeReserved, "
                    "systemReserved and evictionHard together: they must be the same",
                    sum, name, expected));
  }
}

}  // namespace haagent::bootstrap::kube
