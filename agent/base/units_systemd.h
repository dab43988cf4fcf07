// Units of systemd. How its properties of a unit read as a UnitState stands apart from the D-Bus
// calls, so that a table of tests can hold it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/base/units.h"

namespace haagent {

// When the parts of a boot began, in microseconds: of the firmware and the boot loader before the
// kernel's start, of the others after it. 0: there was none, or it is not known. `finish`: every
// unit that the boot wanted has been started.
struct SystemdStamps {
  std::uint64_t firmware = 0;
  std::uint64_t loader = 0;
  std::uint64_t initrd = 0;
  std::uint64_t userspace = 0;
  std::uint64_t finish = 0;
};
// As org.freedesktop.systemd1.Manager has them.
Result<SystemdStamps> systemd_stamps();

// As org.freedesktop.systemd1.Unit and .Service name them.
struct SystemdProperties {
  std::string load_state;    // "loaded", "not-found", "masked", "bad-setting", "error"
  std::string active_state;  // "active", "reloading", "inactive", "failed", "activating", ...
  std::string sub_state;     // "running", "auto-restart", "dead", ...
  std::string job;           // that is queued or runs: "start", "stop", "restart"; empty: none
  std::string result;        // "success", "exit-code", "oom-kill", "start-limit-hit", ...
  std::uint32_t main_pid = 0;
  std::int32_t exec_main_code = 0;    // CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0 while it runs
  std::int32_t exec_main_status = 0;  // exit status or signal
  std::uint64_t state_change_us = 0;  // StateChangeTimestamp: since the epoch
  std::string invocation_id;          // of the run that goes on, or was the last
  std::string output = {};            // of that run, where it has ended: its last lines
};

UnitState to_unit_state(SystemdProperties const& properties);

// Whom User= and Group= of the unit `name` mean: names or numbers, or empty. Errors: invalid where
// this machine has no such user or group.
Result<UnitUser> to_unit_user(std::string const& name, std::string const& user,
                              std::string const& group);

// Whether the unit can be started at all; invalid, naming the file, where not.
Result<void> check_loaded(std::string const& name, SystemdProperties const& properties);

// systemd over D-Bus, through sdbus-c++. Only where systemd is pid 1.
class SystemdUnits final : public Units {
 public:
  SystemdUnits();
  ~SystemdUnits() override;
  static bool available();  // /run/systemd/system exists
  bool is_systemd() const override { return true; }
  Result<UnitState> state(std::string const& name) override;
  Result<void> start(UnitSpec const& spec) override;
  Result<void> stop(std::string const& name, Duration deadline, std::stop_token stop) override;
  Result<void> restart(std::string const& name) override;
  Result<UnitUser> user(std::string const& name) override;

 private:
  struct Bus;
  std::unique_ptr<Bus> bus_;
};

}  // namespace haagent
