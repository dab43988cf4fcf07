#include "bootstrap/kube/lint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <ranges>
#include <regex>

#include "agent/base/cidr.h"
#include "bootstrap/kube/controller_manager.h"
#include "bootstrap/kube/document_rules.h"
#include "bootstrap/kube/document_types.h"
#include "bootstrap/kube/flag_fields.h"
#include "bootstrap/kube/flag_values.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/own_labels.h"

namespace haagent::bootstrap::kube {
namespace {

class Linter {
 public:
  Linter(NodeConfig const& config, KubeVersion const& version)
      : config_(config), version_(version) {}

  Complaints run() {
    for (auto component : kComponents) {
      component_ = component;
      gates_.clear();
      flags();
      document();
      check_gates(component_, version_, gates_, complaints_);
    }
    authorization();
    endpoints();
    for (auto const& [key, value] : config_.node.labels) label("node.labels", key, value);
    taints();
    if (auto mask = node_cidr_flags(config_); !mask)
      complain("cluster.podCIDR", mask.error().message.sentence());
    return std::move(complaints_);
  }

 private:
  void complain(std::string path, std::string what) {
    complaints_.push_back({std::move(path), std::move(what)});
  }

  void flags() {
    for (auto const& [name, value] : settings_of(config_, component_).extra_args) {
      auto path = fmt::format("{}.extraArgs.{}", key_of(component_), name);
      static std::regex const shape("[A-Za-z0-9][-_A-Za-z0-9]*");
      if (!std::regex_match(name, shape)) {
        complain(path, fmt::format("'{}' is no flag's name; write it without dashes in front and "
                                   "without its value",
                                   name));
        continue;
      }
      if (value.empty()) continue;  // takes a flag away
      auto flag = flag_name(name);
      if (value.find_first_of("\r\n") != value.npos) {
        complain(path, "a flag's value is one line");
        continue;
      }
      check_flag(component_, version_, flag, value, path, complaints_);
      bool refused =
          !complaints_.empty() && complaints_.back().path == path && !complaints_.back().is_warning;
      if (!refused) flag_value(path, flag, value);
    }
  }

  void flag_value(std::string const& path, std::string const& flag, std::string const& value) {
    if (component_ == Component::kubelet && value.find_first_of(" \t\"'\\") != value.npos) {
      complain(path,
               "a blank, quote or backslash does not survive the file from which systemd reads the "
               "kubelet's flags; use the kubelet.config key");
    }
    if (flag == "secure-port") {
      int port = 0;
      auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
      if (error != std::errc() || end != value.data() + value.size() || port < 1 || port > 65535) {
        complain(path, fmt::format("'{}' is no port between 1 and 65535", value));
      }
    }
    if (flag == "node-labels") node_labels(path, value);
    if (flag == "feature-gates" && component_ != Component::kube_proxy) {
      std::ranges::move(gates_of_flag(component_, value, path, complaints_),
                        std::back_inserter(gates_));
    }
    if (component_ == Component::kube_proxy) ignored_by_kube_proxy(path, flag);
  }

  void ignored_by_kube_proxy(std::string const& path, std::string const& flag) {
    // Options.Complete() of kube-proxy: all but these is overwritten by the document.
    static constexpr std::array<std::string_view, 4> kRead = {"hostname-override", "master", "v",
                                                              "vmodule"};
    if (std::ranges::find(kRead, flag) != kRead.end() || flag.starts_with("log")) return;
    complaints_.push_back({.path = path,
                           .what = fmt::format("kube-proxy ignores --{} beside its configuration "
                                               "document; set it under kubeProxy.config",
                                               flag),
                           .is_warning = true});
  }

  void document() {
    auto const& config = settings_of(config_, component_).config;
    auto path = fmt::format("{}.config", key_of(component_));
    if (config.is_null()) return rules(config, path);
    auto type = document_type_of(component_);
    if (!config.is_map()) {
      return complain(path, fmt::format("must be a map, which is merged over the {}", type.kind));
    }
    for (auto const& [key, own] :
         {std::pair{"apiVersion", type.api_version}, std::pair{"kind", type.kind}}) {
      if (auto const* stated = config.find(key); stated && stated->text() != own) {
        complain(fmt::format("{}.{}", path, key),
                 fmt::format("is {}, and cannot be another; take it out", own));
      }
    }
    check_types(component_, version_, config, path, complaints_);
    document_gates(config, path);
    rules(config, path);
  }

  void rules(Tree const& config, std::string const& path) {
    auto const before = std::ssize(complaints_);
    std::map<std::string, std::string> of_flags;
    auto whole = config;
    auto over = fields_of_flags(component_, version_, settings_of(config_, component_).extra_args,
                                of_flags);
    for (auto& entry : over.entries()) {
      // The kubelet's flags replace a map as a whole, kube-scheduler's stand for single fields.
      bool replaces = component_ == Component::kubelet;
      whole.set(entry.key, replaces || !whole.find(entry.key)
                               ? std::move(entry.value)
                               : merge(*whole.find(entry.key), entry.value));
    }
    check_rules(component_, version_, whole, path, gates_, complaints_);
    for (auto& complaint : std::views::drop(complaints_, before)) {
      auto field = complaint.path.substr(std::min(path.size() + 1, complaint.path.size()));
      auto flag = of_flags.find(field.substr(0, field.find_first_of(".[")));
      if (flag == of_flags.end()) continue;
      complaint.path = flag->second;
      complaint.mark = {};
    }
    if (settings_of(config_, component_).image.empty()) return;
    // Another image may have plugins of its own.
    for (auto& complaint : std::views::drop(complaints_, before)) {
      if (complaint.path.find(".plugins.") != std::string::npos) complaint.is_warning = true;
    }
  }

  // Flags stand over the document's gates.
  void document_gates(Tree const& config, std::string const& path) {
    auto const* gates = config.find("featureGates");
    if (!gates || component_ == Component::scheduler || is_pod(component_)) return;
    std::vector<GateSetting> settings;
    for (auto const& [key, mark, value] : gates->entries()) {
      if (auto on = value.as_boolean()) {
        settings.push_back({.name = key,
                            .on = *on,
                            .path = fmt::format("{}.featureGates.{}", path, key),
                            .mark = mark});
      }
    }
    gates_.insert(gates_.begin(), settings.begin(), settings.end());
  }

  static bool is_pod(Component component) { return document_type_of(component).kind == "Pod"; }

  void authorization() {
    auto const& extra = config_.apiserver.extra_args;
    if (!value_of(extra, "authorization-config", "").empty() &&
        !value_of(extra, "authorization-mode", "").empty()) {
      complain("apiserver.extraArgs.authorization-mode",
               "kube-apiserver takes either authorization-config or authorization-mode; take one "
               "out");
    }
    coordinated_election(extra);
    for (auto const* flag :
         {"emulation-forward-compatible", "runtime-config-emulation-forward-compatible"}) {
      if (go_boolean(value_of(extra, flag, "")).value_or(false) &&
          value_of(extra, "emulated-version", "").empty()) {
        complain(fmt::format("apiserver.extraArgs.{}", flag), "needs emulated-version");
      }
    }
  }

  // ServerRunOptions.Validate of k8s.io/apiserver.
  void coordinated_election(Flags const& extra) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kPeriods = {
        {{"coordinated-leadership-lease-duration", "15s"},
         {"coordinated-leadership-renew-deadline", "10s"},
         {"coordinated-leadership-retry-period", "2s"}}};
    for (std::size_t i = 1; i < kPeriods.size(); ++i) {
      auto longer = go_duration(value_of(extra, kPeriods[i - 1].first, kPeriods[i - 1].second));
      auto shorter = go_duration(value_of(extra, kPeriods[i].first, kPeriods[i].second));
      if (!longer || !shorter || *longer > *shorter) continue;
      bool stated = !value_of(extra, kPeriods[i].first, "").empty();
      complain(fmt::format("apiserver.extraArgs.{}", kPeriods[stated ? i : i - 1].first),
               fmt::format("{} must be longer than {}", kPeriods[i - 1].first, kPeriods[i].first));
    }
  }

  void endpoints() {
    if (config_.role == Role::master) return;
    for (auto component : {Component::kubelet, Component::kube_proxy}) {
      if (settings_of(config_, component).endpoint == EndpointMode::local) {
        complain(fmt::format("{}.endpoint", key_of(component)),
                 "a worker runs no apiserver of its own; set replicated");
      }
    }
  }

  void node_labels(std::string const& path, std::string const& value) {
    for (std::size_t from = 0; from < value.size();) {
      auto comma = std::min(value.find(',', from), value.size());
      auto pair = value.substr(from, comma - from);
      auto equals = std::min(pair.find('='), pair.size());
      label(path, pair.substr(0, equals), equals < pair.size() ? pair.substr(equals + 1) : "");
      from = comma + 1;
    }
  }

  // What the kubelet of a master may not say of its node, the agent sets through the apiserver.
  bool is_set_by_masters(std::string_view path) const {
    return path == "node.labels" && config_.role == Role::master;
  }

  void label(std::string const& path, std::string const& key, std::string const& value) {
    auto at = fmt::format("{}.{}", path, key);
    if (!is_label_name(key)) {
      return complain(at, fmt::format("'{}' is no label's name", key));
    }
    if (!is_label_value(value)) {
      complain(at, fmt::format("'{}' is no label's value: letters, digits, '-', '_' and '.', 63 at "
                               "most, with a letter or digit at both ends",
                               value));
    }
    if (!kubelet_may_set_label(key) && !is_set_by_masters(path)) {
      complain(at, fmt::format("the kubelet may not label its own node with '{}', and does not "
                               "start when told to; label the node as an administrator",
                               key));
    }
  }

  void taints() {
    for (auto const& taint : config_.node.taints) {
      auto path = fmt::format("node.taints.{}", taint.key);
      if (taint.key.empty()) complain("node.taints", "a taint has no key");
      if (taint.effect != "NoSchedule" && taint.effect != "PreferNoSchedule" &&
          taint.effect != "NoExecute") {
        complain(path, fmt::format("'{}' is no effect; NoSchedule, PreferNoSchedule or NoExecute",
                                   taint.effect));
      }
    }
  }

  NodeConfig const& config_;
  KubeVersion const& version_;
  Component component_ = Component::kubelet;
  std::vector<GateSetting> gates_;  // of this component
  Complaints complaints_;
};

}  // namespace

Complaints lint(NodeConfig const& config, KubeVersion const& version) {
  return Linter(config, version).run();
}

}  // namespace haagent::bootstrap::kube
