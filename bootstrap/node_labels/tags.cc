#include "bootstrap/node_labels/tags.h"

#include <algorithm>
#include <array>

#include "agent/base/one_line.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/own_labels.h"

namespace haagent::bootstrap::node_labels {
namespace {

constexpr std::string_view kLabelTag = "k8s.io/cluster-autoscaler/node-template/label/";
constexpr std::string_view kTaintTag = "k8s.io/cluster-autoscaler/node-template/taint/";
constexpr std::size_t kMostOfATag = 256;

Message invalid(std::string_view instance_id, std::string_view tag, std::string_view value,
                std::string_view why) {
  return Message(Reason::NodeTagInvalid,
                 fmt::format("the tag {} = '{}' of {} {}", one_line(tag, kMostOfATag),
                             one_line(value, kMostOfATag), instance_id, why))
      .about(std::string(instance_id));
}

bool is_effect(std::string_view text) {
  return std::ranges::count(std::array{"NoSchedule", "PreferNoSchedule", "NoExecute"}, text) > 0;
}

}  // namespace

Marks marks_of(std::string_view instance_id, std::map<std::string, std::string> const& tags) {
  Marks marks;
  for (auto const& [tag, value] : tags) {
    if (tag.starts_with(kLabelTag)) {
      auto const key = tag.substr(kLabelTag.size());
      if (!kube::is_label_name(key))
        marks.invalid.push_back(invalid(instance_id, tag, value, "names no label"));
      else if (!kube::is_label_value(value))
        marks.invalid.push_back(invalid(instance_id, tag, value, "has no label's value"));
      else
        marks.labels[key] = value;
    } else if (tag.starts_with(kTaintTag)) {
      auto const key = tag.substr(kTaintTag.size());
      auto const colon = value.rfind(':');
      auto const effect = colon == value.npos ? std::string() : value.substr(colon + 1);
      auto const text = value.substr(0, std::min(colon, value.size()));
      if (!kube::is_label_name(key))
        marks.invalid.push_back(invalid(instance_id, tag, value, "names no taint"));
      else if (!is_effect(effect) || !kube::is_label_value(text))
        marks.invalid.push_back(
            invalid(instance_id, tag, value, "is no taint such as 'value:NoSchedule'"));
      else
        marks.taints.push_back({.key = key, .value = text, .effect = effect});
    }
  }
  return marks;
}

std::map<std::string, std::string> labels_of_master(NodeConfig const& config) {
  std::map<std::string, std::string> labels = {
      {"node-role.kubernetes.io/control-plane", ""},
      {"node.kubernetes.io/exclude-from-external-load-balancers", ""}};
  for (auto const& [key, value] : config.node.labels)
    if (!kube::kubelet_may_set_label(key)) labels[key] = value;
  return labels;
}

}  // namespace haagent::bootstrap::node_labels
