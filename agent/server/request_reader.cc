#include "agent/server/request_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

namespace haagent {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::size_t kChunkLineCap = 256;  // a chunk's size and its extensions, or a trailer
constexpr int kTrailerCap = 16;

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

bool is_visible(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// What a header's value may hold: text of any encoding, no control character but the tab.
bool is_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    auto const byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
  });
}

// What may stand in a head at all.
bool is_head(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    auto const byte = static_cast<unsigned char>(c);
    return byte == '\r' || byte == '\n' || byte == '\t' || (byte >= ' ' && byte != 0x7f);
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trim(std::string_view text) {
  auto const first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::size_t> parse_length(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::size_t length = 0;
  auto const parsed = std::from_chars(text.data(), text.data() + text.size(), length);
  return parsed.ec == std::errc() ? length : std::numeric_limits<std::size_t>::max();
}

// Hexadecimal, as it stands before a chunk; one that does not fit is the largest.
std::optional<std::size_t> parse_chunk_size(std::string_view line) {
  auto const text = trim(line.substr(0, line.find(';')));
  std::size_t size = 0;
  auto const parsed = std::from_chars(text.data(), text.data() + text.size(), size, 16);
  if (parsed.ptr != text.data() + text.size() || parsed.ec == std::errc::invalid_argument)
    return std::nullopt;
  return parsed.ec == std::errc() ? size : std::numeric_limits<std::size_t>::max();
}

// The minor version, or the status.
std::expected<int, int> parse_request_line(std::string_view line, RequestHead& head) {
  auto const first = line.find(' ');
  auto const last = line.rfind(' ');
  if (first == line.npos || first == last) return std::unexpected(400);
  auto const method = line.substr(0, first);
  auto const target = line.substr(first + 1, last - first - 1);
  auto const version = line.substr(last + 1);
  if (!is_token(method) || !is_visible(target)) return std::unexpected(400);
  if (target.size() > kRequestTargetCap) return std::unexpected(414);
  if (version.size() != 8 || !version.starts_with("HTTP/")) return std::unexpected(400);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return std::unexpected(505);
  head.method = method;
  head.path = target.substr(0, target.find('?'));
  return version.back() - '0';
}

// The status that refuses it, or 0.
int take_field(std::string_view line, int minor, RequestHead& head, bool& has_host) {
  auto const colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) return 400;
  auto const name = lower(line.substr(0, colon));
  auto const value = trim(line.substr(colon + 1));
  if (!is_value(value)) return 400;
  if (name == "host") {
    if (std::exchange(has_host, true)) return 400;
  } else if (name == "content-length") {
    if (head.length) return 400;
    head.length = parse_length(value);
    if (!head.length) return 400;
  } else if (name == "transfer-encoding") {
    if (head.chunked || minor == 0) return 400;
    if (lower(value) != "chunked") return 501;
    head.chunked = true;
  } else if (name == "content-encoding") {
    head.encoded = head.encoded || lower(value) != "identity";
  } else if (name == "expect") {
    if (lower(value) != "100-continue") return 417;
    head.expects_continue = minor > 0;
  }
  return 0;
}

}  // namespace

std::expected<RequestHead, int> parse_request_head(std::string_view text) {
  if (text.size() > kRequestHeadCap) return std::unexpected(431);
  if (!text.ends_with(kEnd)) return std::unexpected(400);
  text.remove_suffix(2);
  RequestHead head;
  std::optional<int> minor;
  bool has_host = false;
  for (std::size_t fields = 0; !text.empty(); ++fields) {
    auto const end = text.find("\r\n");
    auto const line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (!minor) {
      auto const parsed = parse_request_line(line, head);
      if (!parsed) return std::unexpected(parsed.error());
      minor = *parsed;
      continue;
    }
    if (fields > kRequestFieldCap) return std::unexpected(431);
    if (int const status = take_field(line, *minor, head, has_host)) return std::unexpected(status);
  }
  if (!minor || (*minor > 0 && !has_host) || (head.chunked && head.length))
    return std::unexpected(400);
  return head;
}

bool RequestReader::fill() {
  if (at_ == end_) at_ = end_ = 0;
  if (end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    end_ -= std::exchange(at_, 0);
  }
  if (end_ == buffer_.size()) return false;
  auto const got = read_(buffer_.data() + end_, buffer_.size() - end_);
  if (got <= 0) return false;
  end_ += std::min(static_cast<std::size_t>(got), buffer_.size() - end_);
  return true;
}

std::expected<RequestHead, int> RequestReader::head() {
  // What came behind the request before.
  std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
  end_ -= std::exchange(at_, 0);
  for (bool is_there = end_ > 0;; is_there = false) {
    auto const before = is_there ? 0 : end_;
    if (!is_there && !fill()) {
      if (end_ == buffer_.size()) return std::unexpected(431);
      return std::unexpected(end_ == 0 ? 0 : 400);
    }
    std::string_view const text(buffer_.data(), end_);
    // The end may have begun in what came before.
    auto const end = text.find(kEnd, before < kEnd.size() ? 0 : before - kEnd.size());
    auto const head = end == text.npos ? text : text.substr(0, end + kEnd.size());
    // Another protocol is answered at once, and so is a line that never ends.
    if (!is_head(head.substr(std::min(before, head.size())))) return std::unexpected(400);
    if (head.find("\r\n") == head.npos && head.size() > kRequestTargetCap + 64)
      return std::unexpected(414);
    if (end == text.npos) continue;
    at_ = head.size();
    return parse_request_head(head);
  }
}

std::optional<std::string_view> RequestReader::take_line(std::size_t cap) {
  for (;;) {
    std::string_view const text(buffer_.data() + at_, end_ - at_);
    auto const end = text.substr(0, cap + 2).find("\r\n");
    if (end != text.npos) {
      at_ += end + 2;
      return text.substr(0, end);
    }
    if (text.size() >= cap + 2 || !fill()) return std::nullopt;
  }
}

bool RequestReader::take(std::size_t count, std::string& into) {
  while (count > 0) {
    if (at_ == end_ && !fill()) return false;
    auto const some = std::min(count, end_ - at_);
    into.append(buffer_.data() + at_, some);
    at_ += some;
    count -= some;
  }
  return true;
}

std::expected<std::string, int> RequestReader::chunks(std::size_t cap) {
  std::string body;
  for (;;) {
    auto const line = take_line(kChunkLineCap);
    auto const size = line ? parse_chunk_size(*line) : std::nullopt;
    if (!size) return std::unexpected(400);
    if (*size > cap - body.size()) return std::unexpected(413);
    if (*size == 0) break;
    if (!take(*size, body)) return std::unexpected(400);
    if (auto const rest = take_line(0); !rest) return std::unexpected(400);
  }
  for (int trailers = 0; trailers <= kTrailerCap; ++trailers) {
    auto const line = take_line(kChunkLineCap);
    if (!line) return std::unexpected(400);
    if (line->empty()) return body;
  }
  return std::unexpected(431);
}

std::expected<std::string, int> RequestReader::body(RequestHead const& head, std::size_t cap) {
  if (head.chunked) return chunks(cap);
  auto const length = head.length.value_or(0);
  if (length > cap) return std::unexpected(413);
  std::string body;
  if (!take(length, body)) return std::unexpected(400);
  return body;
}

}  // namespace haagent
