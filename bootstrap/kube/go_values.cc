#include "bootstrap/kube/go_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <regex>
#include <string>
#include <utility>

namespace haagent::bootstrap::kube {
namespace {

constexpr std::string_view kDigits = "0123456789";

bool take(std::string_view& text, std::string_view front) {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}

std::string_view take_digits(std::string_view& text) {
  auto digits = text.substr(0, std::min(text.find_first_not_of(kDigits), text.size()));
  text.remove_prefix(digits.size());
  return digits;
}

// "1", "1.5", ".5", "1."; nothing where there is no digit.
std::optional<std::string> take_number(std::string_view& text) {
  std::string number(take_digits(text));
  bool any = !number.empty();
  if (take(text, ".")) {
    auto const fraction = take_digits(text);
    any = any || !fraction.empty();
    number += '.';
    number += fraction;
  }
  if (!any) return std::nullopt;
  return number;
}

// "Underscores may separate digits, but only if base is 0", and only between digits or after the
// base: strconv.underscoreOK.
bool good_underscores(std::string_view digits, bool has_prefix) {
  char before = has_prefix ? '0' : '_';
  for (char c : digits) {
    if (c == '_' && before == '_') return false;
    before = c;
  }
  return digits.empty() || digits.back() != '_';
}

// The digits without sign, of any base.
std::optional<std::uint64_t> magnitude(std::string_view text) {
  int base = 10;
  bool has_prefix = false;
  if (text.size() > 1 && text[0] == '0') {
    auto mark = text[1] | 0x20;
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
    has_prefix = true;
  }
  if (!good_underscores(text, has_prefix)) return std::nullopt;
  std::string digits(text);
  std::erase(digits, '_');
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return value;
}

// Digits, with a point among them or not; without end where there are too many.
double decimal(std::string_view digits) {
  double value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc::result_out_of_range ? std::numeric_limits<double>::infinity() : value;
}

}  // namespace

std::optional<std::int64_t> go_duration(std::string_view text) {
  bool minus = take(text, "-");
  if (!minus) take(text, "+");
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  static constexpr std::array<std::pair<std::string_view, double>, 8> kUnits = {{{"ns", 1},
                                                                                 {"us", 1e3},
                                                                                 {"\xc2\xb5s", 1e3},
                                                                                 {"\xce\xbcs", 1e3},
                                                                                 {"ms", 1e6},
                                                                                 {"s", 1e9},
                                                                                 {"m", 6e10},
                                                                                 {"h", 3.6e12}}};
  long double sum = 0;
  while (!text.empty()) {
    auto const number = take_number(text);
    if (!number) return std::nullopt;
    auto unit = std::ranges::find_if(kUnits, [&](auto const& each) {
      auto const& name = each.first;
      if (!text.starts_with(name)) return false;
      auto next = text.substr(name.size(), 1);
      return next.empty() || next == "." || kDigits.find(next) != kDigits.npos;
    });
    if (unit == kUnits.end()) return std::nullopt;
    text.remove_prefix(unit->first.size());
    sum += static_cast<long double>(decimal(*number)) * unit->second;
  }
  if (sum > 9.2e18L) return std::nullopt;
  auto value = static_cast<std::int64_t>(sum);
  return minus ? -value : value;
}

std::optional<bool> go_boolean(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
  static constexpr std::array<std::string_view, 6> kFalse = {"0",     "f",     "F",
                                                             "FALSE", "false", "False"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  return std::nullopt;
}

std::optional<std::int64_t> go_integer(std::string_view text, int bits) {
  bool minus = take(text, "-");
  if (!minus) take(text, "+");
  auto value = magnitude(text);
  auto const limit = 1ull << static_cast<unsigned>(bits - 1);
  if (!value || *value > limit || (*value == limit && !minus)) return std::nullopt;
  return static_cast<std::int64_t>(minus ? 0 - *value : *value);
}

std::optional<std::uint64_t> go_unsigned(std::string_view text, int bits) {
  auto value = magnitude(text);
  if (!value || (bits < 64 && *value >> static_cast<unsigned>(bits) != 0)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> go_decimal(std::string_view text) {
  bool minus = take(text, "-");
  if (!minus) take(text, "+");
  if (text.empty() || text.find_first_not_of(kDigits) != text.npos) return std::nullopt;
  auto signed_text = (minus ? "-" : "") + std::string(text);
  std::int64_t value = 0;
  auto [end, error] =
      std::from_chars(signed_text.data(), signed_text.data() + signed_text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<double> go_float(std::string_view text) {
  bool minus = take(text, "-");
  if (!minus) take(text, "+");
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text[0] == '-' || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return minus ? -value : value;
}

std::optional<double> go_quantity(std::string_view text) {
  bool minus = take(text, "-");
  if (!minus) take(text, "+");
  auto const number = take_number(text);
  if (!number) return std::nullopt;
  double value = decimal(*number);
  if (minus) value = -value;
  static constexpr std::array<std::pair<std::string_view, double>, 16> kSuffixes = {
      {{"", 1},
       {"n", 1e-9},
       {"u", 1e-6},
       {"m", 1e-3},
       {"k", 1e3},
       {"M", 1e6},
       {"G", 1e9},
       {"T", 1e12},
       {"P", 1e15},
       {"E", 1e18},
       {"Ki", 1024.0},
       {"Mi", 1048576.0},
       {"Gi", 1073741824.0},
       {"Ti", 1099511627776.0},
       {"Pi", 1125899906842624.0},
       {"Ei", 1152921504606846976.0}}};
  for (auto const& [suffix, factor] : kSuffixes) {
    if (text == suffix) return value * factor;
  }
  if (!take(text, "e") && !take(text, "E")) return std::nullopt;
  auto exponent = go_integer(text, 32);
  // ParseInt(suffix, 10, 64): a plain number.
  if (!exponent || text.find_first_not_of("+-0123456789") != text.npos) return std::nullopt;
  return value * std::pow(10.0, static_cast<double>(*exponent));
}

std::optional<double> json_quantity(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  auto first = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(first);
  return go_quantity(text.substr(0, text.find_last_not_of(kBlanks) + 1));
}

bool is_label_name(std::string_view text) {
  // A DNS name of 253 characters at most in front: no part of it is empty or ends with a dash.
  static std::regex const shape(
      "([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
      "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?");
  auto slash = text.find('/');
  if (text.size() > 317 || (slash != text.npos && slash > 253)) return false;
  return std::regex_match(text.begin(), text.end(), shape);
}

bool is_label_value(std::string_view text) {
  static std::regex const shape("([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?");
  return text.size() <= 63 && std::regex_match(text.begin(), text.end(), shape);
}

}  // namespace haagent::bootstrap::kube
