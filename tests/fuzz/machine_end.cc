// What lies in /run for an agent that starts, or is told to end, in the middle of an end: pid 1's
// utmp, and the record of a handover.
#include "agent/base/machine_end.h"

#include <utmpx.h>

#include <string>

#include "agent/daemon/lifecycle.h"
#include "agent/daemon/lifecycle_watch.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void machine_end(std::string_view bytes) {
  auto const end = machine_end_of_utmp(bytes);
  hold(end != MachineEnd::unknown, "a run level says how it ends, or that it goes on");
  std::string whole(bytes.substr(0, bytes.size() - bytes.size() % sizeof(utmpx)));
  hold(machine_end_of_utmp(whole) == end, "half a record at the end says nothing");
  utmpx last{};
  last.ut_type = RUN_LVL;
  last.ut_pid = '6';
  whole.append(reinterpret_cast<char const*>(&last), sizeof last);
  hold(machine_end_of_utmp(whole) == MachineEnd::reboot, "the last run level counts");

  auto const begun = handover_in_record(bytes);
  if (!begun) return;
  LifecycleInputs in;
  in.begun = begun;
  auto const in_silence = decide_lifecycle(in);
  auto const* goes_on = std::get_if<HandOver>(&in_silence);
  hold(goes_on && *goes_on == *begun, "what was begun is gone on with while metadata is silent");
  in.notices = aws::Notices{};
  hold(std::holds_alternative<StayOn>(decide_lifecycle(in)), "a record alone is no reason");
}

}  // namespace haagent::fuzz
