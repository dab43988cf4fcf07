// What of the machine the rendering goes by, beside the config and the identity.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bootstrap/kube/component.h"

namespace haagent::bootstrap::kube {

// A path of the host that a component is told by its flags or its document.
struct NamedPath {
  enum class Use {
    reads,     // a file that must be there
    writes,    // a file that it makes, and rotates beside it
    fills,     // a folder that it writes into
    connects,  // a socket, which another program makes when it comes up
  };
  std::string key;   // where it is said: "apiserver.extraArgs.audit-policy-file"
  std::string path;  // absolute
  Use use = Use::reads;
  bool operator==(NamedPath const&) const = default;
};

struct HostView {
  // The kubelet's resolvConf (cautions.h). Empty: its own default.
  std::string resolv_conf = {};
  // What the files that flags name name in their turn: a kubeconfig its certificates, an admission
  // configuration its plugins' files.
  std::map<Component, std::vector<NamedPath>> named_inside = {};
  bool operator==(HostView const&) const = default;
};

}  // namespace haagent::bootstrap::kube
