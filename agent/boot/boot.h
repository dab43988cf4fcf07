// The boot, written out: which steps a master and a worker take, and what each comes after.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agent/aws/autoscaling.h"
#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/filesystem_space.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "agent/base/process.h"
#include "agent/base/runner.h"
#include "agent/base/state_store.h"
#include "agent/base/units.h"
#include "agent/server/server.h"
#include "volumes/device.h"
#include "volumes/disks.h"
#include "volumes/mount.h"

namespace haagent {

// What the steps work with; all of it outlives the Boot. The real ones are in collaborators.h.
struct BootParts {
  Root root;
  Clock& clock;
  Http& http;
  Process& process;
  Units& units;
  aws::Ec2& ec2;
  volumes::Devices& devices;
  volumes::Disks& disks;
  volumes::Mounts& mounts;
  StateStore& store;
  Filesystems& filesystems;
  aws::AutoScaling* group = nullptr;  // null: the node tells no auto-scaling group anything
};

class Boot {
 public:
  Boot(NodeConfig const& config, BootParts const& parts);
  ~Boot();

  // The rows of this node's role, once. They refer to what this object holds.
  std::vector<Row> rows();

  // A hello of another master, from any thread, whatever rows run.
  ServerReply hear(ServerCall const& call);

  // What a node in the warm pool does: nothing that another could miss.
  std::vector<Row> warm_pool_rows();

  // The way out: apiserver, leader, etcd, filesystem, and where the instance goes away, the volume;
  // both clusters side by side. No row fails: each has its time, and says what it could not do, so
  // that one that is stuck never keeps the next from its part. `time_left` says how long it is
  // until the machine is taken away, nothing where nobody takes it; the wait for the apiserver
  // leaves the rows behind it what they need of that.
  using TimeLeft = std::function<std::optional<Duration>()>;
  std::vector<Row> handover_rows(bool away, bool going_down, TimeLeft time_left = {});
  // The leaders alone, where the instance is likely to go but nobody says that it will.
  std::vector<Row> leader_rows();
  // `terminating-hook`: after handover_rows(true).
  std::vector<Row> settling_rows(bool going_down);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace haagent
