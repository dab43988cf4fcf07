#include "agent/check/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace haagent::check {

std::optional<Message> no_longer_true(Page const& page) {
  switch (page.writer) {
    case Writer::gone:
      return Message(Reason::AgentNotRunning,
                     fmt::format("haagent is not running: pid {} is gone", page.report.pid),
                     "etcd and kubelet go on without it; start it with 'systemctl start haagent'");
    case Writer::other_boot:
      return Message(Reason::AgentNotRunning, "haagent has not started since the last reboot",
                     "see 'journalctl -u haagent'; start it with 'systemctl start haagent'");
    case Writer::alive:
    case Writer::ended:
      break;
  }
  if (!page.may_be_old.empty()) return Message(Reason::SpaceExhausted, page.may_be_old);
  return std::nullopt;
}

std::optional<Message> not_looked_at(Page const& page) {
  if (page.writer == Writer::ended)
    return Message(Reason::AgentNotRunning,
                   "'haagent bootstrap' has ended, and nobody has looked since",
                   "run the agent as a service: 'systemctl enable --now haagent'");
  return no_longer_true(page);
}

CheckResult without_page(std::string name, Message const& why, State state) {
  return {.name = std::move(name), .summary = {}, .items = {item(state, "", why)}, .perfdata = {}};
}

std::optional<CheckResult> of_no_master(std::string const& name, Page const& page) {
  if (auto const why = not_looked_at(page)) return without_page(name, *why);
  auto const& report = page.report;
  if (report.role == "worker")
    return CheckResult{.name = name,
                       .summary = {},
                       .items = {{.state = State::unknown,
                                  .subject = "",
                                  .reason = {},
                                  .text = "this node is a worker, and etcd runs on masters",
                                  .advice = "take the check off this node"}},
                       .perfdata = {}};
  auto const phase = phase_of(report);
  if (phase == Phase::warm || phase == Phase::handed_over || phase == Phase::handing_over)
    return CheckResult{.name = name,
                       .summary = fmt::format("{}: this node serves no etcd", to_string(phase)),
                       .items = {},
                       .perfdata = {}};
  return std::nullopt;
}

Duration not_ready_for(Page const& page) {
  auto since = page.now;
  bool any = false;
  for (auto const& row : page.report.rows) {
    if (row.state == RowStatus::State::done) continue;
    any = true;
    // A row of a boot that waits for one thing after the other began once.
    auto const began = !row.finished && row.began ? *row.began : row.since;
    since = std::min({since, row.since, began});
  }
  if (!any) since = std::min(since, page.report.started);
  return std::chrono::duration_cast<Duration>(page.now - since);
}

bool boots(Page const& page) {
  return phase_of(page.report) == Phase::working && page.writer == Writer::alive &&
         not_ready_for(page) < kBootTakes;
}

RowStatus const* row_of(StatusReport const& report, std::string_view name) {
  auto const found = std::ranges::find(report.rows, name, &RowStatus::name);
  return found == report.rows.end() ? nullptr : &*found;
}

State state_of(Page const& page, RowStatus const& row) {
  using At = RowStatus::State;
  if (row.state == At::done) return State::ok;
  if (row.state == At::failed || row.state == At::refused) return State::critical;
  bool const passes = row.error == Kind::transient || row.error == Kind::conflict;
  return passes || boots(page) ? State::warning : State::critical;
}

}  // namespace haagent::check
