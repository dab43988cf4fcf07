#include "bootstrap/addons/core.h"

#include "agent/base/json.h"
#include "agent/base/sha256.h"

namespace haagent::bootstrap::addons {
namespace {

constexpr char kRbac[] = "rbac.authorization.k8s.io";

WantedObject of_rbac(std::string const& kind, std::string const& name, Tree rest) {
  auto object = Tree::map({{"apiVersion", api_version(kRbac, "v1")},
                           {"kind", kind},
                           {"metadata", Tree::map({{"name", name}})}});
  for (auto& entry : rest.entries()) object.set(entry.key, std::move(entry.value));
  return {.id = {.group = kRbac, .kind = kind, .space = {}, .name = name},
          .version = "v1",
          .object = object,
          .digest = sha256_hex(json::print(object))};
}

}  // namespace

std::vector<WantedObject> core_objects() {
  return {of_rbac(
      "ClusterRoleBinding", "haagent:kubelet-client-renewal",
      Tree::map({{"roleRef", Tree::map({{"apiGroup", kRbac},
                                        {"kind", "ClusterRole"},
                                        {"name",
                                         "system:certificates.k8s.io:certificatesigningrequests:"
                                         "selfnodeclient"}})},
                 {"subjects",
                  Tree::list({Tree::map(
                      {{"apiGroup", kRbac}, {"kind", "Group"}, {"name", "system:nodes"}})})}}))};
}

}  // namespace haagent::bootstrap::addons
