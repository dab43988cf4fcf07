#include "tests/sim/form.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/aws/sigv4.h"

namespace haagent::sim {

Form::Form(std::string_view encoded) {
  auto const decode = [](std::string_view part) {
    std::string text(part);
    std::replace(text.begin(), text.end(), '+', ' ');
    return aws::uri_decode(text);
  };
  while (!encoded.empty()) {
    auto const end = encoded.find('&');
    auto const pair = encoded.substr(0, end);
    encoded = end == std::string_view::npos ? "" : encoded.substr(end + 1);
    if (pair.empty()) continue;
    auto const equals = pair.find('=');
    auto const value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    values_[decode(pair.substr(0, equals))] = decode(value);
  }
}

std::optional<std::string> Form::find(std::string const& name) const {
  auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::string Form::text(std::string const& name, std::string_view fallback) const {
  return find(name).value_or(std::string(fallback));
}

Api<std::string> Form::require(std::string const& name) const {
  auto value = text(name);
  if (!value.empty()) return value;
  return std::unexpected(
      ApiError{"MissingParameter", 400, "The request must contain the parameter " + name});
}

bool Form::flag(std::string const& name) const {
  auto value = text(name);
  std::transform(value.begin(), value.end(), value.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return value == "true";
}

Api<std::optional<int>> Form::number(std::string const& name) const {
  auto const value = find(name);
  if (!value) return std::nullopt;
  int number = 0;
  auto const* end = value->data() + value->size();
  auto [at, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc() || at != end || number < 0) {
    return std::unexpected(ApiError{
        "InvalidParameterValue", 400,
        fmt::format("Invalid value '{}' for {}: a whole number is expected", *value, name)});
  }
  return number;
}

std::vector<std::string> Form::items(std::string const& list) const {
  std::vector<int> numbers;
  auto const prefix = list + ".";
  for (auto at = values_.lower_bound(prefix); at != values_.end() && at->first.starts_with(prefix);
       ++at) {
    int number = 0;
    auto const* begin = at->first.data() + prefix.size();
    auto const* end = at->first.data() + at->first.size();
    auto [stop, error] = std::from_chars(begin, end, number);
    if (error != std::errc() || (stop != end && *stop != '.')) continue;
    numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::vector<std::string> items;
  for (int number : numbers) items.push_back(fmt::format("{}.{}", list, number));
  return items;
}

std::vector<std::string> Form::texts(std::string const& list) const {
  std::vector<std::string> texts;
  for (auto const& item : items(list)) texts.push_back(text(item));
  return texts;
}

}  // namespace haagent::sim
