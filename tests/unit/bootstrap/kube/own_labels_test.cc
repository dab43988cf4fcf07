#include "bootstrap/kube/own_labels.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace haagent::bootstrap::kube {
namespace {

TEST(OwnLabels, AreWhatAKubeletMaySayOfItsNode) {
  for (auto const* key :
       {"team", "example.com/team", "topology.k8s.aws/zone-id", "kubernetes.io/hostname",
        "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os",
        "beta.kubernetes.io/instance-type", "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
        "node.kubernetes.io/instance-type", "node.kubernetes.io/anything",
        "a.node.kubernetes.io/anything", "kubelet.kubernetes.io/anything",
        "a.kubelet.kubernetes.io/anything", "notkubernetes.io/a"})
    EXPECT_TRUE(kubelet_may_set_label(key)) << key;
  for (auto const* key : {"node-role.kubernetes.io/worker", "kubernetes.io/role", "k8s.io/anything",
                          "kops.k8s.io/instancegroup", "node-restriction.kubernetes.io/team",
                          "topology.kubernetes.io/rack"})
    EXPECT_FALSE(kubelet_may_set_label(key)) << key;
}

}  // namespace
}  // namespace haagent::bootstrap::kube
