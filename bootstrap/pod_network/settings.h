// The settings of a node's pod network: a file beside the other files of Kubernetes, so that the
// program that makes the network asks the apiserver alone.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/cidr.h"
#include "agent/base/result.h"
#include "agent/base/tree.h"

namespace haagent::bootstrap::pod_network {

struct Settings {
  std::string node;      // this node's name
  std::string endpoint;  // URL of the apiservers
  Cidr pods;             // the whole cluster's, IPv4
  int port = 8472;       // UDP, of VXLAN
};

Tree to_tree(Settings const& settings);
// Errors: invalid.
Result<Settings> parse_settings(std::string_view text);

}  // namespace haagent::bootstrap::pod_network
