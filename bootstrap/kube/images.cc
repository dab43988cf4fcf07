#include "bootstrap/kube/images.h"

#include <fmt/format.h>

#include <regex>

namespace haagent::bootstrap::kube {

std::string image_of(NodeConfig const& config, KubeVersion const& version, Component component) {
  auto const& image = settings_of(config, component).image;
  if (!image.empty()) return image;
  // A tag has no "+": "1.33.2+vendor.1" is published as "v1.33.2_vendor.1".
  auto tag = std::regex_replace(to_string(version), std::regex("[^-a-zA-Z0-9_.]"), "_");
  return fmt::format("{}/{}:v{}", config.kubernetes.image_registry, program_of(component), tag);
}

std::vector<std::string> component_images(NodeConfig const& config, KubeVersion const& version) {
  std::vector<std::string> images;
  for (auto const component : kComponents)
    if (component != Component::kubelet) images.push_back(image_of(config, version, component));
  return images;
}

}  // namespace haagent::bootstrap::kube
