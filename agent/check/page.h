// The page that a check goes by, and what makes it worth nothing.
//
// Without a page that is true now, `check node` is CRITICAL: the node has no agent that would
// repair it, and that has to page somebody. The other checks are UNKNOWN then: what they are about
// may be well, etcd goes on without the agent, and one fault should not page five times.
#pragma once

#include <string>

#include "agent/check/result.h"
#include "agent/status/report.h"

namespace haagent::check {

struct Page {
  StatusReport report;
  // Of a page that came from the agent itself it is alive.
  Writer writer = Writer::alive;
  UtcTime now{};
  std::string may_be_old = {};  // why the agent cannot replace the page; empty: it can
};

// Why nothing of the page counts; nothing where it does.
std::optional<Message> no_longer_true(Page const& page);

// The same of what changes, such as etcd's members: a boot that was over when its program ended
// (`haagent bootstrap`) says nothing of how they are now.
std::optional<Message> not_looked_at(Page const& page);

// A check that has no page to go by.
CheckResult without_page(std::string name, Message const& why, State state = State::unknown);

// Of a check of what masters alone have: the result where the node has none of it, as it should.
// "ETCD OK: handed over"; UNKNOWN on a worker, whose operator has put the check on the wrong node.
std::optional<CheckResult> of_no_master(std::string const& name, Page const& page);

// For how long the node has not been what it should be: since the first of its rows that are not
// done is not.
Duration not_ready_for(Page const& page);
// The boot is under way, and not for longer than a boot takes.
inline constexpr Duration kBootTakes{15 * 60'000};
bool boots(Page const& page);

RowStatus const* row_of(StatusReport const& report, std::string_view name);
// Of a row that is not done: WARNING while the node boots, and while haagent tries again what
// failed for a cause that goes away by itself; else CRITICAL.
State state_of(Page const& page, RowStatus const& row);

}  // namespace haagent::check
