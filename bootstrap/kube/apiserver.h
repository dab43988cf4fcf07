#pragma once

#include <vector>

#include "bootstrap/kube/api_policies.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"
#include "bootstrap/kube/static_pod.h"

namespace haagent::bootstrap::kube {

// The command line with the users' flags laid over it.
Flags apiserver_flags(Node const& node);

// Where this master's own apiserver serves.
Probes apiserver_target(Node const& node);

// The manifest. Talks to etcd on this machine only; written once that serves. `etcd_trust` is what
// the local etcd was started with: where that changes the apiserver restarts, because it reads
// --etcd-cafile at its start alone. Empty: not known. A policy that changes restarts it as well.
RenderedFile render_apiserver(Node const& node, std::vector<ApiPolicy> const& policies,
                              std::string const& etcd_trust);

// What stands in the manifest for that trust.
std::string etcd_trust_hash(std::string const& etcd_trust);

}  // namespace haagent::bootstrap::kube
