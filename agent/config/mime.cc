#include "agent/config/mime.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/config/text_lines.h"

namespace haagent::mime {
namespace {

using text::lower;
using text::take_line;
using text::trim;

bool is_header_line(std::string_view line) {
  auto colon = line.find(':');
  auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return colon != line.npos && colon > 0 && std::ranges::all_of(line.substr(0, colon), is_name);
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string Entity::header(std::string const& name) const {
  auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::string Entity::type() const {
  auto value = header("content-type");
  auto type = lower(trim(std::string_view(value).substr(0, value.find(';'))));
  return type.empty() ? "text/plain" : type;
}

std::string Entity::parameter(std::string_view name) const {
  auto const value = header("content-type");
  std::string_view rest = value;
  while (true) {
    auto semicolon = rest.find(';');
    if (semicolon == rest.npos) return "";
    rest = trim(rest.substr(semicolon + 1));
    auto equals = rest.find_first_of("=;");
    if (equals == rest.npos || rest[equals] == ';') continue;
    bool wanted = lower(trim(rest.substr(0, equals))) == name;
    rest = trim(rest.substr(equals + 1));
    std::string text;
    if (rest.starts_with('"')) {
      std::size_t i = 1;
      for (; i < rest.size() && rest[i] != '"'; ++i) {
        if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
        text += rest[i];
      }
      rest.remove_prefix(std::min(i + 1, rest.size()));
    } else {
      text = trim(rest.substr(0, rest.find(';')));
    }
    if (wanted) return text;
  }
}

Entity split_entity(std::string_view text) {
  Entity entity;
  std::string* last = nullptr;
  while (!text.empty()) {
    auto rest = text;
    auto line = take_line(rest);
    if (last && (line.starts_with(' ') || line.starts_with('\t'))) {
      *last += fmt::format(" {}", trim(line));
    } else if (is_header_line(line)) {
      auto colon = line.find(':');
      last = &entity.headers[lower(line.substr(0, colon))];
      *last = trim(line.substr(colon + 1));
    } else {
      entity.body = line.empty() ? rest : text;
      return entity;
    }
    text = rest;
  }
  return entity;
}

bool is_message(std::string_view text) {
  auto entity = split_entity(text);
  return entity.headers.contains("content-type") || entity.headers.contains("mime-version");
}

std::optional<std::string> from_quoted_printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    bool ends = text.find('\n') != text.npos;
    auto line = take_line(text);
    line = line.substr(0, line.find_last_not_of(" \t") + 1);  // added in transport; npos + 1 is 0
    bool soft = line.ends_with('=');
    if (soft) line.remove_suffix(1);
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '=') {
        out += line[i];
        continue;
      }
      auto const high = i + 2 < line.size() ? hex(line[i + 1]) : -1;
      auto const low = i + 2 < line.size() ? hex(line[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (ends && !soft) out += '\n';
  }
  return out;
}

}  // namespace haagent::mime
