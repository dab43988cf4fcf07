// The log of the agent: one line a transition. Under journald a transition has fields of its own
// (HAAGENT_STEP=, HAAGENT_STATE=, HAAGENT_REASON=, HAAGENT_SUBJECT=, MESSAGE_ID=), so that
// 'journalctl HAAGENT_REASON=QuorumLost' finds it, and 'journalctl -x' explains it. Where there is
// no journal it goes to stderr, with the time on a terminal. Only agent/ logs; the parts below
// return errors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

// A line for programs, which is all that it holds: an entry of the journal under this identifier
// (journalctl -t), and where there is no journal, a line of stdout.
void record(std::string const& identifier, std::string const& line);

// step=volume-main state=done reason=VolumeAttached took=1.4s what="vol-1 is attached as /dev/sdf",
// at the level that the state deserves. What it says comes last, with its own quotes as they are.
// `now` gives the time taken. News::last_line says in the line that it is the last.
void transition(RowStatus const& row, News news, UtcTime now);

// The line that transition() writes, for tests.
std::string transition_line(RowStatus const& row, News news, UtcTime now);
// Its fields in the journal, each "NAME=value", MESSAGE among them.
std::vector<std::string> journal_fields(RowStatus const& row, News news, UtcTime now);
// The MESSAGE_ID of a reason: 32 hexadecimal digits, the same in every release.
std::string message_id(Reason reason);

}  // namespace haagent::log
