#include "agent/runtime/watchdog.h"

#include "agent/base/thread_monitor.h"
#include "agent/runtime/log.h"
#include "agent/runtime/notify.h"

namespace haagent {

Watchdog::Watchdog(Clock& clock) : clock_(clock) {
  auto const interval = notify::watchdog_interval();
  if (!interval) return;
  thread_ = std::jthread([this, every = *interval / 3](std::stop_token ended) {
    do turn(clock_.steady());
    while (clock_.sleep(every, ended));
  });
}

bool Watchdog::turn(SteadyTime now) {
  auto const why = hanging(monitored_threads(now), kLimit);
  if (why.empty()) {
    notify::watchdog();
    told_ = false;
    return true;
  }
  if (!std::exchange(told_, true))
    log::error("the agent hangs, and systemd will restart it: " + why);
  return false;
}

}  // namespace haagent
