#pragma once

#include <string>
#include <vector>

#include "bootstrap/kube/api_policies.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"
#include "bootstrap/kube/static_pod.h"

namespace haagent::bootstrap::kube {

// Of a Node's addresses, those that its kubelet's serving certificate is for.
inline constexpr std::string_view kKubeletAddressTypes = "InternalIP,Hostname";

// The command line with the users' flags laid over it; with the keys of secrets in etcd or without.
Flags apiserver_flags(Node const& node, bool encryption_keys = true);

// The URL of this master's own apiserver, by its flags: "https://127.0.0.1:6443". Every caller of
// the apiserver uses it. If the service ranges are invalid, haagent renders no apiserver.
std::string own_apiserver_url(NodeConfig const& config);

// What others have put on this disk, and no config says.
struct OnDisk {
  // What the local etcd was started with: where that changes the apiserver restarts, because it
  // reads --etcd-cafile at its start alone. Empty: not known.
  std::string etcd_trust = {};
  // kEncryptionConfig is there. Not of a cluster from before it, until an operator turns it on.
  bool encryption_keys = true;
  HostView host = {};
  bool operator==(OnDisk const&) const = default;
};

// The manifest. Talks to etcd on this machine only; written once that serves. A policy that changes
// restarts it as well.
RenderedFile render_apiserver(Node const& node, std::vector<ApiPolicy> const& policies,
                              OnDisk const& on_disk);

// What stands in the manifest for that trust.
std::string etcd_trust_hash(std::string const& etcd_trust);

}  // namespace haagent::bootstrap::kube
