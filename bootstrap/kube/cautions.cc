#include "bootstrap/kube/cautions.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <sstream>

#include "agent/base/cidr.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/pod_overlay.h"
#include "bootstrap/kube/record.h"
#include "bootstrap/kube/static_pod.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {
namespace {

namespace fs = std::filesystem;

constexpr char kResolvConf[] = "/etc/resolv.conf";
// systemd-resolved's: the servers that it asks itself.
constexpr char kResolvedServers[] = "/run/systemd/resolve/resolv.conf";

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    auto const end = std::min(text.find(at, from), text.size());
    if (end > from) parts.emplace_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

bool has(std::vector<std::string> const& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

class Cautions {
 public:
  Cautions(NodeConfig const& config, KubeVersion const& version)
      : config_(config), version_(version) {}

  std::vector<Complaint> run() {
    if (config_.role == Role::master) apiserver();
    labels();
    taints();
    node_name();
    if (apiserver_verifies_kubelets()) serving();
    eviction();
    return std::move(complaints_);
  }

 private:
  void caution(std::string path, std::string what) {
    complaints_.push_back({std::move(path), std::move(what)});
  }

  // As the program gets it: a pod overlay's command takes the place of all flags, its args come
  // behind them, and the last one counts. `path` becomes where it is said.
  std::string apiserver_flag(std::string_view flag, std::string_view fallback, std::string& path) {
    auto const& settings = config_.apiserver;
    path = fmt::format("apiserver.extraArgs.{}", flag);
    std::string value(fallback);
    for (auto const& [name, stated] : settings.extra_args)
      if (flag_name(name) == flag) value = stated;
    auto const own = own_command_line(config_, Component::apiserver);
    if (own.replaces) {
      value.clear();
      path = "apiserver.config";
    }
    for (auto const& [name, stated] : own.flags)
      if (name == flag) {
        value = stated;
        path = "apiserver.config";
      }
    return value;
  }

  void apiserver() {
    constexpr std::string_view kRestriction = "NodeRestriction";
    std::string path;
    auto const plugins = split(apiserver_flag("enable-admission-plugins", kRestriction, path), ',');
    if (!has(plugins, kRestriction))
      caution(path,
              "takes NodeRestriction away: a kubelet, or who has its certificate, may then "
              "change every other node and its pods; add NodeRestriction to the list");
    auto const disabled = split(apiserver_flag("disable-admission-plugins", "", path), ',');
    if (has(disabled, kRestriction))
      caution(path,
              "disables NodeRestriction: a kubelet, or who has its certificate, may then "
              "change every other node and its pods; take it out of the list");
    std::string unused;
    if (!apiserver_flag("authorization-config", "", unused).empty()) return;
    auto const modes = split(apiserver_flag("authorization-mode", "Node,RBAC", path), ',');
    if (modes.empty() || has(modes, "AlwaysAllow")) {
      caution(path, "lets everybody who is known do everything (AlwaysAllow); set Node,RBAC");
    } else if (!has(modes, "Node")) {
      caution(path,
              "takes the Node authorizer away: kubelets with certificates of the group "
              "system:nodes may do nothing then, and nodes do not come up; add Node");
    }
  }

  // A worker's config does not say; it does where nobody has taken the flag away.
  bool apiserver_verifies_kubelets() {
    std::string unused;
    return config_.role != Role::master ||
           !apiserver_flag("kubelet-certificate-authority", kCa, unused).empty();
  }

  // What comes in place of the certificate that haagent makes, or of the address that it is for.
  void serving() {
    if (config_.role == Role::master) {
      std::string path;
      auto const types =
          split(apiserver_flag("kubelet-preferred-address-types", kKubeletAddressTypes, path), ',');
      if (!types.empty() && types.front().starts_with("External"))
        caution(
            path,
            "kubelets' serving certificates are for names and addresses within the VPC, so that "
            "the apiserver would refuse them; put InternalIP first");
    }
    auto say = [&](std::string_view flag, std::string_view key, auto const& is_so,
                   std::string_view what) {
      auto const& document = config_.kubelet.config;
      if (auto const* value = kubelet_flag(flag); value && is_so(*value))
        caution(fmt::format("kubelet.extraArgs.{}", flag), std::string(what));
      if (!key.empty() && document.is_map() && is_so(document.text_at(key)))
        caution(fmt::format("kubelet.config.{}", key), std::string(what));
    };
    auto const is_set = [](std::string_view value) { return !value.empty(); };
    auto const is_on = [](std::string_view value) { return value == "true"; };
    say("tls-cert-file", "tlsCertFile", is_set,
        "the apiserver takes a kubelet's serving certificate only if the cluster's authority has "
        "signed it for the node's address, and haagent does not renew this one; take it out");
    say(
        "cert-dir", "",
        [](std::string_view value) { return !value.empty() && value != kKubeletPki; },
        "the kubelet makes a serving certificate of its own there, which the apiserver refuses; "
        "take it out");
    say("rotate-server-certificates", "serverTLSBootstrap", is_on,
        "nothing here approves the serving certificate that the kubelet then asks for, and until "
        "it is approved, the kubelet serves neither logs nor exec; remove it: haagent makes and "
        "renews one");
  }

  std::string const* kubelet_flag(std::string_view flag) const {
    for (auto const& [name, value] : config_.kubelet.extra_args)
      if (flag_name(name) == flag) return &value;
    return nullptr;
  }

  void labels() {
    if (!kubelet_flag("node-labels")) return;
    caution("kubelet.extraArgs.node-labels",
            fmt::format("replaces the labels of zone, region and instance type{}; write labels "
                        "under node.labels, which adds to them",
                        config_.node.labels.empty() ? "" : ", and node.labels"));
  }

  void taints() {
    std::string const lost =
        fmt::format("{}{}", config_.role == Role::master ? "the master's own taint" : "",
                    config_.node.taints.empty()    ? ""
                    : config_.role == Role::master ? " and node.taints"
                                                   : "node.taints");
    auto say = [&](std::string path, std::string_view how) {
      caution(std::move(path),
              fmt::format("{}{}; write taints under node.taints, which adds to them", how,
                          lost.empty() ? "" : ": " + lost + " would be gone"));
    };
    if (kubelet_flag("register-with-taints"))
      say("kubelet.extraArgs.register-with-taints",
          "a flag goes before the document's registerWithTaints");
    auto const& document = config_.kubelet.config;
    if (document.is_map() && document.find("registerWithTaints") && !lost.empty())
      say("kubelet.config.registerWithTaints", "replaces the list that is rendered");
    auto const off = [](std::string_view text) { return text == "false"; };
    auto const* flag = kubelet_flag("register-node");
    if (flag && off(*flag))
      caution("kubelet.extraArgs.register-node",
              "then nothing registers this node, with its labels and taints; remove it");
    if (document.is_map() && off(document.text_at("registerNode")))
      caution("kubelet.config.registerNode",
              "then nothing registers this node, with its labels and taints; remove it");
  }

  // Certificates are made for the instance's name.
  void node_name() {
    if (kubelet_flag("hostname-override"))
      caution("kubelet.extraArgs.hostname-override",
              "a name that is not the instance's: the kubelet's certificate is for that one, and "
              "the apiserver lets it change no other node; take it out");
    auto const& proxy = config_.kube_proxy.config;
    if (proxy.is_map() && proxy.find("hostnameOverride"))
      caution("kubeProxy.config.hostnameOverride",
              "a name that is not the node's: kube-proxy then takes this node's own endpoints for "
              "another's; take it out");
  }

  // What is not written in it is not the default, but nothing.
  void eviction() {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kDefaults = {{
        {"memory.available", "100Mi"},
        {"nodefs.available", "10%"},
        {"nodefs.inodesFree", "5%"},
        {"imagefs.available", "15%"},
        {"imagefs.inodesFree", "5%"},
    }};
    auto say = [&](std::string path, auto const& states) {
      std::vector<std::string> missing;
      for (auto const& [signal, threshold] : kDefaults)
        if (!states(signal)) missing.push_back(fmt::format("{}: {}", signal, threshold));
      if (missing.empty()) return;
      caution(std::move(path),
              fmt::format("replaces the kubelet's defaults as a whole, and what is missing counts "
                          "as nothing: add {}{}",
                          fmt::join(missing, ", "),
                          version_.minor >= 33
                              ? ", or set kubelet.config.mergeDefaultEvictionSettings: true"
                              : ""));
    };
    auto const& document = config_.kubelet.config;
    if (document.is_map() && document.text_at("mergeDefaultEvictionSettings") == "true") return;
    auto const* flag = kubelet_flag("eviction-hard");
    if (flag && !flag->empty())
      say("kubelet.extraArgs.eviction-hard", [&](std::string_view signal) {
        return std::ranges::any_of(split(*flag, ','), [&](std::string const& part) {
          return part.starts_with(signal) && part.substr(signal.size(), 1) == "<";
        });
      });
    auto const* hard = document.is_map() ? document.find("evictionHard") : nullptr;
    if (!flag && hard && hard->is_map())
      say("kubelet.config.evictionHard", [&](std::string_view signal) {
        auto const* value = hard->find(signal);
        return value && !value->is_null();
      });
  }

  NodeConfig const& config_;
  KubeVersion const& version_;
  std::vector<Complaint> complaints_;
};

std::string text_of(fs::path const& path) {
  auto const text = read_file(path, 1u << 20u);
  return text && *text ? **text : "";
}

// The servers that a resolv.conf names.
std::vector<std::string> servers_of(std::string const& text) {
  std::vector<std::string> servers;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, server;
    if (words >> key >> server && key == "nameserver") servers.push_back(server);
  }
  return servers;
}

bool is_loopback(std::string const& server) {
  return server.starts_with("127.") || server == "::1";
}

bool names_loopback_alone(std::string const& text) {
  auto const servers = servers_of(text);
  return !servers.empty() && std::ranges::all_of(servers, is_loopback);
}

void about_address(NodeConfig const& config, Identity const& identity,
                   std::vector<Complaint>& complaints) {
  for (auto const& [path, text, whose] :
       {std::tuple("cluster.serviceCIDR", config.cluster.service_cidr, "services"),
        std::tuple("cluster.podCIDR", config.cluster.pod_cidr, "pods")}) {
    auto const ranges = parse_cidrs(text);
    if (!ranges) continue;
    std::set<std::string> addresses{identity.address, identity.ipv4, identity.ipv6};
    for (auto const& address : addresses) {
      auto const ip = parse_ip(address);
      if (!ip) continue;
      for (auto const& range : *ranges)
        if (range.contains(*ip))
          complaints.push_back(
              {path, fmt::format(
                         "{} holds {}, the address of this node: what is sent to it from pods may "
                         "end in the {}' network; take a range apart from the VPC's",
                         to_string(range), address, whose)});
    }
  }
}

// The apiserver reaches the kubelet at the first of a Node's internal addresses.
void about_node_ip(NodeConfig const& config, Identity const& identity,
                   std::vector<Complaint>& complaints) {
  std::string stated;
  for (auto const& [name, value] : config.kubelet.extra_args)
    if (flag_name(name) == "node-ip") stated = value;
  auto const own = {parse_ip(identity.address), parse_ip(identity.ipv4), parse_ip(identity.ipv6)};
  for (auto const& text : split(stated, ',')) {
    auto const ip = parse_ip(text);
    if (!ip || text == "0.0.0.0" || text == "::" || std::ranges::find(own, ip) != own.end())
      continue;
    complaints.push_back(
        {"kubelet.extraArgs.node-ip",
         fmt::format("the kubelet's serving certificate is not for {}, at which the apiserver then "
                     "asks for logs and exec; take it out",
                     text)});
  }
}

void about_resolver(NodeConfig const& config, Root const& root,
                    std::vector<Complaint>& complaints) {
  std::string path = "kubelet.config.resolvConf", stated;
  auto const& document = config.kubelet.config;
  if (document.is_map()) stated = document.text_at("resolvConf");
  for (auto const& [name, value] : config.kubelet.extra_args)
    if (flag_name(name) == "resolv-conf") {
      path = "kubelet.extraArgs.resolv-conf";
      stated = value;
    }
  auto const better = resolv_conf_for_pods(root);
  auto const in_use = !stated.empty()   ? stated
                      : !better.empty() ? better
                                        : std::string(kResolvConf);
  if (!names_loopback_alone(text_of(root(in_use)))) return;
  complaints.push_back(
      {stated.empty() ? "" : path,
       fmt::format(
           "{} names servers on the loopback alone, which no pod reaches: the cluster's DNS "
           "would ask itself for ever; {}",
           in_use,
           !better.empty() ? "take the key out, and " + better + " is used"
                           : "set kubelet.config.resolvConf to a file with the servers that "
                             "the instance asks")});
}

void about_manifests(NodeConfig const& config, Root const& root,
                     std::vector<Complaint>& complaints) {
  std::set<std::string> ours;
  for (auto component : kComponents)
    if (component != Component::kubelet) ours.insert(manifest_path(component));
  if (auto const record = read_record(root))
    for (auto const& [path, hash] : *record) ours.insert(path);
  auto const* folder = config.kubelet.config.is_map() && config.kubelet.config.find("staticPodPath")
                           ? nullptr  // another folder, which is not ours to look into
                           : kManifests;
  if (!folder) return;
  std::vector<std::string> others;
  std::error_code error;
  for (auto at = fs::directory_iterator(root(folder), error); !error && at != fs::end(at);
       at.increment(error)) {
    auto const name = at->path().filename().string();
    std::error_code unreadable;
    if (name.starts_with('.') || !fs::is_regular_file(at->path(), unreadable)) continue;
    if (auto const path = fmt::format("{}/{}", folder, name); !ours.contains(path))
      others.push_back(name);
  }
  if (others.empty()) return;
  std::ranges::sort(others);
  complaints.push_back(
      {"",
       fmt::format("{} holds {}, which haagent has not written: the kubelet runs every file there "
                   "whose name does not begin with a dot, whatever it ends with; move what is "
                   "no pod of yours out of the folder",
                   folder, fmt::join(others, ", "))});
}

}  // namespace

std::vector<Complaint> cautions(NodeConfig const& config, KubeVersion const& version) {
  return Cautions(config, version).run();
}

std::string resolv_conf_for_pods(Root const& root) {
  if (!names_loopback_alone(text_of(root(kResolvConf)))) return "";
  auto const behind = text_of(root(kResolvedServers));
  return servers_of(behind).empty() || names_loopback_alone(behind) ? "" : kResolvedServers;
}

std::vector<Complaint> cautions_here(NodeConfig const& config, Identity const& identity,
                                     Root const& root) {
  std::vector<Complaint> complaints;
  about_address(config, identity, complaints);
  about_node_ip(config, identity, complaints);
  about_resolver(config, root, complaints);
  about_manifests(config, root, complaints);
  return complaints;
}

}  // namespace haagent::bootstrap::kube
