#include "bootstrap/addons/placeholders.h"

#include <fmt/ranges.h>

#include <ranges>

#include "agent/base/one_line.h"

namespace haagent::bootstrap::addons {
namespace {

constexpr std::string_view kBegin = "${haagent:";
constexpr std::size_t kMostOfAName = 40;  // in an error

Result<std::string> filled(std::string_view text, Values const& values) {
  std::string out;
  while (true) {
    auto const begin = text.find(kBegin);
    out += text.substr(0, begin);
    if (begin == text.npos) return out;
    text.remove_prefix(begin + kBegin.size());
    auto const end = text.find('}');
    if (end == text.npos)
      return fail(Kind::invalid, "the placeholder {}{} has no '}}'", kBegin,
                  one_line(std::string(text), kMostOfAName));
    auto const found = values.find(text.substr(0, end));
    if (found == values.end())
      return fail(Kind::invalid, "{}{}}} is no placeholder; there are {}", kBegin,
                  one_line(std::string(text.substr(0, end)), kMostOfAName),
                  fmt::join(std::views::keys(values), ", "));
    out += found->second;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Result<void> fill_in(Tree& tree, Values const& values) {
  for (auto& entry : tree.entries()) {
    if (entry.key.contains(kBegin))
      return fail(Kind::invalid, "a placeholder stands in the key '{}'; only values may have one",
                  one_line(entry.key, kMostOfAName));
    TRY(fill_in(entry.value, values));
  }
  for (auto& item : tree.items()) TRY(fill_in(item, values));
  if (tree.is_string() && tree.text().contains(kBegin))
    tree = Tree::scalar(Tree::Type::string, TRY(filled(tree.text(), values)), tree.mark());
  return {};
}

}  // namespace haagent::bootstrap::addons
