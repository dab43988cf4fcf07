#include "agent/check/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/base/row_names.h"

namespace haagent::check {
namespace {

using Row = RowStatus::State;

// The node serves without these, for hours if need be: they warn, and never page by lasting.
bool can_wait(RowStatus const& row) {
  using namespace row_names;
  constexpr std::array kOnes = {kAddons,      kAnnounce,    kBackup,
                                kClock,       kMaintenance, kNodeLabels,
                                kNodeRecords, kVersionSkew, kLaunchingHook};
  return std::ranges::any_of(kOnes, [&](std::string_view each) {
    return row.name == each || row.name.starts_with(fmt::format("{}-", each));
  });
}

std::string whole_node(Page const& page) {
  auto const& report = page.report;
  auto const phase = phase_of(report);
  auto text = fmt::format("{} {}", report.role.empty() ? "node" : report.role, to_string(phase));
  if (phase == Phase::ready)
    text += fmt::format(" for {}; the boot took {}",
                        to_words(std::max(Duration(0), std::chrono::duration_cast<Duration>(
                                                           page.now - *report.booted))),
                        to_words(report.boot_took.value_or(Duration(0))));
  if (!report.handing_over.empty()) text += fmt::format(" ({})", report.handing_over);
  if (phase == Phase::warm) text += ": prepares, does not join";
  if (page.writer == Writer::ended)
    text += "; 'haagent bootstrap' has ended, and nobody looks after the node";
  return text;
}

// A boot is one wait, in whatever rows; what drifts in a booted node does so by itself.
Duration lasts(Page const& page, RowStatus const& row) {
  if (!page.report.booted) return not_ready_for(page);
  return std::max(Duration(0), std::chrono::duration_cast<Duration>(page.now - row.since));
}

double seconds_in(Duration duration) {
  return static_cast<double>(duration.count()) / 1000;
}

State not_ready(Page const& page, RowStatus const& row, Thresholds const& limits) {
  bool const waits = page.report.booted && can_wait(row);
  if (row.state == Row::refused || page.writer == Writer::ended) return State::critical;
  if (row.state == Row::failed) return waits ? State::warning : State::critical;
  for (auto const& each : filesystems_short_of_room(page.report))
    if (each.level == SpaceLevel::critical && says_of(row, each)) return State::critical;
  auto const state = limits.of(seconds_in(lasts(page, row)));
  return state == State::critical && waits ? State::warning : state;
}

void add_rows(CheckResult& result, Page const& page, Thresholds const& limits) {
  for (auto const& row : page.report.rows)
    if (row.state != Row::done && row.state != Row::blocked)
      result.items.push_back(item(not_ready(page, row, limits), row.name, row.message));
  // What has just begun has no row that says anything.
  if (result.items.empty())
    result.items.push_back({.state = page.writer == Writer::ended
                                         ? State::critical
                                         : limits.of(seconds_in(not_ready_for(page))),
                            .subject = "",
                            .reason = Reason::WaitsForOtherRows,
                            .text = "no step says what it waits for"});
}

}  // namespace

CheckResult check_node(Page const& page, Thresholds const& thresholds) {
  CheckResult result{.name = "NODE", .summary = whole_node(page), .items = {}, .perfdata = {}};
  if (auto const why = no_longer_true(page))
    return without_page(result.name, *why, State::critical);
  if (phase_of(page.report) != Phase::ready) result.lead = whole_node(page);
  auto const& report = page.report;
  auto const phase = phase_of(report);
  bool const on_purpose = phase == Phase::warm || phase == Phase::handed_over;
  auto const seconds = phase == Phase::ready || on_purpose ? 0.0 : seconds_in(not_ready_for(page));
  auto const limits = thresholds.or_else(
      {.warning = above(0), .critical = above(std::chrono::duration<double>(kBootTakes).count())});
  if (phase != Phase::ready && !on_purpose)
    add_rows(result, page, limits);
  else
    result.items.push_back(
        {.state = State::ok, .subject = "", .reason = {}, .text = result.summary});
  for (auto const& each : filesystems_short_of_room(report))
    if (each.level == SpaceLevel::critical &&
        std::ranges::none_of(report.rows, [&](RowStatus const& row) {
          return row.state != Row::done && says_of(row, each);
        }))
      result.items.push_back(
          item(State::critical, each.mount_point, Message(Reason::SpaceExhausted, each.message)));

  result.perfdata.push_back(
      {.label = "not_ready", .value = seconds, .unit = "s", .thresholds = limits, .least = 0});
  auto const done = std::ranges::count(report.rows, Row::done, &RowStatus::state);
  result.perfdata.push_back({.label = "steps_done",
                             .value = static_cast<double>(done),
                             .least = 0,
                             .most = static_cast<double>(report.rows.size())});
  if (report.boot_took)
    result.perfdata.push_back({.label = "boot",
                               .value = static_cast<double>(report.boot_took->count()) / 1000,
                               .unit = "s",
                               .least = 0});
  return result;
}

}  // namespace haagent::check
