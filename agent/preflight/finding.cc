#include "agent/preflight/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/runtime/exit_codes.h"

namespace haagent::preflight {
namespace {

constexpr Level kOrder[] = {Level::ok, Level::untried, Level::warning, Level::problem};
constexpr std::size_t kIndent = 12;  // where sentences begin

char const* colour_of(Level level) {
  switch (level) {
    case Level::ok:
      return "\033[32m";
    case Level::untried:
      return "\033[90m";
    case Level::warning:
      return "\033[33m";
    case Level::problem:
      return "\033[31m";
  }
  return "";
}

std::string counted(int number, std::string_view one) {
  return fmt::format("{} {}{}", number, one, number == 1 ? "" : "s");
}

std::string verdict(Report const& report) {
  auto const problems = report.count(Level::problem);
  auto const warnings = report.count(Level::warning);
  auto text = report.subject + ": ";
  if (problems > 0) text += counted(problems, "problem");
  if (problems == 0) text += "no problem";
  if (warnings > 0) text += ", " + counted(warnings, "warning");
  if (auto const left = report.count(Level::untried); left > 0)
    text += fmt::format(", {} not tried", left);
  return text + fmt::format(" ({})", counted(static_cast<int>(report.findings.size()), "check"));
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::ok:
      return "ok";
    case Level::untried:
      return "untried";
    case Level::warning:
      return "warning";
    case Level::problem:
      return "problem";
  }
  return "problem";
}

Finding ok(std::string check, std::string text) {
  return {std::move(check), Level::ok, Message(Reason::CheckPassed, std::move(text))};
}
Finding untried(std::string check, std::string text, std::string advice) {
  return {std::move(check), Level::untried,
          Message(Reason::NotChecked, std::move(text), std::move(advice))};
}
Finding warning(std::string check, Message message) {
  return {std::move(check), Level::warning, std::move(message)};
}
Finding warning(std::string check, Reason reason, std::string text, std::string advice) {
  return warning(std::move(check), Message(reason, std::move(text), std::move(advice)));
}
Finding problem(std::string check, Message message) {
  return {std::move(check), Level::problem, std::move(message)};
}
Finding problem(std::string check, Reason reason, std::string text, std::string advice) {
  return problem(std::move(check), Message(reason, std::move(text), std::move(advice)));
}

void add(Findings& all, Findings more) {
  std::ranges::move(more, std::back_inserter(all));
}

int Report::count(Level level) const {
  return static_cast<int>(std::ranges::count(findings, level, &Finding::level));
}

std::string page(Report const& report, Terminal const& terminal) {
  auto paint = [&](char const* code, std::string const& text) {
    return terminal.colour ? fmt::format("{}{}\033[0m", code, text) : text;
  };
  auto const width = static_cast<std::size_t>(std::clamp(terminal.width, 60, 120));
  auto const good = report.count(Level::problem) == 0;
  auto out = paint(good ? "\033[1;32m" : "\033[1;31m", wrapped(verdict(report), 2, width)) + '\n';
  for (auto level : kOrder) {
    for (auto const& each : report.findings) {
      if (each.level != level) continue;
      out +=
          fmt::format("  {} {}\n", paint(colour_of(level), fmt::format("{:<9}", to_string(level))),
                      wrapped(each.message.text, kIndent, width));
      if (!each.message.advice.empty())
        out += fmt::format("{:{}}{}\n", "", kIndent,
                           wrapped("-> " + each.message.advice, kIndent + 3, width));
    }
  }
  return out;
}

Tree to_tree(Report const& report) {
  auto findings = Tree::list();
  for (auto const& each : report.findings)
    findings.push_back(Tree::map({{"check", each.check},
                                  {"level", to_string(each.level)},
                                  {"reason", to_string(each.message.reason)},
                                  {"sentence", printable(each.message.text)},
                                  {"advice", printable(each.message.advice)}}));
  return Tree::map({{"schema", 1},
                    {"mode", report.mode},
                    {"subject", report.subject},
                    {"ok", exit_code(report) == kExitOk},
                    {"problems", report.count(Level::problem)},
                    {"warnings", report.count(Level::warning)},
                    {"untried", report.count(Level::untried)},
                    {"findings", std::move(findings)}});
}

int exit_code(Report const& report) {
  return report.count(Level::problem) == 0 ? kExitOk : kExitFailed;
}

}  // namespace haagent::preflight
