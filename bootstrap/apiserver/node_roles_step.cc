#include "bootstrap/apiserver/node_roles_step.h"

#include <algorithm>
#include <array>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr char kBindings[] = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
constexpr char kName[] = "haagent:kubelet-client-renewal";
constexpr char kGroup[] = "rbac.authorization.k8s.io";

}  // namespace

AppliedObject kubelet_renewal_binding() {
  return {.path = fmt::format("{}/{}", kBindings, kName),
          .object = Tree::map(
              {{"apiVersion", fmt::format("{}/v1", kGroup)},
               {"kind", "ClusterRoleBinding"},
               {"metadata", Tree::map({{"name", kName}})},
               {"roleRef", Tree::map({{"apiGroup", kGroup},
                                      {"kind", "ClusterRole"},
                                      {"name",
                                       "system:certificates.k8s.io:certificatesigningrequests:"
                                       "selfnodeclient"}})},
               {"subjects",
                Tree::list({Tree::map(
                    {{"apiGroup", kGroup}, {"kind", "Group"}, {"name", "system:nodes"}})})}})};
}

bool binds_the_same(Tree const& there, Tree const& wanted) {
  // The apiserver writes keys in an order of its own.
  auto const same = [](Tree const* one, Tree const* other) {
    return one && other &&
           std::ranges::all_of(std::array{"apiGroup", "kind", "name"},
                               [&](auto key) { return one->text_at(key) == other->text_at(key); });
  };
  auto const* subjects = there.find("subjects");
  return same(there.find("roleRef"), wanted.find("roleRef")) && subjects &&
         subjects->items().size() == 1 &&
         same(&subjects->items().front(), &wanted.find("subjects")->items().front());
}

Result<Finding> NodeRolesStep::look(Facts&, std::stop_token stop) {
  auto const wanted = kubelet_renewal_binding();
  auto const there = apiserver_.get(wanted.path, std::move(stop));
  if (!there)
    return Done{Message(Reason::NodeRolesAwaitApiserver,
                        "the apiserver does not say whether nodes may renew their certificates")
                    .because_of(there.error().message),
                5s};
  if (*there && binds_the_same(**there, wanted.object))
    return Done{Message(Reason::NodeRolesBound, "nodes may renew their certificates").about(kName)};
  return Needed{Message(Reason::NodeRolesToBind, "let nodes renew their certificates").about(kName),
                [this](std::stop_token asked) {
                  auto const binding = kubelet_renewal_binding();
                  return apiserver_.apply(binding.path, binding.object, std::move(asked));
                }};
}

}  // namespace haagent::bootstrap
