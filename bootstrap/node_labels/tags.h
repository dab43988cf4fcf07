// What the tags of an instance mean for its Node, in cluster-autoscaler's and kops' own form:
//
//   k8s.io/cluster-autoscaler/node-template/label/<label>  = <value>
//   k8s.io/cluster-autoscaler/node-template/taint/<key>    = <value>:<effect>
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/message.h"
#include "agent/base/node_config.h"

namespace haagent::bootstrap::node_labels {

struct Marks {
  std::map<std::string, std::string> labels;
  std::vector<Taint> taints;
  std::vector<Message> invalid = {};  // tags that are meant so and cannot be
  bool is_empty() const { return labels.empty() && taints.empty(); }
};
Marks marks_of(std::string_view instance_id, std::map<std::string, std::string> const& tags);

// What a master's Node has, whatever its tags say: the role, no traffic of load balancers of
// services, and the labels of the configuration that its kubelet may not set.
std::map<std::string, std::string> labels_of_master(NodeConfig const& config);

}  // namespace haagent::bootstrap::node_labels
