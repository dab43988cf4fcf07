#include "agent/runtime/notify.h"

#include <systemd/sd-daemon.h>

#include <string>

namespace haagent::notify {
namespace {

// The variable stays set: children are started with a clean environment, so they cannot notify by
// accident.
void send(std::string const& message) {
  sd_notify(/*unset_environment=*/0, message.c_str());
}

}  // namespace

void ready() {
  send("READY=1");
}

void stopping() {
  send("STOPPING=1");
}

void status(std::string_view sentence) {
  std::string line(sentence);
  for (auto& c : line) {
    if (c == '\n') c = ' ';
  }
  send("STATUS=" + line);
}

void extend_timeout(Duration by) {
  send("EXTEND_TIMEOUT_USEC=" +
       std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(by).count()));
}

void watchdog() {
  send("WATCHDOG=1");
}

std::optional<Duration> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(/*unset_environment=*/0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::microseconds(microseconds));
}

}  // namespace haagent::notify
