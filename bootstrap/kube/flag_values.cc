#include "bootstrap/kube/flag_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "agent/base/nearest.h"
#include "bootstrap/kube/document_types.h"
#include "bootstrap/kube/flag_types.h"
#include "bootstrap/kube/flag_words.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {
namespace {

// What flags that old configurations carry were replaced by.
struct Advice {
  std::string_view program;  // empty: any
  std::string_view flag;
  std::string_view instead;
};
constexpr std::string_view kCloud =
    "cloud providers are outside of Kubernetes: the kubelet and kube-controller-manager are told "
    "external already";
constexpr std::array kAdvice = {
    Advice{"kube-apiserver", "cloud-config", kCloud},
    Advice{"kube-apiserver", "cloud-provider", kCloud},
    Advice{"kubelet", "cloud-config", kCloud},
    Advice{"kube-controller-manager", "concurrent-service-syncs", kCloud},
    Advice{"kubelet", "register-schedulable", "use node.taints"},
    Advice{"kubelet", "pod-infra-container-image",
           "set the sandbox image in containerd's configuration"},
    Advice{"kubelet", "container-runtime", "there is container-runtime-endpoint alone"},
    Advice{"kubelet", "network-plugin", "the container runtime configures CNI"},
    Advice{"kubelet", "cni-bin-dir", "the container runtime configures CNI"},
    Advice{"kubelet", "cni-conf-dir", "the container runtime configures CNI"},
    Advice{"kube-apiserver", "insecure-port", "there is secure-port alone"},
    Advice{"kube-apiserver", "port", "there is secure-port alone"},
    Advice{"kube-apiserver", "address", "use bind-address"},
    Advice{"kube-apiserver", "service-account-api-audiences", "use api-audiences"},
    Advice{"kube-apiserver", "experimental-encryption-provider-config",
           "use encryption-provider-config"},
    Advice{"kube-controller-manager", "pod-eviction-timeout", "pods are evicted by taints"},
    Advice{"kube-scheduler", "lock-object-name", "use leader-elect-resource-name"},
    Advice{"kube-scheduler", "lock-object-namespace", "use leader-elect-resource-namespace"},
};

std::string advice_for(Component component, std::string_view flag) {
  for (auto const& row : kAdvice) {
    if (row.program == program_of(component) && row.flag == flag) return std::string(row.instead);
  }
  return {};
}

std::vector<FlagRow> const& rows_of(Component component) {
  static std::vector<FlagRow> const none;
  auto found = tables().flags.find(program_of(component));
  return found == tables().flags.end() ? none : found->second;
}

Complaint unknown_flag(Component component, KubeVersion const& version, std::string_view flag,
                       std::string const& path) {
  auto program = fmt::format("{} {}", program_of(component), to_string(version));
  Minors in;
  for (auto const& row : rows_of(component)) {
    if (row.name == flag) in.add(row.in);
  }
  auto instead = advice_for(component, flag);
  Complaint complaint{.path = path};
  if (in.first() != 0) {
    complaint.what =
        fmt::format("{} has no --{}: {}", program, flag, when_known(in, version.minor));
    complaint.hint = instead.empty() ? "take it out" : "take it out: " + instead;
  } else {
    complaint.what = fmt::format("{} has no --{}", program, flag);
    complaint.hint = instead;
    if (instead.empty()) {
      complaint.hint = did_you_mean(closest(flag, names_in(rows_of(component), version.minor)));
    }
  }
  complaint.what += ", and an unknown flag stops the program";
  return complaint;
}

}  // namespace

void check_flag(Component component, KubeVersion const& version, std::string_view flag,
                std::string const& value, std::string const& path, Complaints& out) {
  auto const& rows = rows_of(component);
  auto row = std::ranges::find_if(
      rows, [&](FlagRow const& each) { return each.name == flag && each.in.has(version.minor); });
  if (row == rows.end()) {
    out.push_back(unknown_flag(component, version, flag, path));
    return;
  }
  // gates_of_flag tells what is wrong with gates.
  if (auto what = flag == "feature-gates" ? "" : not_of_type(row->type, value); !what.empty()) {
    std::string hint;
    if (row->type == "duration") hint = did_you_mean(as_duration(value));
    if (row->type == "bool") {
      static std::map<std::string_view, std::string_view> const words = {
          {"yes", "true"}, {"no", "false"}, {"on", "true"}, {"off", "false"}};
      auto found = words.find(value);
      if (found != words.end()) hint = did_you_mean(found->second);
    }
    out.push_back({.path = path, .what = std::move(what), .hint = std::move(hint)});
    return;
  }
  check_words(component, version, flag, value, path, out);
  if (row->deprecated.has(version.minor)) {
    out.push_back({.path = path,
                   .what = fmt::format("{} says that --{} is deprecated: a release to come removes "
                                       "it, and an unknown flag stops the program",
                                       program_of(component), flag),
                   .is_warning = true});
  }
}

std::vector<GateSetting> gates_of_flag(Component component, std::string const& value,
                                       std::string const& path, Complaints& out) {
  std::vector<GateSetting> settings;
  // The control plane's programs take "kube:Gate=true" as well, all of them in one of the two ways.
  bool prefixes = component != Component::kubelet && component != Component::kube_proxy;
  bool with = false;
  bool without = false;
  for (auto pair : split(value, ',')) {
    if (pair.empty()) continue;
    if (auto colon = pair.find(':'); prefixes && colon != pair.npos) {
      auto prefix = trim(pair.substr(0, colon));
      pair.remove_prefix(colon + 1);
      with = with || !prefix.empty();
      if (prefix != "kube" && !prefix.empty()) {
        out.push_back({.path = path,
                       .what = fmt::format("'{}' is no component of {} that has gates", prefix,
                                           program_of(component)),
                       .hint = "write kube:, or nothing, in front of a gate"});
        continue;
      }
    } else {
      without = true;
    }
    auto equals = pair.find('=');
    auto name = trim(pair.substr(0, equals));
    auto on = equals == pair.npos ? std::nullopt : go_boolean(trim(pair.substr(equals + 1)));
    if (!on) {
      out.push_back({.path = path,
                     .what = fmt::format("'{}' is no gate such as NodeSwap=true", pair),
                     .hint = ""});
      continue;
    }
    settings.push_back({.name = std::string(name), .on = *on, .path = path});
  }
  if (with && without) {
    out.push_back({.path = path, .what = "write kube: in front of all gates or of none"});
  }
  return settings;
}

}  // namespace haagent::bootstrap::kube
