#include "agent/bundle/last_net.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "agent/base/base64.h"
#include "agent/bundle/characters.h"

namespace haagent::bundle {
namespace {

constexpr std::string_view kCaught = "(hidden)";

bool is_base64(char c) {
  return is_alnum(c) || c == '+' || c == '/' || c == '=' || c == '-' || c == '_';
}
bool is_of_token(char c) {
  return is_base64(c) || c == '.' || c == '~' || c == '%';
}

template <class Fits>
std::size_t run_from(std::string_view text, std::size_t at, Fits fits) {
  while (at < text.size() && fits(text[at])) ++at;
  return at;
}

bool stands_at(std::string_view text, std::size_t at, std::string_view word) {
  if (text.size() - at < word.size()) return false;
  return std::ranges::equal(text.substr(at, word.size()), word,
                            [](char a, char b) { return lower(a) == lower(b); });
}

// The end of a private key that begins here; a journal has a line's head amid its lines.
std::size_t pem_end(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with("-----BEGIN ")) return at;
  auto const head = text.substr(at, 80);
  auto const name = head.find("PRIVATE KEY");
  if (name == head.npos) return at;
  auto const end = text.find("-----END ", at + name);
  if (end == text.npos) return text.size();
  auto const last = text.find("-----", end + 9);
  return last == text.npos ? text.size() : last + 5;
}

// Words behind which a credential stands.
constexpr std::array<std::string_view, 8> kBefore = {
    "bearer ",           "basic ",     "x-amz-signature=",   "x-amz-security-token=",
    "x-amz-credential=", "signature=", "x-amz-signature%3d", "x-amz-security-token%3d"};

std::size_t behind_word_end(std::string_view text, std::size_t at) {
  for (auto const word : kBefore) {
    if (!stands_at(text, at, word)) continue;
    auto const end = run_from(text, at + word.size(), is_of_token);
    if (end - at - word.size() >= 8) return end;
  }
  return at;
}

// AWS' key ids, JSON Web Tokens, bootstrap tokens, and random letters in base64.
bool is_credential(std::string_view run) {
  for (std::string_view kind : {"AKIA", "ASIA", "AROA", "AIDA", "ANPA"})
    if (run.starts_with(kind) && run.size() >= 16 &&
        std::ranges::all_of(run, [](char c) { return is_digit(c) || is_upper(c); }))
      return true;
  if (run.starts_with("eyJ") && run.size() >= 12 && std::ranges::any_of(run, is_digit)) return true;
  if (run.size() == 23 && run[6] == '.' &&
      std::ranges::all_of(run, [](char c) { return is_digit(c) || is_lower(c) || c == '.'; }) &&
      std::ranges::any_of(run.substr(7), is_digit))
    return true;
  // A name of a cipher has joints each few letters.
  std::size_t piece = 0;
  bool big = false, small = false, figure = false;
  for (char c : run) {
    if (!is_alnum(c) && c != '+' && c != '=') {
      piece = 0;
      big = small = figure = false;
      continue;
    }
    big = big || is_upper(c);
    small = small || is_lower(c);
    figure = figure || is_digit(c);
    if (++piece >= 24 && big && small && figure) return true;
  }
  return false;
}

std::string without_users(std::string text) {
  for (std::size_t at = 0; (at = text.find("://", at)) != text.npos;) {
    at += 3;
    auto const end = std::min(text.find_first_of("/ \t\r\n\"'<>?#", at), text.size());
    auto const user = std::string_view(text).substr(at, end - at).rfind('@');
    if (user == std::string_view::npos) continue;
    text.replace(at, user, kCaught);
  }
  return text;
}

std::string percent_encoded(std::string_view value) {
  std::string out;
  for (char c : value)
    out += is_alnum(c) || std::string_view("-_.~").contains(c)
               ? std::string(1, c)
               : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

std::string escaped(std::string_view value) {
  std::string out;
  for (char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string last_net(std::string text) {
  text = without_users(std::move(text));
  std::string out;
  out.reserve(text.size());
  std::string_view const all = text;
  for (std::size_t at = 0; at < all.size();) {
    char const c = all[at];
    if (c == '-') {
      if (auto const end = pem_end(all, at); end > at) {
        out += kCaught;
        at = end;
        continue;
      }
    }
    bool const begins = at == 0 || !is_alnum(all[at - 1]);
    if (begins && (c == 'x' || c == 'X' || c == 'b' || c == 'B' || c == 's' || c == 'S')) {
      if (auto const end = behind_word_end(all, at); end > at) {
        out += kCaught;
        at = end;
        continue;
      }
    }
    if (!is_alnum(c)) {
      out += c;
      ++at;
      continue;
    }
    auto const end = run_from(all, at, [](char each) { return is_base64(each) || each == '.'; });
    auto const run = all.substr(at, end - at);
    // What a path or a flag has in front of it does not save it.
    bool caught = is_credential(run);
    for (std::size_t cut = 0; !caught && (cut = run.find_first_of("/=._-", cut)) != run.npos;)
      caught = is_credential(run.substr(++cut));
    out += caught ? kCaught : run;
    at = end;
  }
  return out;
}

std::vector<std::string> spellings(std::string_view value) {
  std::set<std::string> all = {std::string(value), escaped(value), percent_encoded(value)};
  auto small = percent_encoded(value);
  for (std::size_t i = 0; i + 2 < small.size(); ++i)
    if (small[i] == '%')
      for (std::size_t digit = 1; digit <= 2; ++digit) small[i + digit] = lower(small[i + digit]);
  all.insert(small);
  // Of base64 what does not hang on the bytes around.
  for (std::size_t before = 0; before < 3; ++before) {
    auto encoded = to_base64(std::string(before, '\0') + std::string(value));
    auto const first = (before * 8 + 5) / 6;
    auto const last = (before + value.size()) * 8 / 6;
    if (last < first + 6) continue;
    auto const core = encoded.substr(first, last - first);
    auto url = core;
    std::ranges::replace(url, '+', '-');
    std::ranges::replace(url, '/', '_');
    all.insert(core);
    all.insert(url);
    all.insert(percent_encoded(core));
  }
  // The longest first: a short one may be a part of it.
  std::vector<std::string> list(all.begin(), all.end());
  std::ranges::sort(list, std::greater(), &std::string::size);
  return list;
}

}  // namespace haagent::bundle
