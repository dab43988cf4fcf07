// What the steps that write the Kubernetes files of one node have in common.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "agent/base/remembered.h"
#include "bootstrap/kube/render.h"

namespace haagent::bootstrap::kube {

class NodeFiles {
 public:
  using Rendered = std::shared_ptr<std::vector<RenderedFile> const>;

  // `config` outlives this, and says the same as long.
  explicit NodeFiles(NodeConfig const& config) : config_(config) {}

  // As render(). Rendered once for all the steps, and again where the identity or the disk changes.
  Result<Rendered> render(Identity const& identity, OnDisk on_disk);

  // One step at a time reads and writes the record of what was written (record.h).
  std::mutex& record() { return record_; }

 private:
  NodeConfig const& config_;
  std::mutex rendering_;
  Remembered<std::pair<Identity, OnDisk>, Rendered> rendered_;
  std::mutex record_;
};

}  // namespace haagent::bootstrap::kube
