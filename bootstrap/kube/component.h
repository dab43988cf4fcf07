// The five programs that haagent writes configs for.
#pragma once

#include <string_view>

#include "agent/base/node_config.h"

namespace haagent::bootstrap::kube {

enum class Component { kubelet, kube_proxy, apiserver, controller_manager, scheduler };
inline constexpr Component kComponents[] = {Component::kubelet, Component::kube_proxy,
                                            Component::apiserver, Component::controller_manager,
                                            Component::scheduler};

// "kube-controller-manager": the binary, the image, the static pod.
std::string_view program_of(Component component);
// "controllerManager": the key in the node config.
std::string_view key_of(Component component);
// The document that its `config:` is merged over. apiserver and controller-manager have none of
// their own, so theirs is the static pod.
struct DocumentType {
  std::string_view api_version;
  std::string_view kind;
};
DocumentType document_type_of(Component component);
ComponentConfig const& settings_of(NodeConfig const& config, Component component);

}  // namespace haagent::bootstrap::kube
