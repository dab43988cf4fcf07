// What the apiserver is told of who may ask it without a name, and what it records of who asked.
// Both are files beside it, each left out where the users' own flags say otherwise.
#pragma once

#include <vector>

#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"
#include "bootstrap/kube/static_pod.h"

namespace haagent::bootstrap::kube {

inline constexpr char kAuditPolicy[] = "/etc/kubernetes/audit-policy.yaml";
inline constexpr char kAuditLog[] = "/var/log/kubernetes/audit/audit.log";
inline constexpr char kAuthenticationConfig[] = "/etc/kubernetes/authentication.yaml";

// What of it a node has: a file and the flags that name it.
struct ApiPolicy {
  RenderedFile file;
  Flags flags;
  std::vector<HostPath> mounts;
};

// audit-policy-file, with a log that turns over at 100 MB and keeps ten old ones for 30 days at
// most. Nothing where the users name a policy of their own, or none.
// authentication-config, from 1.32 on: who has no name may ask for health alone. Nothing where the
// users say who may ask without a name, by any of the flags that exclude this one.
std::vector<ApiPolicy> api_policies(Node const& node);

}  // namespace haagent::bootstrap::kube
