// Where the machine is going when the agent is told to end: SIGTERM alone does not say.
//
// `systemctl restart haagent` and an upgrade of the package send it too, and then etcd must stay
// where it is. So pid 1 is asked. systemd: SystemState is "stopping" from the moment that
// shutdown.target has a job, before any unit is stopped, and the queued job tells reboot from
// power-off. Where systemd is not pid 1: the run level of /run/utmp, which sysvinit (and the
// simulated region's pid 1) writes before it sends SIGTERM: 0 is off, 6 a reboot.
//
// An instance that is stopped and one that is terminated both power off; the guest cannot tell
// them apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/result.h"

namespace haagent {

enum class MachineEnd {
  none,       // it goes on: only the agent ends
  power_off,  // or halt
  reboot,     // or kexec, or a reboot of userspace
  unknown,    // it ends, and pid 1 does not say how
};

// Of systemd's SystemState and the names of the units that have a job.
MachineEnd machine_end_of(std::string_view system_state, std::vector<std::string> const& jobs);
// Of the bytes of utmp: its last run level counts. No record: none.
MachineEnd machine_end_of_utmp(std::string_view utmp);

class MachineEnds {
 public:
  virtual ~MachineEnds() = default;
  virtual Result<MachineEnd> ask() = 0;
};

class SystemMachineEnds final : public MachineEnds {
 public:
  explicit SystemMachineEnds(Root root) : root_(std::move(root)) {}
  Result<MachineEnd> ask() override;

 private:
  Root root_;
};

// In units_systemd.cc, where D-Bus is.
Result<MachineEnd> systemd_machine_end();

}  // namespace haagent
