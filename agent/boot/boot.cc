#include "agent/boot/boot.h"

#include "agent/base/row_names.h"
#include "agent/boot/best_effort.h"
#include "agent/cloudwatch/step.h"
#include "bootstrap/kube/steps.h"

namespace haagent {

using namespace std::chrono_literals;

std::vector<Row> Boot::handover_rows(bool, bool, TimeLeft) {
  return {};
}

std::vector<Row> Boot::leader_rows() {
  return {};
}

ServerReply Boot::receive_announcement(ServerCall const&) {
  return {.status = 404, .sentence = "masters alone announce themselves to each other"};
}

void Boot::add_cloudwatch(RowList& list) const {
  if (config_.metrics.cloudwatch.mode == CloudWatchMode::none) return;
  list.add(std::make_unique<cloudwatch::CloudWatchStep>(config_),
           {.upkeep = Upkeep::look_only, .period = 5s});
}

std::vector<Row> Boot::warm_pool_rows() {
  RowList list;
  list.add(std::make_unique<bootstrap::kube::KubeFiles>(config_, node_.root, kube_files_), {});
  if (node_.group) list.add(warm_pool_hook(hooks()), {.after = {row_names::kKubeFiles}});
  return list.take();
}

std::vector<Row> Boot::settling_rows(bool going_down) {
  RowList list;
  if (node_.group)
    list.add(best_effort(terminating_hook(hooks()), node_.clock, going_down ? 2s : 30s),
             {.deadline = 1min});
  return list.take();
}

}  // namespace haagent
