#include "agent/base/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace haagent {
namespace {

// OpenSSL counts in int.
constexpr std::size_t kMostBytes = 3u << 20u;
constexpr std::size_t kMostText = 4u << 20u;

unsigned char const* unsigned_of(std::string_view text) {
  return reinterpret_cast<unsigned char const*>(text.data());
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '\0');
  auto* to = reinterpret_cast<unsigned char*>(text.data());
  while (!bytes.empty()) {
    auto const block = bytes.substr(0, kMostBytes);
    // It writes a NUL behind its text: that of the string, in the end.
    to += EVP_EncodeBlock(to, unsigned_of(block), static_cast<int>(block.size()));
    bytes.remove_prefix(block.size());
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  // OpenSSL reads '=' as a zero wherever it stands.
  auto const padding = text.size() - (text.find_last_not_of('=') + 1);  // npos + 1 is 0
  if (padding > 2 || text.find('=') < text.size() - padding) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  auto* to = reinterpret_cast<unsigned char*>(bytes.data());
  while (!text.empty()) {
    auto const block = text.substr(0, kMostText);
    auto const length = EVP_DecodeBlock(to, unsigned_of(block), static_cast<int>(block.size()));
    // Fewer where it has passed over white space or dashes at an end.
    if (length < 0 || static_cast<std::size_t>(length) != block.size() / 4 * 3) return std::nullopt;
    to += length;
    text.remove_prefix(block.size());
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

std::optional<std::string> from_wrapped_base64(std::string_view text) {
  std::string line(text);
  std::erase_if(line, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  return from_base64(line);
}

std::string to_base64url(std::string_view bytes) {
  auto text = to_base64(bytes);
  text.resize(text.find_last_not_of('=') + 1);  // npos + 1 is 0
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != text.npos) return std::nullopt;
  std::string padded(text);
  std::ranges::replace(padded, '-', '+');
  std::ranges::replace(padded, '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  auto bytes = from_base64(padded);
  if (!bytes || to_base64url(*bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace haagent
