// What works and makes a node that is not as it was meant: warnings. Apart from lint(), which says
// what stops a component.
#pragma once

#include <string>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/kube_versions.h"
#include "agent/base/node_config.h"
#include "bootstrap/kube/lint.h"

namespace haagent::bootstrap::kube {

// By the config alone: overlays and flags that take away what keeps nodes apart, or what this
// config says elsewhere. Pure.
std::vector<Complaint> cautions(NodeConfig const& config, KubeVersion const& version);

// By this machine. Paths of the config where it is about one, else empty.
//  - its address lies in the services' or the pods' range
//  - its kubelet would be reached at an address that its certificate is not for
//  - its kubelet would give pods a resolver that they cannot reach
//  - the manifests' folder holds files of others: the kubelet runs whatever does not begin with a
//    dot, a backup of a manifest too
std::vector<Complaint> cautions_here(NodeConfig const& config, Identity const& identity,
                                     Root const& root);

// The resolv.conf for pods on this machine: where /etc/resolv.conf points to systemd-resolved's
// stub, which listens on a loopback that no pod has, the file with the servers behind it. Empty:
// the kubelet's default is right, or there is nothing better.
std::string resolv_conf_for_pods(Root const& root);

}  // namespace haagent::bootstrap::kube
