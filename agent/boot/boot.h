// The boot of a node, written out: which steps it takes, and what each comes after. master_boot.h
// and worker_boot.h have a list each; here is what they share.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "agent/aws/autoscaling.h"
#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/filesystem_space.h"
#include "agent/base/node_config.h"
#include "agent/base/runner.h"
#include "agent/boot/lifecycle_hooks.h"
#include "agent/boot/row_list.h"
#include "agent/server/call.h"
#include "bootstrap/kube/node_files.h"

namespace haagent {

// What the steps of every node work with; all of it outlives the Boot. The real ones are in
// collaborators.h.
struct NodeDeps {
  Root root;
  Clock& clock;
  Filesystems& filesystems;
  aws::AutoScaling* group = nullptr;  // null: the node tells no auto-scaling group anything
};

class Boot {
 public:
  virtual ~Boot() = default;

  // The rows of this node's role, once. They refer to what this object holds.
  virtual std::vector<Row> rows() = 0;

  // The way out: apiserver, leader, etcd, filesystem, and where the instance goes away, the volume;
  // both clusters side by side. No row fails: each has its time, and says what it could not do, so
  // that one that is stuck never keeps the next from its part. `time_left` says how long it is
  // until the machine is taken away, nothing where nobody takes it; the wait for the apiserver
  // leaves the rows behind it what they need of that. Empty: there is nothing to hand over.
  using TimeLeft = std::function<std::optional<Duration>()>;
  virtual std::vector<Row> handover_rows(bool away, bool going_down, TimeLeft time_left = {});
  // The leaders alone, where the instance is likely to go but nobody says that it will.
  virtual std::vector<Row> leader_rows();

  // Another master announces itself, from any thread, whatever rows run.
  virtual ServerReply receive_announcement(ServerCall const& call);

  // What a node in the warm pool does: nothing that another could miss.
  std::vector<Row> warm_pool_rows();
  // `terminating-hook`: after handover_rows(true).
  std::vector<Row> settling_rows(bool going_down);

 protected:
  Boot(NodeConfig const& config, NodeDeps deps) : config_(config), node_(std::move(deps)) {}
  // The row `cloudwatch`, where metrics are to get there.
  void add_cloudwatch(RowList& list) const;
  HookDeps hooks() const { return {config_, node_.root, node_.clock, *node_.group}; }

  NodeConfig const config_;
  NodeDeps node_;
  bootstrap::kube::NodeFiles kube_files_{config_};
};

}  // namespace haagent
