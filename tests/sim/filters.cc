#include "tests/sim/filters.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/sha256.h"
#include "tests/sim/region_errors.h"

namespace haagent::sim {
namespace {

constexpr std::string_view kTokenMark = "page:";

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    int value = 0;
    for (char c : hex.substr(i, 2)) {
      auto const digit = std::string_view("0123456789abcdef").find(c);
      if (digit == std::string_view::npos) return std::nullopt;
      value = value * 16 + static_cast<int>(digit);
    }
    bytes += static_cast<char>(value);
  }
  return bytes;
}

}  // namespace

Api<std::vector<DescribeFilter>> filters_of(Form const& form) {
  std::vector<DescribeFilter> filters;
  for (auto const& item : form.items("Filter")) {
    auto name = form.require(item + ".Name");
    if (!name) return std::unexpected(name.error());
    auto values = form.texts(item + ".Value");
    if (values.empty()) {
      return std::unexpected(errors::invalid_value(
          fmt::format("The filter '{}' has no value; at least one is required", *name)));
    }
    filters.push_back({*name, std::move(values)});
  }
  return filters;
}

Api<bool> fits(std::vector<DescribeFilter> const& filters, Attributes const& attributes) {
  bool all = true;
  for (auto const& filter : filters) {
    auto const values = attributes(filter.name);
    if (!values) {
      return std::unexpected(
          errors::invalid_value(fmt::format("The filter '{}' is invalid", filter.name)));
    }
    all =
        all && std::any_of(values->begin(), values->end(), [&](auto const& value) {
          return std::any_of(filter.values.begin(), filter.values.end(),
                             [&](auto const& pattern) { return matches_wildcard(value, pattern); });
        });
  }
  return all;
}

std::optional<std::vector<std::string>> tag_attribute(std::string_view name, Tags const& tags) {
  std::vector<std::string> values;
  if (name == "tag-key" || name == "tag-value") {
    for (auto const& [key, value] : tags) values.push_back(name == "tag-key" ? key : value);
    return values;
  }
  if (!name.starts_with("tag:")) return std::nullopt;
  if (auto found = tags.find(std::string(name.substr(4))); found != tags.end()) {
    values.push_back(found->second);
  }
  return values;
}

Api<Paging> paging_of(Form const& form, bool has_ids, std::string_view ids_name, int most) {
  Paging paging;
  auto const size = form.number("MaxResults");
  if (!size) return std::unexpected(size.error());
  if (*size) {
    if (has_ids) {
      return std::unexpected(ApiError{
          "InvalidParameterCombination", 400,
          fmt::format("The parameter {} cannot be used with the parameter maxResults", ids_name)});
    }
    if (**size < 5) {
      return std::unexpected(errors::invalid_value(fmt::format(
          "Value ( {} ) for parameter maxResults is invalid. Expecting a value greater than 5.",
          **size)));
    }
    paging.size = static_cast<std::size_t>(std::min(**size, most));
  }
  if (auto const token = form.text("NextToken"); !token.empty()) {
    auto const bytes = from_hex(token);
    if (!bytes || !bytes->starts_with(kTokenMark)) {
      return std::unexpected(
          errors::invalid_value(fmt::format("Invalid value '{}' for nextToken", token)));
    }
    paging.after = bytes->substr(kTokenMark.size());
  }
  return paging;
}

std::string token_after(std::string_view last) {
  return to_hex(fmt::format("{}{}", kTokenMark, last));
}

}  // namespace haagent::sim
