#include "bootstrap/kube/host_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>

#include "agent/base/yaml.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/pod_overlay.h"
#include "bootstrap/layout/content_hash.h"

namespace haagent::bootstrap::kube {
namespace {

namespace fs = std::filesystem;
using Use = NamedPath::Use;

// Of kube-apiserver, kube-controller-manager, kube-scheduler and kube-proxy 1.31 to 1.37; a name
// means the same in each of them. Those that are asked of a program (plugins) are not among them.
struct FlagOfPath {
  std::string_view flag;
  Use use;
};
constexpr FlagOfPath kFlags[] = {
    {"admission-control-config-file", Use::reads},
    {"audit-log-path", Use::writes},
    {"audit-policy-file", Use::reads},
    {"audit-webhook-config-file", Use::reads},
    {"authentication-config", Use::reads},
    {"authentication-kubeconfig", Use::reads},
    {"authentication-token-webhook-config-file", Use::reads},
    {"authorization-config", Use::reads},
    {"authorization-kubeconfig", Use::reads},
    {"authorization-policy-file", Use::reads},
    {"authorization-webhook-config-file", Use::reads},
    {"cert-dir", Use::fills},
    {"client-ca-file", Use::reads},
    {"cloud-config", Use::reads},
    {"cluster-signing-cert-file", Use::reads},
    {"cluster-signing-key-file", Use::reads},
    {"cluster-signing-kube-apiserver-client-cert-file", Use::reads},
    {"cluster-signing-kube-apiserver-client-key-file", Use::reads},
    {"cluster-signing-kubelet-client-cert-file", Use::reads},
    {"cluster-signing-kubelet-client-key-file", Use::reads},
    {"cluster-signing-kubelet-serving-cert-file", Use::reads},
    {"cluster-signing-kubelet-serving-key-file", Use::reads},
    {"cluster-signing-legacy-unknown-cert-file", Use::reads},
    {"cluster-signing-legacy-unknown-key-file", Use::reads},
    {"config", Use::reads},
    {"debug-socket-path", Use::writes},
    {"egress-selector-config-file", Use::reads},
    {"encryption-provider-config", Use::reads},
    {"etcd-cafile", Use::reads},
    {"etcd-certfile", Use::reads},
    {"etcd-keyfile", Use::reads},
    {"flex-volume-plugin-dir", Use::fills},
    {"kubeconfig", Use::reads},
    {"kubelet-certificate-authority", Use::reads},
    {"kubelet-client-certificate", Use::reads},
    {"kubelet-client-key", Use::reads},
    {"leader-migration-config", Use::reads},
    {"oidc-ca-file", Use::reads},
    {"peer-ca-file", Use::reads},
    {"proxy-client-cert-file", Use::reads},
    {"proxy-client-key-file", Use::reads},
    {"pv-recycler-pod-template-filepath-hostpath", Use::reads},
    {"pv-recycler-pod-template-filepath-nfs", Use::reads},
    {"requestheader-client-ca-file", Use::reads},
    {"root-ca-file", Use::reads},
    {"service-account-key-file", Use::reads},
    {"service-account-private-key-file", Use::reads},
    {"service-account-signing-endpoint", Use::connects},
    {"service-account-signing-key-file", Use::reads},
    {"tls-cert-file", Use::reads},
    {"tls-private-key-file", Use::reads},
    {"token-auth-file", Use::reads},
    {"tracing-config-file", Use::reads},
};

bool is_absolute(std::string_view path) {
  return path.starts_with('/');
}

std::string cleaned(std::string const& path) {
  auto text = fs::path(path).lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::string folder_of(std::string const& path) {
  return fs::path(path).parent_path().string();
}

bool lies_in(std::string_view path, std::string_view folder) {
  return path == folder || folder == "/" ||
         (path.starts_with(folder) && path.substr(folder.size(), 1) == "/");
}

// A pod that mounted them would see keys and settings of others.
bool is_of_many(std::string_view folder) {
  static constexpr std::array<std::string_view, 17> kFolders = {"/",
                                                                "/etc",
                                                                "/etc/kubernetes",
                                                                "/etc/kubernetes/manifests",
                                                                "/var",
                                                                "/run",
                                                                "/lib",
                                                                "/var/lib",
                                                                "/var/lib/kubelet",
                                                                "/var/lib/kubelet/pki",
                                                                "/var/run",
                                                                "/usr",
                                                                "/opt",
                                                                "/root",
                                                                "/home",
                                                                "/srv",
                                                                "/tmp"};
  return std::ranges::find(kFolders, folder) != kFolders.end() || lies_in(folder, "/etc/haagent") ||
         lies_in(folder, "/var/lib/haagent");
}

// What a path of a file is relative to; empty: it is none that is followed.
std::string resolved(std::string const& text, std::string const& folder) {
  if (text.empty()) return "";
  return cleaned(is_absolute(text) ? text : folder + "/" + text);
}

class Walk {
 public:
  Walk(NamedPath const& from, std::vector<NamedPath>& into)
      : from_(from), folder_(folder_of(from.path)), into_(into) {}

  void document(Tree const& tree) {
    // Its plugins' files are relative to it.
    if (tree.text_at("kind") == "AdmissionConfiguration")
      if (auto const* plugins = tree.find("plugins"))
        for (auto const& plugin : plugins->items()) add(plugin.text_at("path"));
    below(tree);
  }

 private:
  void below(Tree const& tree) {
    for (auto const& item : tree.items()) below(item);
    for (auto const& entry : tree.entries()) {
      if (entry.value.is_string()) {
        value(entry.key, entry.value.text());
      } else {
        below(entry.value);
      }
    }
  }
  void value(std::string_view key, std::string const& text) {
    // Of kubeconfigs, relative to them.
    static constexpr std::array<std::string_view, 4> kOfKubeconfigs = {
        "certificate-authority", "client-certificate", "client-key", "tokenFile"};
    // Of egress selectors and extenders, and kubeconfigs that a document names. Elsewhere a
    // caBundle is no path.
    static constexpr std::array<std::string_view, 8> kAbsolute = {
        "kubeConfigFile", "kubeconfig", "caBundle", "clientKey",
        "clientCert",     "certFile",   "keyFile",  "caFile"};
    if (std::ranges::find(kOfKubeconfigs, key) != kOfKubeconfigs.end()) return add(text);
    if (std::ranges::find(kAbsolute, key) != kAbsolute.end() && is_absolute(text) &&
        !text.contains('\n'))
      return add(text);
    if (key == "udsName" && is_absolute(text)) return add(text, Use::connects);
    constexpr std::string_view kUnix = "unix://";
    if (key == "endpoint" && text.starts_with(kUnix) && is_absolute(text.substr(kUnix.size())) &&
        !text.contains('@'))
      add(text.substr(kUnix.size()), Use::connects);
  }
  void add(std::string const& text, Use use = Use::reads) {
    if (auto path = resolved(text, folder_); !path.empty())
      into_.push_back({from_.key, std::move(path), use});
  }

  NamedPath const& from_;
  std::string const folder_;
  std::vector<NamedPath>& into_;
};

// The user's own mounts of the component's container: where, and what of the host is there.
struct OwnMount {
  std::string at;
  std::string host;  // empty: nothing of the host
};
std::vector<OwnMount> own_mounts(Tree const& overlay) {
  std::vector<OwnMount> mounts;
  auto const* containers = overlay.is_map() ? overlay.at_path("spec.containers") : nullptr;
  auto const* volumes = overlay.is_map() ? overlay.at_path("spec.volumes") : nullptr;
  if (!containers) return mounts;
  for (auto const& container : containers->items()) {
    auto const* list = container.find("volumeMounts");
    if (!list) continue;
    for (auto const& mount : list->items()) {
      OwnMount own{cleaned(mount.text_at("mountPath")), ""};
      if (!is_absolute(own.at)) continue;
      if (volumes)
        for (auto const& volume : volumes->items())
          if (volume.text_at("name") == mount.text_at("name"))
            if (auto const* host = volume.find("hostPath"))
              own.host = cleaned(host->text_at("path"));
      mounts.push_back(std::move(own));
    }
  }
  // The innermost decides.
  std::ranges::sort(mounts, std::greater(), [](OwnMount const& mount) { return mount.at.size(); });
  return mounts;
}

OwnMount const* covering(std::vector<OwnMount> const& mounts, std::string const& path) {
  auto const found =
      std::ranges::find_if(mounts, [&](OwnMount const& mount) { return lies_in(path, mount.at); });
  return found == mounts.end() ? nullptr : &*found;
}

// Where the host has it; empty: not on the host.
std::string on_host(std::vector<OwnMount> const& mounts, std::string const& path) {
  auto const* mount = covering(mounts, path);
  if (!mount) return path;
  if (mount->host.empty()) return "";
  return cleaned(mount->host + path.substr(mount->at.size()));
}

// "/etc/kubernetes/audit" is "host-etc-kubernetes-audit": a volume's name is a DNS label.
std::string volume_name(std::string const& path) {
  std::string name = "host";
  for (char c : path) {
    bool const fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    name += fits ? c : '-';
  }
  auto const plain = std::ranges::none_of(path, [](char c) {
    return c != '/' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-';
  });
  // Two paths that differ in other letters have two names.
  if (plain && name.size() <= 63) return name;
  return name.substr(0, 46) + "-" + content_hash(path);
}

}  // namespace

std::vector<NamedPath> named_paths(NodeConfig const& config, Component component) {
  std::vector<NamedPath> paths;
  if (component == Component::kubelet) return paths;
  auto const& settings = settings_of(config, component);
  std::vector<std::array<std::string, 3>> flags;  // key, flag, value
  for (auto const& [name, value] : settings.extra_args)
    flags.push_back(
        {fmt::format("{}.extraArgs.{}", key_of(component), name), flag_name(name), value});
  for (auto const& [flag, value] : own_command_line(config, component).flags)
    flags.push_back({fmt::format("{}.config", key_of(component)), flag, value});
  for (auto const& [key, flag, value] : flags) {
    if (flag == "tls-sni-cert-key") {  // "certificate,key:domain,domain"
      auto const files = value.substr(0, value.find(':'));
      auto const comma = files.find(',');
      for (auto const& file :
           {files.substr(0, comma), comma == files.npos ? std::string() : files.substr(comma + 1)})
        if (is_absolute(file)) paths.push_back({key, cleaned(file), Use::reads});
      continue;
    }
    auto const known = std::ranges::find(kFlags, flag, &FlagOfPath::flag);
    // "-" is standard output, and "@..." an abstract socket.
    if (known == std::end(kFlags) || !is_absolute(value)) continue;
    paths.push_back({key, cleaned(value), known->use});
  }
  if (component == Component::kube_proxy || component == Component::scheduler)
    Walk({fmt::format("{}.config", key_of(component)), "/"}, paths).document(settings.config);
  return paths;
}

std::vector<Complaint> relative_paths(NodeConfig const& config) {
  std::vector<Complaint> complaints;
  for (auto component : kComponents) {
    if (component == Component::kubelet) continue;
    for (auto const& [name, value] : settings_of(config, component).extra_args) {
      bool const names =
          std::ranges::find(kFlags, flag_name(name), &FlagOfPath::flag) != std::end(kFlags);
      if (!names || value.empty() || value == "-" || value.starts_with('@') || is_absolute(value))
        continue;
      complaints.push_back(
          {fmt::format("{}.extraArgs.{}", key_of(component), name),
           fmt::format("'{}' is no absolute path, and {} runs in a container; name the file as it "
                       "is on the host",
                       value, program_of(component))});
    }
  }
  return complaints;
}

std::vector<NamedPath> named_in(NamedPath const& file, std::string_view text) {
  std::vector<NamedPath> paths;
  if (auto const tree = yaml::parse(text)) Walk(file, paths).document(*tree);
  return paths;
}

std::vector<HostPath> mounts_for(std::vector<NamedPath> const& paths,
                                 std::vector<HostPath> const& has, Tree const& overlay) {
  auto const own = own_mounts(overlay);
  std::vector<HostPath> mounts;
  auto const is_there = [&](HostPath const& wanted) {
    auto covers = [&](HostPath const& mount) {
      bool const file = mount.type.starts_with("File");
      bool const writes = !wanted.read_only && mount.read_only;
      return !writes && (file ? wanted.path == mount.path : lies_in(wanted.path, mount.path));
    };
    return std::ranges::any_of(has, covers) || std::ranges::any_of(mounts, covers);
  };
  auto const add = [&](HostPath wanted) {
    if (covering(own, wanted.path) || is_there(wanted)) return;
    wanted.name = volume_name(wanted.path);
    // A folder takes the place of what lies in it.
    std::erase_if(mounts, [&](HostPath const& mount) {
      return !wanted.type.starts_with("File") && lies_in(mount.path, wanted.path) &&
             (mount.read_only || !wanted.read_only);
    });
    mounts.push_back(std::move(wanted));
  };
  for (auto const& named : paths) {
    // The file's own mount by the user, or by the pod, and not only its folder's.
    if (covering(own, named.path) || is_there({"", named.path, "File"})) {
      if (named.use == Use::reads) continue;
    }
    auto const folder = folder_of(named.path);
    switch (named.use) {
      case Use::reads:
        add(is_of_many(folder) ? HostPath{"", named.path, "File"}
                               : HostPath{"", folder, "Directory"});
        break;
      case Use::writes:
        add({"", folder, "DirectoryOrCreate", false});
        break;
      case Use::fills:
        add({"", named.path, "DirectoryOrCreate", false});
        break;
      case Use::connects:
        add({"", folder, "DirectoryOrCreate"});
        break;
    }
  }
  std::ranges::sort(mounts, {}, &HostPath::path);
  return mounts;
}

void mount_host_files(Node const& node, StaticPod& pod) {
  auto paths = named_paths(node.config, pod.component);
  if (auto const inside = node.host.named_inside.find(pod.component);
      inside != node.host.named_inside.end())
    paths.insert(paths.end(), inside->second.begin(), inside->second.end());
  auto const mounts = mounts_for(paths, pod.mounts, pod_overlay(node.config, pod.component));
  pod.mounts.insert(pod.mounts.end(), mounts.begin(), mounts.end());
}

Result<HostFiles> look_at_host_files(Root const& root, NodeConfig const& config) {
  HostFiles found;
  constexpr std::size_t kMostFiles = 200, kCap = 4u << 20u;
  for (auto component : kComponents) {
    // A worker has one pod of ours.
    if (config.role == Role::worker && component != Component::kube_proxy) continue;
    auto const own = own_mounts(pod_overlay(config, component));
    auto queue = named_paths(config, component);
    auto const by_flags = queue.size();
    std::set<std::string> seen;
    for (std::size_t i = 0; i < queue.size() && i < kMostFiles; ++i) {
      auto const named = queue[i];
      if (i >= by_flags) found.named_inside[component].push_back(named);
      if (named.use != Use::reads || !seen.insert(named.path).second) continue;
      auto const path = on_host(own, named.path);
      if (path.empty()) continue;
      // Who looks by hand would see another folder of that name than the agent does.
      if (lies_in(path, "/tmp") || lies_in(path, "/var/tmp")) {
        found.missing.push_back(
            {named.key,
             fmt::format("names {}{}, where haagent.service does not look: systemd gives it a /tmp "
                         "and a /var/tmp of its own; put it into a folder below /etc",
                         i < by_flags ? "" : "a file that names ", path)});
        continue;
      }
      auto const text = read_file(root(path), kCap);
      if (!text && text.error().code != std::errc::is_a_directory &&
          text.error().code != std::errc::not_a_directory)
        return std::unexpected(text.error());
      if (!text || !*text) {
        found.missing.push_back(
            {named.key,
             fmt::format("names {}{}, which is {}: {} does not start without it; put it there, or "
                         "take the {} out",
                         i < by_flags ? "" : "a file that names ", path,
                         text ? "not on this machine" : "no file", program_of(component),
                         named.key.contains(".extraArgs.") ? "flag" : "key")});
        continue;
      }
      // In the pod a link leads to where it says, which is to be there as well.
      std::error_code none;
      if (path == named.path && fs::is_symlink(root(path), none))
        queue.push_back({named.key,
                         resolved(fs::read_symlink(root(path), none).string(), folder_of(path)),
                         Use::reads});
      for (auto& inside : named_in(named, **text)) queue.push_back(std::move(inside));
    }
  }
  return found;
}

}  // namespace haagent::bootstrap::kube
