// sd_notify(3): readiness, the sentence that `systemctl status` shows, more time while a wait goes
// on. Does nothing where NOTIFY_SOCKET is not set.
#pragma once

#include <optional>
#include <string_view>

#include "agent/base/clock.h"

namespace haagent::notify {

void ready();
void stopping();
void status(std::string_view sentence);
void extend_timeout(Duration by);
void watchdog();
// How often systemd wants to hear from this process at least; nothing where it does not.
std::optional<Duration> watchdog_interval();

}  // namespace haagent::notify
