#include "agent/timeline/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace haagent::timeline {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kBold = "\033[1m", kPlain = "\033[0m";

// Plain characters: a serial console and a ticket show them too.
struct Ink {
  char character;
  std::string_view colour;
  std::string_view means;
};
Ink ink_of(std::optional<SpanKind> kind) {
  if (!kind) return {'=', "\033[34m", "machine"};
  switch (*kind) {
    case SpanKind::own:
      return {'#', "\033[32m", "haagent's own work"};
    case SpanKind::request:
      return {'-', "\033[36m", "requests"};
    case SpanKind::program:
      return {'+', "\033[35m", "programs, disks"};
    case SpanKind::throttle:
      return {'!', "\033[31m", "throttled"};
    case SpanKind::retrying:
      return {'x', "\033[31m", "retries"};
    case SpanKind::waiting:
      return {'~', "\033[33m", "waits"};
  }
  return {'#', "", ""};
}

constexpr std::array kLegend = {
    std::optional(SpanKind::own),      std::optional(SpanKind::request),
    std::optional(SpanKind::program),  std::optional(SpanKind::waiting),
    std::optional(SpanKind::throttle), std::optional(SpanKind::retrying)};

struct Columns {
  int name = 0;
  int chart = 0;
};

struct Cell {
  char character = ' ';
  std::string_view colour;
};

// Each cell shows what took the most of its time.
std::vector<Cell> cells_of(Lane const& lane, Picture const& picture, int width) {
  auto const whole = static_cast<double>(picture.took().count());
  auto const at = [&](Duration time) {
    return static_cast<double>((time - picture.begin).count()) / whole * width;
  };
  std::vector<Cell> cells(static_cast<std::size_t>(width));
  bool any = false;
  for (int i = 0; i < width; ++i) {
    auto& cell = cells[static_cast<std::size_t>(i)];
    double most = 0;
    for (auto const& bar : lane.bars) {
      auto const share = std::min(at(bar.end), i + 1.0) - std::max(at(bar.begin), i + 0.0);
      if (share <= most) continue;
      most = share;
      auto const ink = ink_of(bar.kind);
      cell = {ink.character, ink.colour};
      any = true;
    }
    bool const before = lane.row && !lane.waited_for.empty() && at(lane.begin) >= i + 1;
    if (most == 0 && before) cell.character = '.';
  }
  // A row that took no time stands all the same.
  if (!any) {
    auto const ink = ink_of(SpanKind::own);
    cells[static_cast<std::size_t>(std::clamp(static_cast<int>(at(lane.begin)), 0, width - 1))] = {
        ink.character, ink.colour};
  }
  return cells;
}

std::string chart_of(std::vector<Cell> const& cells, bool colour) {
  std::string line;
  std::string_view ink;
  for (auto const& cell : cells) {
    if (colour && cell.colour != ink) {
      line += kPlain;
      line += cell.colour;
      ink = cell.colour;
    }
    line += cell.character;
  }
  if (!ink.empty()) line += kPlain;
  return line;
}

// What took the most of the lane, if it is more than haagent itself.
std::string longest_wait(Lane const& lane) {
  std::string what;
  Duration most{0};
  for (auto const& bar : lane.bars) {
    if (bar.kind == SpanKind::own || bar.end - bar.begin <= most) continue;
    most = bar.end - bar.begin;
    what = bar.what;
  }
  return most * 4 >= lane.took() && most >= 50ms ? what : "";
}

std::string axis(Picture const& picture, Columns const& columns) {
  std::string line(static_cast<std::size_t>(columns.name + 1 + columns.chart), ' ');
  for (auto const& [share, right] : {std::pair{0.0, false}, {0.5, false}, {1.0, true}}) {
    auto const text = short_time(
        Duration(static_cast<std::int64_t>(static_cast<double>(picture.took().count()) * share)));
    auto place = static_cast<std::size_t>(columns.name + 1 + columns.chart * share);
    if (right) place -= text.size();
    line.replace(place, text.size(), text);
  }
  return line + "     took\n";
}

bool is_worth_a_line(Lane const& lane, Picture const& picture, bool all) {
  return all || !lane.row || lane.critical || !lane.done || lane.took() * 50 >= picture.took();
}

}  // namespace

std::string text_of(Picture const& picture, TextStyle const& style) {
  Columns columns;
  for (auto const& lane : picture.lanes)
    columns.name = std::max(columns.name, static_cast<int>(lane.name.size()) + 1);
  constexpr int kTime = 10;
  constexpr int kWhat = 22;
  bool const wide = style.width >= columns.name + 30 + kTime + kWhat;
  columns.chart = std::max(10, style.width - columns.name - 1 - kTime - (wide ? kWhat : 0));

  auto page = picture.title + "\n" + axis(picture, columns);
  Duration left_out{0};
  int count = 0;
  for (auto const& lane : picture.lanes) {
    if (!is_worth_a_line(lane, picture, style.all)) {
      ++count;
      left_out = std::max(left_out, lane.took());
      continue;
    }
    auto name = fmt::format("{}{}", lane.critical ? '*' : ' ', lane.name);
    name.resize(static_cast<std::size_t>(columns.name + 1), ' ');
    if (style.colour && lane.critical) name = fmt::format("{}{}{}", kBold, name, kPlain);
    auto line = name + chart_of(cells_of(lane, picture, columns.chart), style.colour) +
                fmt::format("{:>{}}", lane.done ? short_time(lane.took()) : "goes on", kTime);
    if (wide)
      if (auto const what = longest_wait(lane); !what.empty())
        line += "  " + what.substr(0, kWhat - 2);
    page += line + "\n";
  }
  if (count > 0)
    page +=
        fmt::format(" {} more steps took {} at the most (all: -v)\n", count, short_time(left_out));
  std::string legend = "* decided how long it took;";
  auto const used = [&](std::optional<SpanKind> kind) {
    return std::ranges::any_of(picture.lanes, [&](Lane const& lane) {
      return std::ranges::any_of(lane.bars, [&](Bar const& bar) { return bar.kind == kind; });
    });
  };
  if (used(std::nullopt)) legend += " = machine,";
  for (auto const& kind : kLegend)
    if (used(kind)) legend += fmt::format(" {} {},", ink_of(kind).character, ink_of(kind).means);
  if (legend.ends_with(',')) legend.pop_back();
  // The legend breaks between two of its parts.
  while (legend.size() > static_cast<std::size_t>(style.width)) {
    auto const place = legend.rfind(", ", static_cast<std::size_t>(style.width) - 1);
    if (place == std::string::npos) break;
    page += legend.substr(0, place + 1) + "\n";
    legend.erase(0, place + 2);
  }
  return page + legend + "\n";
}

std::string comparison_of(BootRecord const& record, BootRecord const& before,
                          TextStyle const& style) {
  struct Line {
    std::string name;
    std::optional<Duration> now, then;
    Duration difference() const { return std::chrono::abs(now.value_or(0ms) - then.value_or(0ms)); }
  };
  auto const took = [](BootRow const& row) -> std::optional<Duration> {
    if (!row.began || !row.finished) return std::nullopt;
    return *row.finished - *row.began;
  };
  std::vector<Line> lines;
  for (auto const& row : record.rows) lines.push_back({.name = row.name, .now = took(row)});
  for (auto const& row : before.rows) {
    auto line = std::ranges::find(lines, row.name, &Line::name);
    if (line == lines.end()) line = lines.insert(lines.end(), {.name = row.name});
    line->then = took(row);
  }
  std::ranges::stable_sort(lines, std::greater(), &Line::difference);
  lines.insert(lines.begin(), {.name = "boot",
                               .now = end_of(record) - begin_of(record),
                               .then = end_of(before) - begin_of(before)});
  auto page = fmt::format("{:<24}{:>10}{:>10}{:>11}\n", "", "this", "before", "difference");
  auto const time = [](std::optional<Duration> each) { return each ? short_time(*each) : "-"; };
  for (auto const& line : lines) {
    if (!style.all && line.difference() < 20ms) continue;
    auto const sign = line.now.value_or(0ms) < line.then.value_or(0ms) ? "-" : "+";
    page += fmt::format("{:<24}{:>10}{:>10}{:>11}\n", line.name, time(line.now), time(line.then),
                        sign + short_time(line.difference()));
  }
  return page;
}

}  // namespace haagent::timeline
