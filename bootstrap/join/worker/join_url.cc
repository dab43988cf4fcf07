#include "bootstrap/join/worker/join_url.h"

#include <fmt/format.h>

#include "agent/base/url.h"

namespace haagent::bootstrap::join {

std::string join_url(NodeConfig const& config) {
  if (!config.cluster.join_endpoint.empty()) return config.cluster.join_endpoint;
  auto const endpoint = split_url(config.cluster.endpoint);
  return endpoint ? fmt::format("https://{}:{}", url_host(endpoint->host), kJoinPort) : "";
}

}  // namespace haagent::bootstrap::join
