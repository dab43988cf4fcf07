#include "bootstrap/etcd/store/stored_fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace haagent::bootstrap {
namespace {

bool is_hex(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

}  // namespace

bool is_plain_text(std::string_view text) {
  return !text.empty() && text.size() <= 255 && text.front() != '-' &&
         std::ranges::all_of(
             text, [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != '=' && c != ','; });
}

std::string time_in_name(UtcTime time) {
  auto text = to_rfc3339(time, /*milliseconds=*/true);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string StoredFields::text(std::string_view key) {
  auto const* value = tree_.find(key);
  if (value && value->is_string() && is_plain_text(value->text())) return value->text();
  complain(key, "is missing or no plain text");
  return {};
}

std::string StoredFields::hex(std::string_view key, std::size_t most) {
  auto value = text(key);
  if (!value.empty() && (!is_hex(value) || value.size() > most))
    complain(key, "is not hexadecimal");
  return value;
}

std::uint64_t StoredFields::number(std::string_view key) {
  auto const* value = tree_.find(key);
  auto number = value ? value->as_unsigned() : std::nullopt;
  if (!number) complain(key, "is missing or no number");
  return number.value_or(0);
}

bool StoredFields::boolean(std::string_view key) {
  auto const* value = tree_.find(key);
  auto yes = value ? value->as_boolean() : std::nullopt;
  if (!yes) complain(key, "is missing or neither true nor false");
  return yes.value_or(false);
}

UtcTime StoredFields::time(std::string_view key) {
  auto parsed = parse_rfc3339(text(key));
  if (!parsed) complain(key, "is no time");
  return parsed.value_or(UtcTime{});
}

std::vector<Tree> const& StoredFields::list(std::string_view key, std::size_t most) {
  static std::vector<Tree> const kNone;
  auto const* value = tree_.find(key);
  if (value && value->is_list() && !value->items().empty() && value->items().size() <= most)
    return value->items();
  complain(key, fmt::format("is missing, or no list of one to {}", most));
  return kNone;
}

void StoredFields::complain(std::string_view key, std::string_view what) {
  if (complaint_.empty()) complaint_ = fmt::format("'{}' {}", key, what);
}

}  // namespace haagent::bootstrap
