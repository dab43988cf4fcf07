#pragma once

#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {

// The server that the component talks to: the replicated endpoint, or this master's own apiserver.
// controller-manager and scheduler may not be newer than the apiserver that they meet, and behind
// a load balancer that is the oldest; and a target of a load balancer that keeps client addresses
// cannot reach itself through it. So theirs is the local one unless the config says otherwise.
std::string server_of(Node const& node, EndpointMode mode);

// Mode 0600; the certificates are named by path, so there is no secret in it.
RenderedFile render_kubeconfig(Node const& node, std::string path, std::string_view user,
                               EndpointMode mode, ClientCertificate const& client);

}  // namespace haagent::bootstrap::kube
