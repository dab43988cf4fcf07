// What is to be written to a Node, from what is there and what is wanted: pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/node_config.h"
#include "agent/base/tree.h"

namespace haagent::bootstrap::node_labels {

inline constexpr char kConfigManager[] = "haagent";
inline constexpr char kTagsManager[] = "haagent-ec2-tags";
// Which taints of the Node are of tags: "example.com/gpu:NoSchedule,...".
inline constexpr char kTaintsAnnotation[] = "haagent.io/ec2-taints";

struct LabelsDecision {
  std::optional<Tree> apply;             // by that manager; nothing: all is as it should be
  std::vector<std::string> conflicts{};  // labels that somebody else has given another value
};
LabelsDecision decide_labels(Tree const& node, std::string_view manager,
                             std::map<std::string, std::string> const& wanted);

struct TaintsDecision {
  std::optional<Tree> patch;             // a merge patch on what was seen
  std::vector<std::string> conflicts{};  // keys with an effect that somebody else has set
};
TaintsDecision decide_taints(Tree const& node, std::vector<Taint> const& wanted);

}  // namespace haagent::bootstrap::node_labels
