// What the machine did before haagent and beside it, from what systemd, cloud-init and the kernel
// say.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/units_systemd.h"
#include "agent/timeline/boot_record.h"

namespace haagent::timeline {

// EC2's `pending` until the kernel, firmware, boot loader, kernel, initrd, and userspace until
// `now` or until systemd had started all that the boot wanted. `pending`: when EC2 began with it,
// counted from the kernel's start; one that is not of this boot, such as after a reboot, is left
// out. Where systemd is not asked, the agent's start is all that is known of the machine's.
std::vector<Stage> machine_stages(SystemdStamps const& stamps, std::optional<Duration> pending,
                                  Duration agent_started, Duration now);

// Of cloud-init's status.json, whose times are of the machine's clock; none where it cannot be
// read. A stage that has not ended lasts until `now`.
std::vector<Stage> cloud_init_stages(std::string_view status, UtcTime kernel_started, UtcTime now);

// When the programs that run now were started: each etcd's, the kubelet's, the apiserver's.
std::vector<Moment> program_starts(Root const& root, UtcTime now);

}  // namespace haagent::timeline
