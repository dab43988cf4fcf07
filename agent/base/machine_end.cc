#include "agent/base/machine_end.h"

#include <utmpx.h>

#include <algorithm>
#include <cstring>

#include "agent/base/units.h"
#include "agent/base/units_systemd.h"

namespace haagent {

MachineEnd machine_end_of(std::string_view system_state, std::vector<std::string> const& jobs) {
  if (system_state != "stopping") return MachineEnd::none;
  auto queued = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(
        jobs, [&](auto const& job) { return std::ranges::find(names, job) != names.end(); });
  };
  if (queued({"reboot.target", "kexec.target", "soft-reboot.target"})) return MachineEnd::reboot;
  if (queued({"poweroff.target", "halt.target"})) return MachineEnd::power_off;
  return MachineEnd::unknown;
}

MachineEnd machine_end_of_utmp(std::string_view utmp) {
  auto end = MachineEnd::none;
  for (; utmp.size() >= sizeof(utmpx); utmp.remove_prefix(sizeof(utmpx))) {
    utmpx record{};
    std::memcpy(&record, utmp.data(), sizeof record);
    if (record.ut_type != RUN_LVL) continue;
    switch (record.ut_pid & 0xff) {  // the level before stands in the next byte
      case '0':
        end = MachineEnd::power_off;
        break;
      case '6':
        end = MachineEnd::reboot;
        break;
      default:
        end = MachineEnd::none;
    }
  }
  return end;
}

Result<MachineEnd> SystemMachineEnds::ask() {
  if (SystemdUnits::available()) return systemd_machine_end();
  auto utmp = TRY(read_file(root_("/run/utmp")));
  return utmp ? machine_end_of_utmp(*utmp) : MachineEnd::none;
}

}  // namespace haagent
