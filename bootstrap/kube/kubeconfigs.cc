#include "bootstrap/kube/kubeconfigs.h"

#include "agent/base/url.h"
#include "bootstrap/kube/apiserver.h"

namespace haagent::bootstrap::kube {

std::string server_of(Node const& node, EndpointMode mode) {
  if (mode == EndpointMode::replicated) return node.config.cluster.endpoint;
  return own_apiserver_url(node.config);
}

RenderedFile render_kubeconfig(Node const& node, std::string path, std::string_view user,
                               EndpointMode mode, ClientCertificate const& client) {
  auto const& cluster = node.config.cluster.name;
  auto context = fmt::format("{}@{}", user, cluster);
  auto named = [](std::string_view name, std::string_view key, Tree value) {
    return Tree::list({Tree::map({{"name", name}, {key, std::move(value)}})});
  };
  return yaml_file(
      std::move(path), 0600,
      Tree::map(
          {{"apiVersion", "v1"},
           {"kind", "Config"},
           {"clusters",
            named(cluster, "cluster",
                  Tree::map({{"certificate-authority", kCa}, {"server", server_of(node, mode)}}))},
           {"users",
            named(user, "user",
                  Tree::map({{"client-certificate", client.cert}, {"client-key", client.key}}))},
           {"contexts",
            named(context, "context", Tree::map({{"cluster", cluster}, {"user", user}}))},
           {"current-context", context}}));
}

}  // namespace haagent::bootstrap::kube
