#include "bootstrap/pod_network/settings.h"

#include "agent/base/yaml.h"

namespace haagent::bootstrap::pod_network {

Tree to_tree(Settings const& settings) {
  return Tree::map({{"node", settings.node},
                    {"endpoint", settings.endpoint},
                    {"podCIDR", to_string(settings.pods)},
                    {"port", settings.port}});
}

Result<Settings> parse_settings(std::string_view text) {
  auto const parsed = yaml::parse(text);
  if (!parsed)
    return fail(Kind::invalid, "the pod network's settings, line {}: {}", parsed.error().mark.line,
                parsed.error().what);
  auto const& tree = *parsed;
  Settings settings{
      .node = tree.text_at("node"), .endpoint = tree.text_at("endpoint"), .pods = {}, .port = 0};
  settings.pods = TRY_DURING(parse_cidr(tree.text_at("podCIDR")), "podCIDR");
  if (auto const* port = tree.find("port"))
    settings.port = static_cast<int>(port->as_integer().value_or(0));
  if (settings.node.empty() || settings.endpoint.empty() || settings.pods.network.v6 ||
      settings.port <= 0 || settings.port > 65535)
    return fail(Kind::invalid, "the pod network's settings lack a node, endpoint, range or port");
  return settings;
}

}  // namespace haagent::bootstrap::pod_network
