#include "agent/check/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ranges>
#include <utility>

#include "agent/runtime/terminal.h"

namespace haagent::check {
namespace {

// Of one item in the first line, which goes into a pager's message. All of it is in the long
// output.
constexpr std::size_t kFirstLine = 200;

int rank(State state) {
  switch (state) {
    case State::ok:
      return 0;
    case State::unknown:
      return 1;
    case State::warning:
      return 2;
    case State::critical:
      return 3;
  }
  return 3;
}

// A '|' would begin the performance data.
std::string plain(std::string_view text) {
  auto out = printable(text);
  std::ranges::replace(out, '|', '/');
  return out;
}

std::string shortened(std::string text) {
  if (text.size() <= kFirstLine) return text;
  auto end = kFirstLine;
  // Never within a character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80u) --end;
  return text.substr(0, end) + "...";
}

std::string told(Item const& item) {
  auto out = item.subject;
  if (item.reason) out += fmt::format("{}{}", out.empty() ? "" : " ", to_string(*item.reason));
  return plain(fmt::format("{}{}{}", out, out.empty() || item.text.empty() ? "" : ": ", item.text));
}

// As few digits as say it; no exponent, which not every reader takes.
std::string number(double value) {
  auto text = fmt::format("{:.3f}", value);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string text_of(std::optional<Range> const& range) {
  return range ? range->text : std::string();
}

std::string printed(Perfdata const& each) {
  auto label = plain(each.label);
  std::ranges::replace_if(label, [](char c) { return c == '\'' || c == '='; }, '_');
  auto out =
      fmt::format("'{}'={}{};{};{};{};{}", label, number(each.value), each.unit,
                  text_of(each.thresholds.warning), text_of(each.thresholds.critical),
                  each.least ? number(*each.least) : "", each.most ? number(*each.most) : "");
  while (out.ends_with(';')) out.pop_back();
  return out;
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::ok:
      return "OK";
    case State::warning:
      return "WARNING";
    case State::critical:
      return "CRITICAL";
    case State::unknown:
      return "UNKNOWN";
  }
  return "UNKNOWN";
}

State worse(State a, State b) {
  return rank(a) < rank(b) ? b : a;
}

State Thresholds::of(double value) const {
  if (critical && critical->alerts(value)) return State::critical;
  return warning && warning->alerts(value) ? State::warning : State::ok;
}

Thresholds Thresholds::or_else(Thresholds const& own) const {
  return {.warning = warning ? warning : own.warning,
          .critical = critical ? critical : own.critical};
}

Item item(State state, std::string subject, Message const& message) {
  return {.state = state,
          .subject = std::move(subject),
          .reason = message.reason,
          .text = message.text,
          .advice = message.advice};
}

State CheckResult::state() const {
  auto worst = State::ok;
  for (auto const& each : items) worst = worse(worst, each.state);
  return worst;
}

std::string output_of(CheckResult const& result, bool verbose, std::optional<int> width) {
  auto items = result.items;
  std::ranges::stable_sort(items, std::ranges::greater(),
                           [](Item const& each) { return rank(each.state); });
  std::string line;
  for (auto const& each : items)
    if (each.state != State::ok) line += (line.empty() ? "" : "; ") + shortened(told(each));
  auto const lead = result.lead.empty() ? "" : plain(result.lead) + ": ";
  auto out = fmt::format("{} {}: {}", result.name, to_string(result.state()),
                         line.empty() ? plain(result.summary) : lead + line);
  for (auto const& each : result.perfdata)
    out += (&each == &result.perfdata.front() ? " | " : " ") + printed(each);
  out += '\n';
  if (!verbose) return out;
  auto const shown = [&](std::string const& text, std::size_t indent) {
    return std::string(indent, ' ') +
           (width ? wrapped(text, 2, static_cast<std::size_t>(*width)) : text) + '\n';
  };
  for (auto const& each : items) {
    out += shown(fmt::format("[{}] {}", to_string(each.state), told(each)), 0);
    if (!each.advice.empty()) out += shown(plain(each.advice), 2);
    if (each.reason && each.state != State::ok)
      out += shown(fmt::format("haagent explain {}", to_string(*each.reason)), 2);
  }
  return out;
}

}  // namespace haagent::check
