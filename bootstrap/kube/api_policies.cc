#include "bootstrap/kube/api_policies.h"

#include <algorithm>
#include <filesystem>

namespace haagent::bootstrap::kube {
namespace {

// The first minor whose apiserver reads `anonymous` without a feature gate.
constexpr int kAnonymousFromMinor = 32;
constexpr int kAuthenticationV1FromMinor = 34;

Tree list(std::initializer_list<std::string_view> words) {
  auto tree = Tree::list();
  for (auto word : words) tree.push_back(Tree(word));
  return tree;
}

// Who did what to which object, and never what is in it: a body may hold a secret. What the parts
// of the cluster say all day long to show that they are alive is left out.
Tree audit_policy() {
  auto resources = [](std::string_view group, std::initializer_list<std::string_view> names) {
    return Tree::list({Tree::map({{"group", group}, {"resources", list(names)}})});
  };
  auto const leases = resources("coordination.k8s.io", {"leases"});
  auto const nodes = list({"system:nodes"});
  return Tree::map(
      {{"apiVersion", "audit.k8s.io/v1"},
       {"kind", "Policy"},
       {"omitStages", list({"RequestReceived"})},
       {"rules",
        Tree::list({
            Tree::map({{"level", "None"},
                       {"nonResourceURLs",
                        list({"/healthz*", "/livez*", "/readyz*", "/version", "/openapi/*"})}}),
            Tree::map({{"level", "None"}, {"resources", resources("", {"events"})}}),
            Tree::map({{"level", "None"}, {"resources", resources("events.k8s.io", {"events"})}}),
            Tree::map({{"level", "None"}, {"userGroups", nodes}, {"resources", leases}}),
            Tree::map({{"level", "None"},
                       {"users", list({"system:kube-controller-manager", "system:kube-scheduler"})},
                       {"resources", leases}}),
            Tree::map({{"level", "None"},
                       {"userGroups", nodes},
                       {"verbs", list({"get", "patch"})},
                       {"resources", resources("", {"nodes", "nodes/status"})}}),
            Tree::map({{"level", "None"},
                       {"users", list({"system:kube-proxy"})},
                       {"verbs", list({"get", "list", "watch"})}}),
            Tree::map({{"level", "Metadata"}}),
        })}});
}

Tree authentication(Node const& node) {
  auto conditions = Tree::list();
  for (auto const* path : {"/livez", "/readyz", "/healthz"})
    conditions.push_back(Tree::map({{"path", path}}));
  return Tree::map({{"apiVersion", node.version.minor >= kAuthenticationV1FromMinor
                                       ? "apiserver.config.k8s.io/v1"
                                       : "apiserver.config.k8s.io/v1beta1"},
                    {"kind", "AuthenticationConfiguration"},
                    {"anonymous", Tree::map({{"enabled", true}, {"conditions", conditions}})}});
}

// kube-apiserver takes the file or these flags, not both; and it does not start with the file where
// a feature that reads it is switched off.
bool excludes_authentication_config(Flags const& extra) {
  return std::ranges::any_of(extra, [](auto const& flag) {
    auto const name = flag_name(flag.first);
    return name == "authentication-config" || name == "anonymous-auth" ||
           (name.starts_with("oidc-") && !flag.second.empty()) ||
           (name == "feature-gates" &&
            (flag.second.contains("AnonymousAuthConfigurableEndpoints=false") ||
             flag.second.contains("StructuredAuthenticationConfiguration=false")));
  });
}

}  // namespace

std::vector<ApiPolicy> api_policies(Node const& node) {
  auto const& extra = node.config.apiserver.extra_args;
  std::vector<ApiPolicy> policies;
  if (!names_flag(extra, "audit-policy-file")) {
    auto const folder = std::filesystem::path(kAuditLog).parent_path().string();
    policies.push_back({.file = yaml_file(kAuditPolicy, 0600, audit_policy()),
                        .flags = {{"audit-log-compress", "true"},
                                  {"audit-log-maxage", "30"},
                                  {"audit-log-maxbackup", "10"},
                                  {"audit-log-maxsize", "100"},
                                  {"audit-log-path", kAuditLog},
                                  {"audit-policy-file", kAuditPolicy}},
                        .mounts = {{"audit-policy", kAuditPolicy, "File"},
                                   {"audit-log", folder, "DirectoryOrCreate", false}}});
  }
  if (node.version.minor >= kAnonymousFromMinor && !excludes_authentication_config(extra)) {
    policies.push_back({.file = yaml_file(kAuthenticationConfig, 0600, authentication(node)),
                        .flags = {{"authentication-config", kAuthenticationConfig}},
                        .mounts = {{"authentication", kAuthenticationConfig, "File"}}});
  }
  return policies;
}

}  // namespace haagent::bootstrap::kube
