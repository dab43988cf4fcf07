// The step `node-roles`: what Kubernetes must permit so that nodes stay in the cluster. A kubelet
// asks the apiserver for its next client certificate, and nothing approves that unless the group of
// nodes is bound to the role that lets it. Every master applies the same binding, which changes
// nothing where it is there.
//
// It keeps nothing up: while the apiserver does not answer, it looks again.
#pragma once

#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/apiserver/client.h"

namespace haagent::bootstrap {

// As it is applied: its path below the apiserver, and the object.
struct AppliedObject {
  std::string path;
  Tree object;
};
AppliedObject kubelet_renewal_binding();

// Whether what the apiserver has is what the binding says; somebody may have deleted or changed it.
bool binds_the_same(Tree const& there, Tree const& wanted);

class NodeRolesStep final : public Step {
 public:
  explicit NodeRolesStep(ApiserverClient apiserver) : apiserver_(std::move(apiserver)) {}
  std::string_view name() const override { return row_names::kNodeRoles; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  ApiserverClient apiserver_;
};

}  // namespace haagent::bootstrap
