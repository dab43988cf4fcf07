#include "agent/user_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>

#include "agent/gzip.h"

namespace haagent {
namespace {

// User-data is 16 KiB at most; what unpacks to more than this is no config.
constexpr std::size_t kMaxUnpacked = 4u << 20u;
constexpr int kMaxDepth = 6;  // of messages, compressions and encodings in each other
constexpr int kMaxParts = 100;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr auto kSpace = " \t\r\n";
  auto begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The first line without its end, which is taken from the text with it.
std::string_view take_line(std::string_view& text) {
  auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string shown(std::string_view line) {
  return fmt::format("{}{}", line.substr(0, 60), line.size() > 60 ? "..." : "");
}

// White space is passed over; nothing where the rest is no base64.
std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  std::size_t characters = 0, padding = 0;
  for (char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    ++characters;
    if (c == '=') {
      ++padding;
      continue;
    }
    auto value = kAlphabet.find(c);
    if (value == kAlphabet.npos || padding > 0) return std::nullopt;
    bits = (bits << 6u) | static_cast<unsigned>(value);
    if (count += 6; count >= 8) {
      count -= 8;
      out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffu);
    }
  }
  if (characters % 4 != 0 || padding > 2) return std::nullopt;
  return out;
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
      constexpr std::string_view kHex = "0123456789abcdef";
      auto high = i + 2 < line.size() ? kHex.find(lower(line[i + 1])) : kHex.npos;
      auto low = i + 2 < line.size() ? kHex.find(lower(line[i + 2])) : kHex.npos;
      if (high == kHex.npos || low == kHex.npos) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (ends && !soft) out += '\n';
  }
  return out;
}

// One MIME entity: its headers (names in lower case, unfolded) and what follows them.
struct Entity {
  std::map<std::string, std::string> headers;
  std::string_view body;

  std::string header(std::string const& name) const {
    auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
  // "text/cloud-config"; RFC 2045's default where there is none.
  std::string type() const {
    auto value = header("content-type");
    auto type = lower(trim(std::string_view(value).substr(0, value.find(';'))));
    return type.empty() ? "text/plain" : type;
  }
  // A parameter of the type: boundary, charset.
  std::string parameter(std::string_view name) const {
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
};

bool is_header_line(std::string_view line) {
  auto colon = line.find(':');
  auto is_name = [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return colon != line.npos && colon > 0 && std::ranges::all_of(line.substr(0, colon), is_name);
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
      // A blank line ends the headers; so does a line that is no header.
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

// "apiVersion: haagent.io/..." as a key of the document itself, in block style or in JSON's.
bool says_our_api_version(std::string_view text) {
  bool flow = trim(text).starts_with('{');
  for (auto at = text.find("apiVersion"); at != text.npos; at = text.find("apiVersion", at + 1)) {
    auto begin = at > 0 && (text[at - 1] == '"' || text[at - 1] == '\'') ? at - 1 : at;
    if (!flow && begin > 0 && text[begin - 1] != '\n') continue;
    auto rest = text.substr(at + 10);
    rest.remove_prefix(std::min(rest.find_first_not_of("\"': \t"), rest.size()));
    if (rest.starts_with("haagent.io/")) return true;
  }
  return false;
}

struct Plain {
  enum class Kind { empty, ours, other, unmarked } kind;
  std::string what;  // of other: "a script (#!/bin/sh)"
};

Plain classify(std::string_view text) {
  auto start = trim(text);
  if (start.empty()) return {Plain::Kind::empty, ""};
  auto line = start;
  line = take_line(line);
  if (text.find('\0') != text.npos) return {Plain::Kind::other, "binary data"};
  if (line.starts_with("#!"))
    return {Plain::Kind::other, fmt::format("a script ({})", shown(line))};
  // What cloud-init tells its formats by.
  for (auto const* mark : {"#cloud-config", "#cloud-boothook", "#include", "#part-handler",
                           "#upstart-job", "## template:"}) {
    if (line.starts_with(mark)) {
      return {Plain::Kind::other, fmt::format("for cloud-init ({})", shown(line))};
    }
  }
  if (says_our_api_version(text)) return {Plain::Kind::ours, ""};
  return {Plain::Kind::unmarked, "text without 'apiVersion: haagent.io/v1'"};
}

std::string normalised(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::string out;
  while (!text.empty()) {
    bool ends = text.find('\n') != text.npos;
    out += take_line(text);
    if (ends) out += '\n';
  }
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view name) : name_(name) {}

  // Bytes of which nothing is known: all of user-data, or a part that says it is compressed.
  Result<void> any(std::string_view bytes, std::string const& name, int depth) {
    if (depth > kMaxDepth) return fail(Kind::invalid, "{} is nested too deeply", name);
    if (is_gzip(bytes)) {
      auto unpacked = unpack(bytes, name);
      if (!unpacked) return std::unexpected(unpacked.error());
      return any(*unpacked, name, depth + 1);
    }
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
    if (is_message(bytes)) return entity(split_entity(bytes), name, depth + 1);
    // Any word of the right length is base64: it counts where sense comes out.
    if (auto decoded = from_base64(bytes)) {
      if (is_gzip(*decoded) || is_message(*decoded) ||
          classify(*decoded).kind == Plain::Kind::ours || decoded->starts_with('#')) {
        return any(*decoded, name, depth + 1);
      }
    }
    auto plain = classify(bytes);
    if (plain.kind == Plain::Kind::ours) data_.documents.push_back({name, normalised(bytes)});
    if (plain.kind == Plain::Kind::unmarked) data_.unmarked = true;
    if (!plain.what.empty()) found_.push_back(plain.what);
    return {};
  }

  UserData take() {
    if (data_.documents.empty() && !types_.empty()) {
      data_.note = fmt::format("{} is a MIME message of {}, with no part of type {}", name_,
                               fmt::join(types_, ", "), kUserDataType);
      data_.unmarked = false;
    } else if (data_.documents.empty() && !found_.empty()) {
      data_.note = fmt::format("{} is {}", name_, found_.front());
    }
    return std::move(data_);
  }

 private:
  Result<std::string> unpack(std::string_view bytes, std::string const& name) {
    auto unpacked = gunzip(bytes, budget_);
    if (!unpacked) return fail(unpacked.error(), "{}", name);
    budget_ -= unpacked->size();
    return unpacked;
  }

  Result<void> entity(Entity const& entity, std::string const& name, int depth) {
    if (depth > kMaxDepth) return fail(Kind::invalid, "{} is nested too deeply", name);
    auto type = entity.type();
    return type.starts_with("multipart/") ? multipart(entity, depth) : leaf(entity, name, depth);
  }

  Result<void> multipart(Entity const& entity, int depth) {
    auto boundary = entity.parameter("boundary");
    if (boundary.empty()) {
      return fail(Kind::invalid, "{} is {} but names no boundary: Content-Type is '{}'", name_,
                  entity.type(), shown(entity.header("content-type")));
    }
    auto const delimiter = "--" + boundary;
    auto rest = entity.body;
    std::string_view open;  // where the part that is being read began
    bool inside = false;
    int parts = 0;
    std::string similar;  // a line that might have been meant as the boundary
    while (!rest.empty()) {
      auto const here = rest;
      auto line = take_line(rest);
      auto bare = line.substr(0, line.find_last_not_of(" \t") + 1);
      bool closes = bare == delimiter + "--";
      if (bare != delimiter && !closes) {
        if (similar.empty() && line.size() > 2 && line.starts_with("--") && line != "---") {
          similar = shown(line);
        }
        continue;
      }
      if (inside) {
        // The line end in front of a delimiter belongs to the delimiter.
        auto part = open.substr(0, open.size() - here.size());
        if (part.ends_with('\n')) part.remove_suffix(1);
        if (part.ends_with('\r')) part.remove_suffix(1);
        if (auto read = one_part(part, depth); !read) return read;
        ++parts;
      }
      if (closes) return {};
      inside = true;
      open = rest;
    }
    auto seen = similar.empty() ? "" : fmt::format("; there is a line '{}'", similar);
    if (!inside) {
      return fail(Kind::invalid, "{} names the boundary '{}', but has no line '{}'{}", name_,
                  shown(boundary), shown(delimiter), seen);
    }
    return fail(Kind::invalid,
                "{} ends without the line '{}--' that closes it, in part {}{}: cut off?", name_,
                shown(delimiter), parts + 1, seen);
  }

  Result<void> one_part(std::string_view text, int depth) {
    auto part = split_entity(text);
    if (part.type().starts_with("multipart/")) return entity(part, name_, depth + 1);
    if (++parts_ > kMaxParts) {
      return fail(Kind::invalid, "{} has more than {} parts", name_, kMaxParts);
    }
    return entity(part, fmt::format("{} part {}", name_, parts_), depth + 1);
  }

  Result<void> leaf(Entity const& entity, std::string const& name, int depth) {
    auto type = entity.type();
    bool ours = type == kUserDataType;
    types_.push_back(type);
    auto encoding = lower(entity.header("content-transfer-encoding"));
    std::optional<std::string> bytes;
    if (encoding == "base64") {
      bytes = from_base64(entity.body);
    } else if (encoding == "quoted-printable") {
      bytes = from_quoted_printable(entity.body);
    } else if (encoding.empty() || encoding == "7bit" || encoding == "8bit" ||
               encoding == "binary") {
      bytes = std::string(entity.body);
    } else if (ours) {
      return fail(Kind::invalid,
                  "{} has the encoding '{}'; base64, quoted-printable and 7bit are "
                  "read",
                  name, shown(encoding));
    }
    if (!bytes) {
      // Somebody else's part is somebody else's trouble.
      if (!ours) return {};
      return fail(Kind::invalid, "{} says that it is {}, and is not", name, encoding);
    }
    if (!ours) return not_ours(*bytes, type, name, depth);
    auto charset = lower(entity.parameter("charset"));
    if (!charset.empty() && charset != "utf-8" && charset != "us-ascii") {
      return fail(Kind::invalid, "{} has the charset '{}'; UTF-8 is read", name, shown(charset));
    }
    if (is_gzip(*bytes)) {
      auto unpacked = unpack(*bytes, name);
      if (!unpacked) return std::unexpected(unpacked.error());
      bytes = *std::move(unpacked);
    }
    data_.documents.push_back({name, normalised(*bytes)});
    return {};
  }

  Result<void> not_ours(std::string const& bytes, std::string const& type, std::string const& name,
                        int depth) {
    bool packed = type == "application/gzip" || type == "application/x-gzip";
    if (packed && is_gzip(bytes)) {
      types_.pop_back();
      return any(bytes, name, depth + 1);
    }
    // Passed over in silence, the node would boot with a config that nobody meant.
    if (classify(bytes).kind == Plain::Kind::ours) {
      return fail(Kind::invalid, "{} is a haagent document, but says Content-Type: {}; say {}",
                  name, type, kUserDataType);
    }
    return {};
  }

  std::string name_;
  UserData data_;
  std::size_t budget_ = kMaxUnpacked;
  int parts_ = 0;
  std::vector<std::string> types_;  // of the leaves, in order
  std::vector<std::string> found_;
};

}  // namespace

Result<UserData> read_user_data(std::string_view bytes, std::string_view name) {
  Reader reader(name);
  if (auto read = reader.any(bytes, std::string(name), 0); !read) {
    return std::unexpected(read.error());
  }
  return reader.take();
}

}  // namespace haagent
