#include "bootstrap/kube/serving_places.h"

#include <charconv>
#include <map>

#include "agent/base/url.h"
#include "agent/base/yaml.h"
#include "bootstrap/kube/flag_fields.h"
#include "bootstrap/kube/kube_proxy.h"
#include "bootstrap/kube/kubeconfigs.h"
#include "bootstrap/kube/kubelet.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr int kKubeletHealthz = 10248;
constexpr int kKubeletPort = 10250;
constexpr int kKubeProxyHealthz = 10256;

Result<Tree> document_of(RenderedFile const& file) {
  auto document = yaml::parse(file.bytes);
  if (!document) return fail(Kind::internal, "reading {}: {}", file.path, document.error().what);
  return *std::move(document);
}

// Who listens at all addresses is asked at the loopback.
std::string asked_at(std::string const& bound) {
  if (bound.empty() || bound == "0.0.0.0") return "127.0.0.1";
  return bound == "::" ? "::1" : bound;
}

int port_in(Tree const& document, std::string_view key, int otherwise) {
  auto const* port = document.find(key);
  return port ? static_cast<int>(port->as_integer().value_or(otherwise)) : otherwise;
}

std::optional<std::string> kubelet_healthz(Tree const& document) {
  auto const port = port_in(document, "healthzPort", kKubeletHealthz);
  if (port == 0) return std::nullopt;
  return fmt::format("http://{}:{}/healthz",
                     url_host(asked_at(document.text_at("healthzBindAddress"))), port);
}

// "0.0.0.0:10256", "[::]:10256", or an address alone, which gets the default's port. Not /healthz:
// that says no as well where the node is about to be deleted, which is nothing of kube-proxy's.
std::optional<std::string> kube_proxy_livez(std::string const& bound) {
  std::string host = bound, port;
  if (auto const end = bound.find(']'); bound.starts_with('[') && end != std::string::npos) {
    host = bound.substr(1, end - 1);
    if (bound.size() > end + 1) port = bound.substr(end + 2);
  } else if (auto const colon = bound.find(':');
             colon != std::string::npos && bound.find(':', colon + 1) == std::string::npos) {
    host = bound.substr(0, colon);
    port = bound.substr(colon + 1);
  }
  int number = kKubeProxyHealthz;
  std::from_chars(port.data(), port.data() + port.size(), number);
  if (number == 0) return std::nullopt;
  return fmt::format("http://{}:{}/livez", url_host(asked_at(host)), number);
}

}  // namespace

Result<ServingPlaces> serving_places(NodeConfig const& config, Identity const& identity) {
  auto const node = TRY(describe_node(config, identity));
  auto kubelet = TRY(document_of(render_kubelet_config(kubelet_document(node))));
  std::map<std::string, std::string> paths;
  kubelet = merge(std::move(kubelet), fields_of_flags(Component::kubelet, node.version,
                                                      config.kubelet.extra_args, paths));
  // Its flags count for nothing beside --config.
  auto const proxy = TRY(document_of(render_kube_proxy_config(node)));
  return ServingPlaces{
      .apiserver =
          server_of(node, node.is_master() ? EndpointMode::local : config.kubelet.endpoint),
      .kubelet = kubelet_healthz(kubelet),
      .kubelet_server = fmt::format("https://{}:{}", url_host(asked_at(kubelet.text_at("address"))),
                                    port_in(kubelet, "port", kKubeletPort)),
      .kube_proxy = kube_proxy_livez(proxy.text_at("healthzBindAddress"))};
}

}  // namespace haagent::bootstrap::kube
