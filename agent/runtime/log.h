// The log of the agent: one line a transition, to stderr. Under journald each line carries its
// priority ("<6>") and no time stamp; on a terminal it carries the time instead. Only agent/ logs;
// the parts below return errors.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/base/runner.h"
#include "agent/runtime/log_throttle.h"

namespace haagent::log {

// level: debug, info, warn, error.
void start(std::string const& level);
// From here on. User-data says its level long after the first line.
void set_level(std::string const& level);

void debug(std::string_view message);
void info(std::string_view message);
void warn(std::string_view message);
void error(std::string_view message);

// step=volume-main state=done took=1.4s what="vol-1 is attached as /dev/sdf", at the level that the
// state deserves. `now` gives the time taken. News::last_line says in the line that it is the last.
void transition(RowStatus const& row, News news, UtcTime now);

// The line that transition() writes, for tests.
std::string transition_line(RowStatus const& row, News news, UtcTime now);

}  // namespace haagent::log
