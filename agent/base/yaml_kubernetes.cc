#include "agent/base/yaml_kubernetes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace haagent::yaml {
namespace {

// go-yaml's resolve.go: these spellings, and no others (not "yEs").
std::optional<bool> word(std::string_view text) {
  static constexpr std::array<std::string_view, 8> kOn = {"y",   "Y",  "yes", "Yes",
                                                          "YES", "on", "On",  "ON"};
  static constexpr std::array<std::string_view, 8> kOff = {"n",  "N",   "no",  "No",
                                                           "NO", "off", "Off", "OFF"};
  if (std::ranges::find(kOn, text) != kOn.end()) return true;
  if (std::ranges::find(kOff, text) != kOff.end()) return false;
  return std::nullopt;
}

// strconv.ParseInt(text, 0, 64), after all "_" were taken out: the digits in decimal.
std::optional<std::string> integer(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  std::string_view rest = digits;
  bool minus = rest.starts_with('-');
  if (minus || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  if (rest.size() > 1 && rest[0] == '0') {
    auto mark = rest[1] | 0x20;
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    rest.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  std::uint64_t value = 0;
  // 089 is no octal number, and then a decimal one.
  if (base == 8 && rest.find_first_of("89") != rest.npos) base = 10;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (rest.empty() || error != std::errc() || end != rest.data() + rest.size()) {
    return std::nullopt;
  }
  if (minus && value > (1ull << 63u)) return std::nullopt;
  return fmt::format("{}{}", minus && value != 0 ? "-" : "", value);
}

bool may_be_number(std::string_view text) {
  auto first = text.find_first_of("0123456789");
  return first == 0 || (first == 1 && (text[0] == '-' || text[0] == '+'));
}

void read(Tree& tree, std::string const& path, std::vector<Reread>& out) {
  for (auto& entry : tree.entries()) {
    read(entry.value, path.empty() ? entry.key : fmt::format("{}.{}", path, entry.key), out);
  }
  for (std::size_t i = 0; i < tree.items().size(); ++i) {
    read(tree.items()[i], fmt::format("{}[{}]", path, i), out);
  }
  if (!tree.is_plain()) return;
  auto const written = tree.text();
  if (auto on = word(written)) {
    tree = Tree::scalar(Tree::Type::boolean, *on ? "true" : "false", tree.mark());
    out.push_back({path, tree.mark(), written, tree.type(), tree.text()});
    return;
  }
  if (!may_be_number(written)) return;
  auto decimal = integer(written);
  if (!decimal || *decimal == written) return;
  tree = Tree::scalar(Tree::Type::number, *decimal, tree.mark());
  // Digits that stand for another number: 0644 is 420.
  auto const digits = written.find_first_of("0123456789");
  auto const nonzero = std::min(written.find_first_not_of('0', digits), written.size() - 1);
  bool octal = written.find_first_not_of("0123456789", digits) == written.npos &&
               !decimal->ends_with(written.substr(nonzero));
  if (octal) out.push_back({path, tree.mark(), written, tree.type(), tree.text()});
}

}  // namespace

std::vector<Reread> read_as_kubernetes(Tree& tree) {
  std::vector<Reread> out;
  read(tree, "", out);
  return out;
}

}  // namespace haagent::yaml
