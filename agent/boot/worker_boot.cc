#include "agent/boot/worker_boot.h"

#include "agent/base/row_names.h"
#include "agent/boot/node_space_step.h"
#include "agent/boot/row_list.h"
#include "bootstrap/kube/steps.h"
#include "bootstrap/pki/worker_credentials.h"

namespace haagent {

using namespace std::chrono_literals;
using namespace row_names;

std::vector<Row> WorkerBoot::rows() {
  auto const& root = node_.root;
  RowList list;
  list.add(node_space_step(config_, root, node_.filesystems),
           {.polling = kSpacePolling, .upkeep = Upkeep::act, .period = 30s});
  list.add(std::make_unique<bootstrap::pki::WorkerCredentials>(config_, root, node_.clock),
           {.upkeep = Upkeep::act, .period = 10s});
  list.add(std::make_unique<bootstrap::kube::KubeFiles>(config_, root, kube_record_),
           {.upkeep = Upkeep::act});
  list.add(std::make_unique<bootstrap::kube::KubeProxy>(config_, root, kube_record_),
           {.after = {kKubeFiles}, .upkeep = Upkeep::act, .period = 10s});
  if (node_.group) list.add(launching_hook(hooks()), {.after = {kKubeFiles}});
  return list.take();
}

}  // namespace haagent
