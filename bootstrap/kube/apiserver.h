#pragma once

#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"
#include "bootstrap/kube/static_pod.h"

namespace haagent::bootstrap::kube {

// The command line with the users' flags laid over it.
Flags apiserver_flags(Node const& node);

// Where this master's own apiserver serves.
Probes apiserver_target(Node const& node);

// The manifest. Talks to etcd on this machine only; written once that serves.
RenderedFile render_apiserver(Node const& node);

}  // namespace haagent::bootstrap::kube
