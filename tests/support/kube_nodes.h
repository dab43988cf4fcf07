// Node configs and identities for the tests of what is rendered for Kubernetes.
#pragma once

#include "agent/base/facts.h"
#include "agent/base/node_config.h"

namespace haagent::test {

Identity kube_identity();       // i-0123456789abcdef0 in eu-west-1a, 10.0.0.10
Identity kube_identity_ipv6();  // the same with an IPv6 address only

NodeConfig kube_master();  // 1.33.2, all defaults
NodeConfig kube_worker();
NodeConfig kube_master_with_overlays();
NodeConfig kube_master_ipv6();

}  // namespace haagent::test
