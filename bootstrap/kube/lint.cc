#include "bootstrap/kube/lint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <regex>

#include "agent/base/cidr.h"
#include "bootstrap/kube/controller_manager.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/versions.h"

namespace haagent::bootstrap::kube {
namespace {

class Linter {
 public:
  Linter(NodeConfig const& config, KubeVersion const& version)
      : config_(config), version_(version) {}

  std::vector<Complaint> run() {
    for (auto component : kComponents) {
      component_ = component;
      flags();
      document();
    }
    authorization();
    endpoints();
    for (auto const& [key, value] : config_.node.labels) label("node.labels", key, value);
    taints();
    if (auto mask = node_cidr_flags(config_); !mask) complain("cluster.podCIDR", mask.error().what);
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
      if (auto what = complaint_about(component_, VersionRule::Form::flag, flag, version_);
          !what.empty()) {
        complain(path, what);
      }
      flag_value(path, flag, value);
    }
  }

  void flag_value(std::string const& path, std::string const& flag, std::string const& value) {
    bool from_file = component_ == Component::kubelet;
    auto bad = value.find_first_of(from_file ? " \t\r\n\"'\\" : "\r\n");
    if (bad != value.npos) {
      complain(path, from_file ? "a blank, quote or backslash does not survive the file from which "
                                 "systemd reads the kubelet's flags; use the kubelet.config key"
                               : "a flag's value is one line");
    }
    if (flag == "secure-port") {
      int port = 0;
      auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
      if (error != std::errc() || end != value.data() + value.size() || port < 1 || port > 65535) {
        complain(path, fmt::format("'{}' is no port between 1 and 65535", value));
      }
    }
    if (flag == "bind-address" && component_ != Component::kube_proxy && !parse_ip(value)) {
      complain(path, fmt::format("'{}' is no IP address", value));
    }
    if (flag == "node-labels") node_labels(path, value);
    if (component_ == Component::kube_proxy) ignored_by_kube_proxy(path, flag);
  }

  void ignored_by_kube_proxy(std::string const& path, std::string const& flag) {
    // Options.Complete() of kube-proxy: all but these is overwritten by the document.
    static constexpr std::array<std::string_view, 4> kRead = {"hostname-override", "master", "v",
                                                              "vmodule"};
    if (std::ranges::find(kRead, flag) != kRead.end() || flag.starts_with("log")) return;
    complain(path, fmt::format("kube-proxy ignores --{} beside its configuration document; set it "
                               "under kubeProxy.config",
                               flag));
  }

  void document() {
    auto const& config = settings_of(config_, component_).config;
    auto path = fmt::format("{}.config", key_of(component_));
    if (config.is_null()) return;
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
    for (auto const& rule : version_rules()) {
      if (rule.component != component_ || rule.form != VersionRule::Form::field) continue;
      auto const* stated = config.at_path(rule.name);
      if (!stated || stated->is_null()) continue;
      if (auto what = complaint_about(component_, rule.form, rule.name, version_); !what.empty()) {
        complain(fmt::format("{}.{}", path, rule.name), what);
      }
    }
  }

  void authorization() {
    auto const& extra = config_.apiserver.extra_args;
    if (!value_of(extra, "authorization-config", "").empty() &&
        !value_of(extra, "authorization-mode", "").empty()) {
      complain("apiserver.extraArgs.authorization-mode",
               "kube-apiserver takes either authorization-config or authorization-mode; take one "
               "out");
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

  void label(std::string const& path, std::string const& key, std::string const& value) {
    static std::regex const name(
        "([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?");
    static std::regex const content("([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?");
    auto at = fmt::format("{}.{}", path, key);
    if (!std::regex_match(key, name)) {
      return complain(at, fmt::format("'{}' is no label's name", key));
    }
    if (!std::regex_match(value, content)) {
      complain(at, fmt::format("'{}' is no label's value: letters, digits, '-', '_' and '.', 63 at "
                               "most, with a letter or digit at both ends",
                               value));
    }
    if (!kubelet_may_set(key)) {
      complain(at, fmt::format("the kubelet may not label its own node with '{}', and does not "
                               "start when told to; label the node as an administrator",
                               key));
    }
  }

  // options.ValidateKubeletFlags() and the kubelet's well-known labels.
  static bool kubelet_may_set(std::string_view key) {
    static constexpr std::array<std::string_view, 11> kOwn = {
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
    };
    auto slash = key.find('/');
    auto domain = slash == key.npos ? std::string_view() : key.substr(0, slash);
    auto within = [&](std::string_view parent) {
      return domain == parent ||
             (domain.ends_with(parent) && domain[domain.size() - parent.size() - 1] == '.');
    };
    if (!within("kubernetes.io") && !within("k8s.io")) return true;
    return std::ranges::find(kOwn, key) != kOwn.end() || within("kubelet.kubernetes.io") ||
           within("node.kubernetes.io");
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
  std::vector<Complaint> complaints_;
};

}  // namespace

std::vector<Complaint> lint(NodeConfig const& config, KubeVersion const& version) {
  return Linter(config, version).run();
}

}  // namespace haagent::bootstrap::kube
