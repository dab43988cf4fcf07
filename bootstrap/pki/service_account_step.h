// The step `service-account`: the key that signs service accounts' tokens, the same on all masters,
// at kubeadm's paths. It is RSA, as every apiserver takes it, and takes longer to make than all
// other keys together, so that etcd does not wait for it; `control-plane` does.
#pragma once

#include <optional>

#include "agent/base/files.h"
#include "agent/base/row_names.h"
#include "agent/base/secret.h"
#include "agent/base/state_store.h"
#include "agent/base/step.h"

namespace haagent::bootstrap::pki {

// Asks the store where the key is missing on the disk, and only then: a reboot asks nobody. A
// master that has a key makes no other one: tokens of the one key are no tokens for the other.
class ServiceAccountStep final : public Step {
 public:
  ServiceAccountStep(Root root, StateStore& store) : root_(std::move(root)), store_(store) {}
  std::string_view name() const override { return row_names::kServiceAccount; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<std::optional<Secret>> on_disk() const;
  Result<void> write(Secret const& key) const;

  Root root_;
  StateStore& store_;
};

}  // namespace haagent::bootstrap::pki
