#include "bootstrap/kube/static_pod.h"

#include <algorithm>

#include "bootstrap/kube/images.h"
#include "bootstrap/layout/content_hash.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {
namespace {

Tree probe(Probes const& probes, std::string const& path, int delay, int period, int failures) {
  auto target = Tree::map(
      {{"host", probes.host}, {"port", Tree::scalar(Tree::Type::number, probes.port, {})}});
  if (!probes.tcp) {
    target.set("path", path);
    target.set("scheme", "HTTPS");
  }
  auto tree = Tree::map({{probes.tcp ? "tcpSocket" : "httpGet", target},
                         {"periodSeconds", period},
                         {"timeoutSeconds", 15},
                         {"failureThreshold", failures}});
  if (delay > 0) tree.set("initialDelaySeconds", delay);
  return tree;
}

std::string_view identity_of(Tree const& item) {
  for (auto const* key : {"mountPath", "name"}) {
    if (auto const* value = item.find(key); value && value->is_string()) return value->text();
  }
  return {};
}

bool named(Tree const& list) {
  return list.is_list() && std::ranges::none_of(list.items(), [](Tree const& item) {
           return identity_of(item).empty();
         });
}

}  // namespace

std::string hash_of_reads(std::vector<RenderedFile const*> const& reads) {
  std::string all;
  for (auto const* file : reads) all += file->path + '\0' + file->bytes + '\0';
  return content_hash(all);
}

Tree to_tree(Node const& node, StaticPod const& pod) {
  std::string program(program_of(pod.component));
  auto container = Tree::map({{"name", program},
                              {"image", image_of(node.config, node.version, pod.component)},
                              {"imagePullPolicy", "IfNotPresent"},
                              {"command", Tree::list({pod.command.begin(), pod.command.end()})}});
  if (pod.probes) {
    // kubeadm's numbers: up to four minutes to start.
    auto const& probes = *pod.probes;
    container.set("startupProbe", probe(probes, probes.live, 10, 10, 24));
    container.set("livenessProbe", probe(probes, probes.live, 10, 10, 8));
    if (!probes.ready.empty()) {
      container.set("readinessProbe", probe(probes, probes.ready, 0, 1, 3));
    }
  }
  container.set("resources", Tree::map({{"requests", Tree::map({{"cpu", pod.cpu}})}}));
  if (pod.privileged) container.set("securityContext", Tree::map({{"privileged", true}}));

  auto mounts = Tree::list();
  auto volumes = Tree::list();
  for (auto const& mount : pod.mounts) {
    auto at = Tree::map({{"name", mount.name}, {"mountPath", mount.path}});
    if (mount.read_only) at.set("readOnly", true);
    mounts.push_back(at);
    volumes.push_back(
        Tree::map({{"name", mount.name},
                   {"hostPath", Tree::map({{"path", mount.path}, {"type", mount.type}})}}));
  }
  container.set("volumeMounts", mounts);

  auto metadata = Tree::map(
      {{"name", program},
       {"namespace", "kube-system"},
       {"labels",
        Tree::map({{"component", program},
                   {"tier", pod.component == Component::kube_proxy ? "node" : "control-plane"}})}});
  auto annotations = Tree::map();
  if (!pod.reads.empty()) annotations.set("haagent.io/config-hash", hash_of_reads(pod.reads));
  if (!pod.etcd_trust_hash.empty())
    annotations.set("haagent.io/etcd-trust-hash", pod.etcd_trust_hash);
  if (!annotations.entries().empty()) metadata.set("annotations", annotations);
  return Tree::map(
      {{"apiVersion", "v1"},
       {"kind", "Pod"},
       {"metadata", metadata},
       {"spec",
        Tree::map({{"containers", Tree::list({container})},
                   {"hostNetwork", true},
                   // The number too: without an apiserver nobody resolves the name.
                   {"priority", 2000001000},
                   {"priorityClassName", "system-node-critical"},
                   {"securityContext",
                    Tree::map({{"seccompProfile", Tree::map({{"type", "RuntimeDefault"}})}})},
                   {"volumes", volumes}})}});
}

Probes probe_target(Node const& node, Flags const& flags, std::string_view port) {
  auto bind = value_of(flags, "bind-address", node.everywhere());
  bool everywhere = bind == "0.0.0.0" || bind == "::";
  return {.host = everywhere ? node.loopback() : bind,
          .port = value_of(flags, "secure-port", port),
          .live = {},
          .ready = {}};
}

Tree merge_pod(Tree under, Tree const& over) {
  if (over.is_null()) return under;
  if (under.is_map() && over.is_map()) {
    for (auto const& [key, mark, value] : over.entries()) {
      if (value.is_null()) {
        under.erase(key);
      } else if (auto* existing = under.find(key)) {
        *existing = merge_pod(std::move(*existing), value);
      } else {
        under.set(key, merge(value.is_map() ? Tree::map() : Tree(), value));
      }
    }
    return under;
  }
  if (!named(under) || !named(over) || over.items().empty()) return over;
  for (auto const& item : over.items()) {
    auto existing = std::ranges::find(under.items(), identity_of(item), identity_of);
    if (existing == under.items().end()) {
      under.push_back(item);
    } else {
      *existing = merge_pod(std::move(*existing), item);
    }
  }
  return under;
}

std::string manifest_path(Component component) {
  return fmt::format("{}/{}.yaml", kManifests, program_of(component));
}

std::vector<HostPath> host_ca_mounts() {
  // Debian has the bundle in the first, Red Hat and Amazon Linux have links from there into the
  // second, which would point nowhere without it.
  return {{"ca-certs", "/etc/ssl/certs", "DirectoryOrCreate"},
          {"etc-pki", "/etc/pki", "DirectoryOrCreate"}};
}

}  // namespace haagent::bootstrap::kube
