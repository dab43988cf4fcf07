// What each Kubernetes version takes away and adds: flags, and fields of configuration documents.
// An unknown flag stops a component (kube-scheduler: an unknown field too), so what the stated
// version does not know is refused before it is written.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/component.h"

namespace haagent::bootstrap::kube {

struct VersionRule {
  enum class Form { flag, field };
  Component component;
  Form form;
  std::string_view name;    // flag without dashes, or the field's path: "tlsCurvePreferences"
  int from;                 // the first minor that has it; 0: all that are supported
  int until;                // the first minor without it; 0: none
  std::string_view advice;  // what to do, or empty: "set cloud-provider on the kubelet"
};
std::span<VersionRule const> version_rules();

// The complaint about one flag or field of one version; empty: none.
std::string complaint_about(Component component, VersionRule::Form form, std::string_view name,
                            KubeVersion const& version);

}  // namespace haagent::bootstrap::kube
