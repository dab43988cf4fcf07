#include "agent/config/placeholders.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace haagent {
namespace {

void report(Mark mark, std::size_t length, std::string const& path, std::string_view what,
            Diagnostics& out) {
  out.push_back(
      {.severity = Severity::error,
       .mark = mark,
       .length = length,
       .path = path,
       .message = fmt::format("'{}' is a template's placeholder that was not filled in", what),
       .hint = "look at the tool that makes this document; haagent expands nothing"});
}

void walk(Tree const& tree, std::string const& path, Diagnostics& out) {
  if (auto const what = placeholder_in(tree.text()); !what.empty()) {
    // The value is quoted where it is refused, and one refusal is enough.
    auto refused = [&](Diagnostic const& each) { return each.mark == tree.mark(); };
    if (std::ranges::none_of(out, refused))
      report(tree.mark(), tree.text().size(), path, what, out);
  }
  for (auto const& entry : tree.entries()) {
    auto const below = path.empty() ? entry.key : fmt::format("{}.{}", path, entry.key);
    if (auto const what = placeholder_in(entry.key); !what.empty())
      report(entry.key_mark, entry.key.size(), below, what, out);
    walk(entry.value, below, out);
  }
  for (std::size_t i = 0; i < tree.items().size(); ++i)
    walk(tree.items()[i], fmt::format("{}[{}]", path, i), out);
}

}  // namespace

std::string_view placeholder_in(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kForms = {{
      {"${", "}"},         // Terraform, shells
      {"%{", "}"},         // Terraform's directives
      {"{{", "}}"},        // Go, Jinja, Helm
      {"<no value", ">"},  // Go's templates, for what is not set
      {"%!", ")"},         // Go's Printf, for what does not fit
  }};
  for (auto const& [begins, ends] : kForms) {
    auto const begin = text.find(begins);
    if (begin == text.npos) continue;
    auto const end = text.find(ends, begin + begins.size());
    if (end == text.npos || text.substr(begin, end - begin).contains('\n')) continue;
    return text.substr(begin, end + ends.size() - begin);
  }
  return {};
}

void check_placeholders(Tree const& document, Diagnostics& out) {
  walk(document, "", out);
}

}  // namespace haagent
