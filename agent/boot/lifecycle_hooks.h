// The two lifecycle hooks of the auto-scaling group as steps, and their heartbeat. A node of no
// group, a group without our hook, and a role without the permission are all tolerated: the step is
// done, and its sentence says what was missing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "agent/aws/autoscaling.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/step.h"

namespace haagent {

struct HookDeps {
  NodeConfig const& config;
  Root root;
  Clock& clock;
  aws::AutoScaling& group;
};

// Whether this instance has been through its launching hook, by the record.
bool is_launched(Root const& root, std::string const& instance_id);

// `launching-hook`: the last row of a boot, so that what it comes after is what makes the node
// ready. Completed once for an instance; /var/lib/haagent/launched remembers it, so that a reboot
// asks no cloud API.
std::unique_ptr<Step> launching_hook(HookDeps parts);
// The same for an instance in the warm pool, whose hook fires on the way in and out: nothing is
// remembered, and what was is forgotten.
std::unique_ptr<Step> warm_pool_hook(HookDeps parts);
// `terminating-hook`: completed once there is nothing more to hand over.
std::unique_ptr<Step> terminating_hook(HookDeps parts);

// While it lives: where this instance waits in one of our hooks, the hook is told each third of its
// timeout that work goes on. `tell` hears how long the hook waits where it could not be told so;
// nothing: it was.
class Heartbeat {
 public:
  using Tell = std::function<void(std::optional<Duration> left)>;
  Heartbeat(HookDeps parts, std::string instance_id, Tell tell = {});

 private:
  std::jthread thread_;
};

}  // namespace haagent
