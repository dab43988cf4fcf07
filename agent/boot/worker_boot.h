#pragma once

#include <vector>

#include "agent/boot/boot.h"

namespace haagent {

// A worker has no volumes, no peers and no state store.
class WorkerBoot final : public Boot {
 public:
  WorkerBoot(NodeConfig const& config, NodeDeps deps) : Boot(config, std::move(deps)) {}
  std::vector<Row> rows() override;
};

}  // namespace haagent
