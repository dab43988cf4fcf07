#include "agent/config/text_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace haagent::text {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr auto kSpace = " \t\r\n";
  auto begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string_view take_line(std::string_view& text) {
  auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string shown(std::string_view line) {
  constexpr std::size_t kMost = 60;
  auto end = std::min(line.size(), kMost);
  // No character of UTF-8 is cut in two.
  while (end < line.size() && end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0u) == 0x80u)
    --end;
  return fmt::format("{}{}", line.substr(0, end), end < line.size() ? "..." : "");
}

std::string normalised(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      out += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      out += '\n';
    }
  }
  return out;
}

std::string common_indent(std::string_view text) {
  std::optional<std::string_view> common;
  while (!text.empty()) {
    auto line = take_line(text);
    auto begin = line.find_first_not_of(" \t");
    if (begin == line.npos) continue;
    auto indent = line.substr(0, begin);
    if (!common) common = indent;
    auto [differs, other] = std::ranges::mismatch(*common, indent);
    common = common->substr(0, static_cast<std::size_t>(differs - common->begin()));
    if (common->empty()) break;
  }
  return std::string(common.value_or(""));
}

std::string dedented(std::string_view text, std::size_t columns) {
  std::string out;
  while (!text.empty()) {
    bool ends = text.find('\n') != text.npos;
    auto line = take_line(text);
    out += line.substr(std::min(columns, line.size()));
    if (ends) out += '\n';
  }
  return out;
}

}  // namespace haagent::text
