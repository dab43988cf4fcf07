#include "bootstrap/kube/node_files.h"

namespace haagent::bootstrap::kube {

Result<NodeFiles::Rendered> NodeFiles::render(Identity const& identity, OnDisk on_disk) {
  std::lock_guard lock(rendering_);
  return rendered_.of({identity, on_disk}, [&]() -> Result<Rendered> {
    auto files = TRY(kube::render(config_, identity, on_disk));
    return std::make_shared<std::vector<RenderedFile> const>(std::move(files));
  });
}

}  // namespace haagent::bootstrap::kube
