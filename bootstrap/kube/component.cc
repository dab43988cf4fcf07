#include "bootstrap/kube/component.h"

#include <utility>

namespace haagent::bootstrap::kube {

std::string_view program_of(Component component) {
  switch (component) {
    case Component::kubelet:
      return "kubelet";
    case Component::kube_proxy:
      return "kube-proxy";
    case Component::apiserver:
      return "kube-apiserver";
    case Component::controller_manager:
      return "kube-controller-manager";
    case Component::scheduler:
      return "kube-scheduler";
  }
  std::unreachable();
}

std::string_view key_of(Component component) {
  switch (component) {
    case Component::kubelet:
      return "kubelet";
    case Component::kube_proxy:
      return "kubeProxy";
    case Component::apiserver:
      return "apiserver";
    case Component::controller_manager:
      return "controllerManager";
    case Component::scheduler:
      return "scheduler";
  }
  std::unreachable();
}

DocumentType document_type_of(Component component) {
  switch (component) {
    case Component::kubelet:
      return {"kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"};
    case Component::kube_proxy:
      return {"kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration"};
    case Component::apiserver:
    case Component::controller_manager:
      return {"v1", "Pod"};
    case Component::scheduler:
      return {"kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"};
  }
  std::unreachable();
}

ComponentConfig const& settings_of(NodeConfig const& config, Component component) {
  switch (component) {
    case Component::kubelet:
      return config.kubelet;
    case Component::kube_proxy:
      return config.kube_proxy;
    case Component::apiserver:
      return config.apiserver;
    case Component::controller_manager:
      return config.controller_manager;
    case Component::scheduler:
      return config.scheduler;
  }
  std::unreachable();
}

}  // namespace haagent::bootstrap::kube
