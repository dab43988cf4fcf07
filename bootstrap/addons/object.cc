#include "bootstrap/addons/object.h"

#include <fmt/format.h>

namespace haagent::bootstrap::addons {

std::string to_string(ObjectId const& id) {
  return id.space.empty() ? fmt::format("{} {}", id.kind, id.name)
                          : fmt::format("{} {}/{}", id.kind, id.space, id.name);
}

std::string api_version(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : fmt::format("{}/{}", group, version);
}

bool is_namespace(ObjectId const& id) {
  return id.group.empty() && id.kind == "Namespace";
}

bool is_definition(ObjectId const& id) {
  return id.group == "apiextensions.k8s.io" && id.kind == "CustomResourceDefinition";
}

Turn turn_of(ObjectId const& id) {
  if (is_namespace(id)) return Turn::spaces;
  if (is_definition(id)) return Turn::definitions;
  bool const is_hook =
      (id.group == "admissionregistration.k8s.io" && id.kind.ends_with("WebhookConfiguration")) ||
      (id.group == "apiregistration.k8s.io" && id.kind == "APIService");
  return is_hook ? Turn::hooks : Turn::others;
}

}  // namespace haagent::bootstrap::addons
