#include "agent/commands/explain.h"

#include <fmt/format.h>

#include <iostream>

#include "agent/base/nearest.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/log.h"

namespace haagent {
namespace {

constexpr std::size_t kLabel = 12;

std::string paragraph(std::string_view label, std::string_view text, int width) {
  return fmt::format("{:<{}}{}\n", label, kLabel,
                     wrapped(std::string(text), kLabel, static_cast<std::size_t>(width)));
}

}  // namespace

std::string explanation_page(Explanation const& explanation, int width) {
  return fmt::format("{}\n\n", to_string(explanation.reason)) +
         paragraph("Means", explanation.means, width) +
         paragraph("haagent", explanation.haagent_does, width) +
         paragraph("You", explanation.operator_does, width);
}

std::string explanations_page(int width) {
  std::string page;
  for (auto const& each : explanations())
    page += fmt::format("{}\n    {}\n", to_string(each.reason),
                        wrapped(std::string(each.means), 4, static_cast<std::size_t>(width)));
  return page;
}

Tree explanation_tree(Explanation const& explanation) {
  return Tree::map({{"reason", to_string(explanation.reason)},
                    {"means", explanation.means},
                    {"haagent", explanation.haagent_does},
                    {"operator", explanation.operator_does},
                    {"messageId", log::message_id(explanation.reason)}});
}

std::string explanations_markdown() {
  std::string page =
      "# Reasons\n\n"
      "Every row of `haagent status` that is not done has a reason, as have the status file, the "
      "metrics and the\n"
      "journal. `haagent explain REASON` prints what stands here. Made by `haagent explain "
      "--markdown`.\n";
  for (auto const& each : explanations())
    page += fmt::format("\n## {}\n\n{}\n\n- **haagent:** {}\n- **You:** {}\n",
                        to_string(each.reason), each.means, each.haagent_does, each.operator_does);
  return page;
}

std::string message_catalog() {
  std::string catalog;
  for (auto const& each : explanations())
    catalog += fmt::format(
        "-- {}\nSubject: {}\nDefined-By: haagent\nDocumentation: man:haagent(1)\n\n{}\n\n"
        "haagent: {}\nYou: {}\n\n",
        log::message_id(each.reason), to_string(each.reason), each.means, each.haagent_does,
        each.operator_does);
  return catalog;
}

int run_explain(std::string const& reason, OutputFormat form) {
  auto const terminal = standard_output();
  if (reason.empty()) {
    if (form == OutputFormat::text) {
      std::cout << explanations_page(terminal.width);
      return kExitOk;
    }
    auto list = Tree::list();
    for (auto const& each : explanations()) list.push_back(explanation_tree(each));
    std::cout << print_tree(Tree::map({{"schema", 1}, {"reasons", std::move(list)}}), form);
    return kExitOk;
  }
  auto const known = parse_reason(reason);
  if (!known) {
    std::vector<std::string> names;
    for (auto const& each : explanations()) names.emplace_back(to_string(each.reason));
    auto const near = did_you_mean(closest(reason, names));
    std::cerr << fmt::format("haagent: there is no reason '{}'{}; 'haagent explain' lists them\n",
                             printable(reason), near.empty() ? "" : ": " + near);
    return kExitUsage;
  }
  auto const& explanation = explanation_of(*known);
  std::cout << (form == OutputFormat::text ? explanation_page(explanation, terminal.width)
                                           : print_tree(explanation_tree(explanation), form));
  return kExitOk;
}

}  // namespace haagent
