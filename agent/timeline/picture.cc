#include "agent/timeline/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/base/critical_path.h"
#include "agent/base/node_name.h"

namespace haagent::timeline {
namespace {

using namespace std::chrono_literals;

BootRow const* row_of(BootRecord const& record, std::string_view name) {
  auto const found = std::ranges::find(record.rows, name, &BootRow::name);
  return found == record.rows.end() ? nullptr : &*found;
}

Bar bar_of(Span const& span) {
  bool const reason = !span.reason.empty();
  auto what = reason ? span.reason : std::string(to_string(span.kind));
  return {.begin = span.begin,
          .end = span.end,
          .kind = span.kind,
          .what = std::move(what),
          .more = span.text,
          .named = reason || span.kind == SpanKind::throttle};
}

Lane lane_of_group(BootRecord const& record, std::string const& group, Duration end) {
  Lane lane{.name = group};
  for (auto const& each : record.stages)
    if (each.group == group && each.begin < end)
      lane.bars.push_back({.begin = each.begin,
                           .end = std::min(each.end, end),
                           .kind = std::nullopt,
                           .what = each.name,
                           .more = "",
                           .named = true});
  std::ranges::sort(lane.bars, {}, &Bar::begin);
  if (lane.bars.empty()) return lane;
  lane.begin = lane.bars.front().begin;
  for (auto const& each : lane.bars) lane.end = std::max(lane.end, each.end);
  return lane;
}

// The latest moment at which each row could have been done, from the boot's end backwards. What
// comes after a row began when the last of its predecessors was done, and takes what it took.
std::map<std::string, Duration> latest_ends(BootRecord const& record, Duration end) {
  std::vector<BootRow const*> rows;
  for (auto const& each : record.rows)
    if (each.began && each.finished) rows.push_back(&each);
  std::ranges::sort(rows, std::greater(), [](auto const* each) { return *each->finished; });
  std::map<std::string, Duration> latest;
  for (auto const* row : rows) {
    auto const [place, first] = latest.try_emplace(row->name, end);
    auto const begins = place->second - (*row->finished - *row->began);
    for (auto const& name : row->after) {
      auto const [before, is_new] = latest.try_emplace(name, begins);
      before->second = std::min(before->second, begins);
    }
  }
  return latest;
}

Lane lane_of_row(BootRecord const& record, BootRow const& row, Duration end) {
  Lane lane{.name = row.name, .row = true, .done = row.finished.has_value()};
  lane.begin = *row.began;
  lane.end = row.finished.value_or(end);
  for (auto const& span : row.spans) lane.bars.push_back(bar_of(span));
  if (auto const* before = last_before(record.rows, row)) lane.waited_for = before->name;
  return lane;
}

// Records come from files, whose times may be anything.
void keep_inside(Picture& picture) {
  auto const inside = [&](auto& period) {
    period.begin = std::clamp(period.begin, picture.begin, picture.end);
    period.end = std::clamp(period.end, period.begin, picture.end);
  };
  for (auto& lane : picture.lanes) {
    inside(lane);
    for (auto& bar : lane.bars) inside(bar);
  }
}

std::string short_name(BootRecord const& record) {
  return first_label(record.node);
}

std::string state_of(BootRecord const& record) {
  return fmt::format("{} after {}", record.ready ? "ready" : "not ready",
                     short_time(end_of(record) - begin_of(record)));
}

// The rest of a node's boot after its machine's: the critical path as one row of bars.
Lane lane_of_node(BootRecord const& record, Duration shift) {
  Lane lane{.name = short_name(record), .done = record.ready.has_value()};
  lane.begin = begin_of(record) + shift;
  lane.end = end_of(record) + shift;
  for (auto const& stage : record.stages)
    if (stage.group == "machine" && stage.begin < record.agent_started)
      lane.bars.push_back({.begin = stage.begin + shift,
                           .end = std::min(stage.end, record.agent_started) + shift,
                           .kind = std::nullopt,
                           .what = stage.name,
                           .more = "",
                           .named = true});
  auto names = critical_path(record.rows);
  // A node that is not ready is at the row that it has been at for the longest.
  BootRow const* at = nullptr;
  for (auto const& each : record.rows)
    if (each.began && !each.finished && (!at || *each.began < *at->began)) at = &each;
  if (at && !record.ready) names.push_back(at->name);
  for (auto const& name : names) {
    auto const& row = *row_of(record, name);
    Span const* longest = nullptr;
    for (auto const& span : row.spans)
      if (!longest || span.end - span.begin > longest->end - longest->begin) longest = &span;
    if (!longest || !row.began) continue;
    auto bar = bar_of(*longest);
    bar.more = longest->reason.empty() ? "" : longest->reason + ": " + longest->text;
    bar.what = name;
    bar.begin = *row.began + shift;
    bar.end = row.finished.value_or(end_of(record)) + shift;
    bar.named = true;
    if (bar.end > bar.begin) lane.bars.push_back(std::move(bar));
  }
  return lane;
}

}  // namespace

std::string short_time(Duration time) {
  auto const seconds = static_cast<double>(time.count()) / 1000;
  if (seconds >= 60) {
    auto const whole = (time.count() + 500) / 1000;
    return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  }
  return seconds >= 10 ? fmt::format("{:.1f} s", seconds) : fmt::format("{:.2f} s", seconds);
}

Duration begin_of(BootRecord const& record) {
  auto begin = record.agent_started;
  for (auto const& each : record.stages) begin = std::min(begin, each.begin);
  return begin;
}

Duration end_of(BootRecord const& record) {
  if (record.ready) return *record.ready;
  auto end = record.agent_started;
  for (auto const& row : record.rows) {
    if (row.began) end = std::max(end, *row.began);
    if (row.finished) end = std::max(end, *row.finished);
    for (auto const& each : row.spans) end = std::max(end, each.end);
  }
  return end;
}

Picture picture_of(BootRecord const& record, BootRecord const* ghost) {
  Picture picture{.title = fmt::format("{} {} ({}): {}", record.role.empty() ? "node" : record.role,
                                       short_name(record), record.instance_id, state_of(record)),
                  .made_by = fmt::format("boot of {}, {}: haagent {}, Kubernetes {}",
                                         to_rfc3339(record.kernel_started + begin_of(record)),
                                         record.boot_id, record.version, record.kubernetes),
                  .compared = ghost != nullptr,
                  .begin = begin_of(record),
                  .end = std::max(end_of(record), begin_of(record) + 1ms)};
  for (auto const* group : {"machine", "cloud-init"}) {
    auto lane = lane_of_group(record, group, picture.end);
    if (!lane.bars.empty()) picture.lanes.push_back(std::move(lane));
  }
  auto const path = critical_path(record.rows);
  auto const latest = latest_ends(record, picture.end);
  std::vector<BootRow const*> rows;
  for (auto const& each : record.rows)
    if (each.began) rows.push_back(&each);
  std::ranges::stable_sort(rows, {}, [&](BootRow const* each) {
    return std::pair(*each->began, each->finished.value_or(picture.end));
  });
  auto const shift = ghost ? picture.begin - begin_of(*ghost) : 0ms;
  for (auto const* row : rows) {
    auto lane = lane_of_row(record, *row, picture.end);
    lane.critical = std::ranges::find(path, row->name) != path.end();
    if (record.ready && lane.done)
      if (auto const found = latest.find(row->name); found != latest.end())
        lane.slack = std::max(0ms, found->second - lane.end);
    auto const* then = ghost ? row_of(*ghost, row->name) : nullptr;
    if (then && then->began && then->finished)
      lane.ghost = Ghost{.begin = *then->began + shift, .end = *then->finished + shift};
    picture.lanes.push_back(std::move(lane));
  }
  for (auto const& each : record.moments)
    if (each.at >= picture.begin && each.at <= picture.end) picture.moments.push_back(each);
  keep_inside(picture);
  return picture;
}

Picture cluster_picture(std::vector<BootRecord> const& records) {
  Picture picture;
  if (records.empty()) return picture;
  auto const first =
      std::ranges::min_element(records, {}, &BootRecord::kernel_started)->kernel_started;
  std::optional<Duration> begin;
  std::size_t ready = 0;
  for (auto const& record : records) {
    auto const shift = std::chrono::duration_cast<Duration>(record.kernel_started - first);
    auto lane = lane_of_node(record, shift);
    begin = std::min(begin.value_or(lane.begin), lane.begin);
    picture.end = std::max(picture.end, lane.end);
    if (lane.done) ++ready;
    picture.lanes.push_back(std::move(lane));
  }
  picture.begin = *begin;
  picture.end = std::max(picture.end, picture.begin + 1ms);
  keep_inside(picture);
  std::ranges::stable_sort(picture.lanes, {}, &Lane::begin);
  picture.title = fmt::format("{}, {}: {} of {} nodes ready after {}", records.front().cluster,
                              to_rfc3339(first + picture.begin), ready, records.size(),
                              short_time(picture.took()));
  picture.made_by =
      fmt::format("haagent {}, Kubernetes {}", records.front().version, records.front().kubernetes);
  return picture;
}

}  // namespace haagent::timeline
