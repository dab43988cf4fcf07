#include "agent/timeline/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace haagent::timeline {
namespace {

using namespace std::chrono_literals;

// Units of the picture.
constexpr double kWidth = 1280, kName = 190, kRight = 176, kLane = 22, kBarTop = 4, kBarHeight = 14;
constexpr double kChart = kWidth - kName - kRight;
constexpr double kHead = 64;
// Of a sans-serif of 11 units: no letter of a reason is wider.
constexpr double kLetter = 7.2;

std::string escaped(std::string_view text) {
  std::string out;
  for (char const c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // XML takes no other control characters than these.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

std::string_view class_of(Bar const& bar) {
  if (bar.kind) return to_string(*bar.kind);
  return "machine";
}

class Drawing {
 public:
  explicit Drawing(Picture const& picture) : picture_(picture) {}

  std::string draw() {
    place_moments();
    top_ = kHead + static_cast<double>(levels_) * 15;
    axis();
    auto y = top_;
    for (auto const& lane : picture_.lanes) {
      draw_lane(lane, y);
      y += kLane;
    }
    moments(y);
    legend(y + 26);
    height_ = y + 44;
    return head() + body_ + "</svg>\n";
  }

 private:
  double x(Duration time) const {
    return kName + static_cast<double>((time - picture_.begin).count()) /
                       static_cast<double>(picture_.took().count()) * kChart;
  }
  static double width_of(std::string_view text) {
    return static_cast<double>(text.size()) * kLetter;
  }
  void text(double x, double y, std::string_view kind, std::string_view words) {
    body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>\n", x, y, kind,
                         escaped(words));
  }

  std::string head() const {
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
        "width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" role=\"img\">\n<title>{2}</title>\n<style>{3}</style>\n"
        "<rect class=\"page\" width=\"{0:.0f}\" height=\"{1:.0f}\"/>\n"
        "<text x=\"10\" y=\"24\" class=\"title\">{2}</text>\n",
        kWidth, height_, escaped(picture_.title), kStyle);
  }

  // A round number of seconds each, at most ten of them.
  void axis() {
    double const seconds = static_cast<double>(picture_.took().count()) / 1000;
    double step = 0.001;
    static constexpr std::array kFactors = {2.0, 2.5, 2.0};
    for (std::size_t i = 0; seconds / step > 10; ++i) step *= kFactors[i % kFactors.size()];
    auto const bottom = top_ + static_cast<double>(picture_.lanes.size()) * kLane;
    for (double at = 0; at <= seconds; at += step) {
      auto const place = kName + at / seconds * kChart;
      body_ += fmt::format(
          "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.0f}\" y2=\"{2:.0f}\"/>\n",
          place, top_ - 4, bottom);
      auto const label = fmt::format("{:g} s", std::round(at * 1000) / 1000);
      if (place + width_of(label) / 2 < kName + kChart + 8) text(place, top_ - 8, "tick", label);
    }
    text(kWidth - kRight + 82, top_ - 8, "figure", "took");
    if (std::ranges::any_of(picture_.lanes,
                            [](Lane const& each) { return each.slack.has_value(); }))
      text(kWidth - 8, top_ - 8, "figure", "slack");
  }

  void draw_lane(Lane const& lane, double y) {
    auto const middle = y + kBarTop + kBarHeight - 3;
    text(kName - 8, middle, lane.critical ? "name critical" : "name", lane.name);
    if (lane.ghost) {
      auto const from = std::clamp(x(lane.ghost->begin), kName, kName + kChart);
      auto const to = std::clamp(x(lane.ghost->end), from, kName + kChart);
      body_ += fmt::format(
          "<rect class=\"ghost\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
          "height=\"3\"><title>before: {}</title></rect>\n",
          from, y + kBarTop + kBarHeight + 1, std::max(1.0, to - from),
          short_time(lane.ghost->end - lane.ghost->begin));
    }
    // From the row that it waited for to its own beginning.
    if (!lane.waited_for.empty())
      body_ += fmt::format(
          "<line class=\"blocked\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" "
          "y2=\"{:.1f}\"><title>after {}</title></line>\n",
          kName, x(lane.begin), y + kBarTop + kBarHeight / 2, y + kBarTop + kBarHeight / 2,
          escaped(lane.waited_for));
    for (auto const& bar : lane.bars) draw_bar(bar, lane, y);
    if (lane.bars.empty())
      body_ += fmt::format(
          "<rect class=\"own\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"1\" height=\"{:.0f}\"/>\n",
          x(lane.begin), y + kBarTop, kBarHeight);
    text(kWidth - kRight + 82, middle, lane.critical ? "figure critical" : "figure",
         lane.done ? short_time(lane.took()) : "goes on");
    if (lane.slack) text(kWidth - 8, middle, "figure slack", short_time(*lane.slack));
  }

  void draw_bar(Bar const& bar, Lane const& lane, double y) {
    auto const from = x(bar.begin);
    auto const wide = std::max(0.5, x(bar.end) - from);
    auto tip = fmt::format("{}: {} for {}", lane.name, bar.what, short_time(bar.end - bar.begin));
    if (!bar.more.empty()) tip += "; " + bar.more;
    body_ += fmt::format(
        "<rect class=\"{}{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"{:.0f}\"><title>{}</title></rect>\n",
        class_of(bar), lane.critical ? " bold" : "", from, y + kBarTop, wide, kBarHeight,
        escaped(tip));
    if (bar.named && width_of(bar.what) + 6 <= wide)
      text(from + 3, y + kBarTop + kBarHeight - 3, "in", bar.what);
  }

  // One above the other where they would stand over each other.
  void place_moments() {
    std::vector<double> ends;
    for (auto const& each : picture_.moments) {
      auto const label = label_of(each);
      auto const from = std::min(x(each.at), kWidth - width_of(label) - 8);
      std::size_t level = 0;
      while (level < ends.size() && ends[level] > from) ++level;
      if (level == ends.size()) ends.push_back(0);
      ends[level] = from + width_of(label) + 10;
      placed_.push_back({from, level});
    }
    levels_ = ends.size();
  }
  static std::string label_of(Moment const& moment) { return moment.name + " started"; }

  void moments(double bottom) {
    for (std::size_t i = 0; i < placed_.size(); ++i) {
      auto const& each = picture_.moments[i];
      auto const y = kHead - 20 + static_cast<double>(placed_[i].second) * 15;
      body_ += fmt::format(
          "<line class=\"moment\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>\n",
          x(each.at), y + 3, bottom);
      text(placed_[i].first, y, "label", label_of(each));
    }
  }

  void legend(double y) {
    double at = kName;
    auto entry = [&](std::string_view kind, std::string_view words) {
      body_ +=
          fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"10\"/>\n",
                      kind, at, y - 9);
      text(at + 18, y, "label", words);
      at += width_of(words) + 34;
    };
    entry("machine", "machine");
    entry("own", "haagent itself");
    entry("request", "requests");
    entry("program", "programs, disks");
    entry("waiting", "waits");
    entry("throttle", "throttled");
    entry("retrying", "retries");
    if (picture_.compared) entry("ghost", "the boot before");
    text(at, y, "label critical", "bold: the critical path");
  }

  static constexpr char kStyle[] = R"(
svg{--page:#ffffff;--ink:#1f2328;--dim:#59636e;--grid:#d8dee4;--machine:#9db4d0;--own:#2da44e;--request:#54aeff;--program:#b87fff;--waiting:#f2cc60;--throttle:#fb8f44;--retrying:#ff8182;--in:#1f2328;--ghost:#8c959f}
@media (prefers-color-scheme:dark){svg{--page:#0d1117;--ink:#e6edf3;--dim:#9198a1;--grid:#30363d;--machine:#4c6a8f;--own:#1f7a31;--request:#1f6feb;--program:#7b49d6;--waiting:#8f5f00;--throttle:#bc4c00;--retrying:#b62324;--in:#ffffff;--ghost:#6e7681}}
text{font:11px system-ui,sans-serif;fill:var(--ink)}
.page{fill:var(--page)}.title{font-size:15px;font-weight:600}
.name,.figure{text-anchor:end}.tick{text-anchor:middle;fill:var(--dim)}.figure,.label{fill:var(--dim)}.label{text-anchor:start}
.critical{font-weight:700;fill:var(--ink)}.in{fill:var(--in)}
.grid{stroke:var(--grid)}.moment{stroke:var(--dim);stroke-dasharray:2 3}.blocked{stroke:var(--grid);stroke-dasharray:1 3}
.machine{fill:var(--machine)}.own{fill:var(--own)}.request{fill:var(--request)}.program{fill:var(--program)}.waiting{fill:var(--waiting)}.throttle{fill:var(--throttle)}.retrying{fill:var(--retrying)}.ghost{fill:var(--ghost)}
.bold{stroke:var(--ink);stroke-width:1})";

  Picture const& picture_;
  std::string body_;
  std::vector<std::pair<double, std::size_t>> placed_;  // x and level of each moment's label
  std::size_t levels_ = 0;
  double top_ = kHead;
  double height_ = 0;
};

std::string table_of(Picture const& picture) {
  std::string rows;
  for (auto const& lane : picture.lanes) {
    std::string what;
    for (auto const& bar : lane.bars)
      if (bar.kind && !bar.more.empty())
        what += fmt::format("{}<b>{}</b> {}: {}", what.empty() ? "" : "<br>", escaped(bar.what),
                            short_time(bar.end - bar.begin), escaped(bar.more));
    rows += fmt::format("<tr><td>{}{}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        lane.critical ? "<b>" : "", escaped(lane.name), lane.critical ? "</b>" : "",
                        short_time(lane.begin - picture.begin),
                        lane.done ? short_time(lane.took()) : "goes on",
                        lane.slack ? short_time(*lane.slack) : "", what);
  }
  return rows;
}

}  // namespace

std::string svg_of(Picture const& picture) {
  return Drawing(picture).draw();
}

std::string html_of(Picture const& picture) {
  return fmt::format(
      R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{0}</title>
<style>
:root{{color-scheme:light dark}}
body{{font:14px/1.5 system-ui,sans-serif;margin:16px auto;max-width:1280px;background:#fff;color:#1f2328}}
svg{{width:100%;height:auto}}
table{{border-collapse:collapse;width:100%}}
th,td{{text-align:left;vertical-align:top;padding:3px 10px;border-bottom:1px solid #d8dee4}}
td:nth-child(2),td:nth-child(3),td:nth-child(4){{white-space:nowrap}}
@media (prefers-color-scheme:dark){{body{{background:#0d1117;color:#e6edf3}}th,td{{border-color:#30363d}}}}
</style>
</head>
<body>
{1}<p>{2}</p>
<table>
<thead><tr><th>step</th><th>began</th><th>took</th><th>slack</th><th>waited for</th></tr></thead>
<tbody>
{3}</tbody>
</table>
</body>
</html>
)",
      escaped(picture.title), svg_of(picture), escaped(picture.made_by), table_of(picture));
}

}  // namespace haagent::timeline
