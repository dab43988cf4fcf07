#include "agent/bundle/word_shapes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "agent/bundle/characters.h"

namespace haagent::bundle {
namespace {

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

template <class Words>
bool is_one_of(Words const& words, std::string_view word) {
  return std::ranges::find(words, word) != std::ranges::end(words);
}

std::size_t digits_at(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
}

// A number of at most 20 digits: a time in nanoseconds, a 64-bit id in decimal.
bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 20 && digits_at(text) == text.size();
}

// Which letter follows which in words of English and of programs: for each letter a bit for each
// that may come next, of pairs that stand in one word of a thousand or more (docs and sources of
// haagent). Random letters have such a pair in half of their places.
constexpr std::uint32_t kPairs[26] = {
    0x1febd6e, 0x1164915, 0x11ecdbd, 0x136d95b, 0x1fff97f, 0x11e4939, 0x016f9d5,
    0x11e5111, 0x2aef87f, 0x0104010, 0x0142110, 0x13ccd39, 0x014dd1b, 0x17efd7d,
    0x1fefdff, 0x11ecddd, 0x0100000, 0x17efd7f, 0x15efdbd, 0x15ed9bd, 0x00ef97f,
    0x0004111, 0x0066991, 0x0888115, 0x00cf110, 0x0004111};

std::size_t strange_pairs(std::string_view word) {
  std::size_t strange = 0;
  for (std::size_t i = 1; i < word.size(); ++i) {
    if (is_upper(word[i]) && is_lower(word[i - 1])) continue;  // another word begins
    auto const follows = kPairs[lower(word[i - 1]) - 'a'] >> (lower(word[i]) - 'a') & 1u;
    strange += follows == 0 ? 1 : 0;
  }
  return strange;
}

// Letters that a person could say: not too many capitals amid the word, not without vowels, not a
// long row of consonants.
bool is_sayable(std::string_view word) {
  // Of Raft; nobody could say them.
  for (std::string_view term : {"MsgVote", "MsgVoteResp", "MsgPreVote", "MsgPreVoteResp"})
    if (word == term) return true;
  if (word.size() > 32) return false;
  std::size_t humps = 1, vowels = 0, row = 0, longest = 0;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (i > 0 && is_upper(word[i]) && is_lower(word[i - 1])) ++humps;
    bool const vowel = std::string_view("aeiouy").contains(lower(word[i]));
    vowels += vowel ? 1 : 0;
    row = vowel ? 0 : row + 1;
    longest = std::max(longest, row);
  }
  if (word.size() <= 5) return humps <= 2;
  return humps <= 1 + word.size() / 5 && vowels * 9 >= word.size() && longest <= 6 &&
         (word.size() < 8 || strange_pairs(word) * 8 <= word.size());
}

// What numbers stand behind in names: "nvme0", "ext4", "sha256", "I0115" of klog, "m6i".
constexpr std::string_view kBeforeNumber[] = {
    "nvme",       "zram",   "vd",     "xvd",  "sd",   "eth", "ens", "enp",  "ip",   "ipv",   "v",
    "ext",        "k",      "sha",    "md",   "loop", "dm",  "tls", "http", "utf",  "amd",   "arm",
    "x",          "go",     "i",      "e",    "w",    "f",   "n",   "p",    "s",    "r",     "m",
    "c",          "t",      "cgroup", "vcpu", "cpu",  "tcp", "udp", "fd",   "io",   "gp",    "xfs",
    "base",       "layer",  "tty",    "veth", "ap",   "eu",  "us",  "rs",   "node", "alpha", "beta",
    "versiontls", "chacha", "poly",   "cri",  "cni",  "deb", "bpo", "rc",   "part", "el"};
constexpr std::string_view kBehindNumber[] = {
    "ns",  "us",  "ms",  "s",   "m",  "h",  "d",  "b",  "k",  "g",  "t",  "ki", "mi", "gi", "ti",
    "kib", "mib", "gib", "tib", "kb", "mb", "gb", "tb", "th", "st", "nd", "rd", "z",  "x",  "min"};

// "10ms", "1h2m3s", "15T10", "00Z"
bool is_quantity(std::string_view piece) {
  while (!piece.empty()) {
    auto const number = digits_at(piece);
    if (number == 0 || number > 12) return false;
    piece.remove_prefix(number);
    auto const unit =
        static_cast<std::size_t>(std::ranges::find_if(piece, is_digit) - piece.begin());
    std::string word(piece.substr(0, unit));
    std::ranges::transform(word, word.begin(), lower);
    if (!word.empty() && word != "t" && !is_one_of(kBehindNumber, word)) return false;
    piece.remove_prefix(unit);
  }
  return true;
}

// "nvme1n1p2", "v1beta1", "I0115": words and numbers in turn, all of them known.
bool is_named_number(std::string_view piece) {
  bool first = true;
  while (!piece.empty()) {
    auto const letters =
        static_cast<std::size_t>(std::ranges::find_if(piece, is_digit) - piece.begin());
    std::string word(piece.substr(0, letters));
    std::ranges::transform(word, word.begin(), lower);
    if (!is_one_of(kBeforeNumber, word) && (first || !is_one_of(kBehindNumber, word))) return false;
    piece.remove_prefix(letters);
    auto const number = digits_at(piece);
    if (number > 6 || (first && number == 0)) return false;
    piece.remove_prefix(number);
    first = false;
  }
  return true;
}

// Of Kubernetes' generated names: letters and digits without vowels, and without 0, 1 and 3.
bool is_generated_suffix(std::string_view piece) {
  return (piece.size() == 5 || (piece.size() >= 8 && piece.size() <= 10)) &&
         std::ranges::all_of(piece, [](char c) {
           return std::string_view("bcdfghjklmnpqrstvwxz2456789").contains(c);
         });
}

template <class Take>
void each_piece(std::string_view word, Take take) {
  for (std::size_t at = 0; at < word.size();) {
    auto end = at;
    while (end < word.size() && is_alnum(word[end])) ++end;
    if (end > at) take(word.substr(at, end - at));
    at = end + 1;
  }
}

bool is_address(std::string_view word) {
  auto const parts = std::ranges::count(word, '.');
  if (parts == 3 && std::ranges::all_of(word, [](char c) {
        return is_digit(c) || c == '.' || c == ':' || c == '/';
      }))
    return word.size() <= 24;
  // IPv6, with brackets gone: groups of up to four hexadecimal digits.
  if (std::ranges::count(word, ':') < 2 || word.size() > 45) return false;
  bool fits = std::ranges::all_of(
      word, [](char c) { return is_hex(lower(c)) || c == ':' || c == '.' || c == '/'; });
  each_piece(word, [&](std::string_view piece) { fits = fits && piece.size() <= 4; });
  return fits;
}

// "i-0123456789abcdef0", "vol-...": what EC2 numbers things by.
bool is_ec2_id(std::string_view word) {
  constexpr std::array<std::string_view, 12> kinds = {
      "i", "vol", "snap", "ami", "eni", "subnet", "vpc", "sg", "rtb", "lt", "r", "eipalloc"};
  auto const cut = word.find('-');
  if (cut == word.npos || !is_one_of(kinds, word.substr(0, cut))) return false;
  auto const rest = word.substr(cut + 1);
  return (rest.size() == 8 || rest.size() == 17) && std::ranges::all_of(rest, is_hex);
}

// "0xc000123456": where something stands in memory.
bool is_pointer(std::string_view word) {
  return word.starts_with("0x") && word.size() > 2 && word.size() <= 14 &&
         std::ranges::all_of(word.substr(2), is_hex);
}

}  // namespace

bool is_figure(std::string_view word) {
  if (word.size() > 40) return false;
  if (word == "true" || word == "false" || word == "null" || word == "~") return true;
  if (is_address(word)) return true;
  if (word.starts_with('-') || word.starts_with('+')) word.remove_prefix(1);
  if (word.ends_with('%')) word.remove_suffix(1);
  if (word.empty() || !is_digit(word.front())) return false;
  bool fits = std::ranges::all_of(
      word, [](char c) { return is_alnum(c) || std::string_view(".:-+,/").contains(c); });
  each_piece(word, [&](std::string_view piece) { fits = fits && is_quantity(piece); });
  return fits;
}

bool is_id(std::string_view word) {
  if (word.starts_with("sha256:")) word.remove_prefix(7);
  if (word.empty() || word.size() > 64) return false;
  return std::ranges::all_of(word, [](char c) { return is_hex(c) || c == '-'; });
}

bool is_plain_piece(std::string_view piece) {
  if (piece.empty()) return true;
  if (std::ranges::all_of(piece, is_letter)) return is_sayable(piece);
  if (is_number(piece)) return true;
  if (!std::ranges::all_of(piece, is_alnum)) return false;
  return piece.size() <= 3 || is_quantity(piece) || is_named_number(piece);
}

bool is_plain_word(std::string_view word) {
  if (word.size() > 256) return false;
  if (is_figure(word) || is_ec2_id(word) || is_pointer(word)) return true;
  constexpr std::string_view joints = "._-/:@+=,";
  // Of Kubernetes' generated names there are two such pieces at the most, behind a dash.
  int generated = 0, odd = 0;
  for (std::size_t at = 0; at < word.size();) {
    if (!is_alnum(word[at])) {
      bool const amid =
          at > 0 && at + 1 < word.size() && is_alnum(word[at - 1]) && is_alnum(word[at + 1]);
      // Punctuation ends a word; amid letters it is what passwords have.
      if (!joints.contains(word[at]) &&
          (amid || !std::string_view("!?*%#~&$\\^").contains(word[at])))
        return false;
      ++at;
      continue;
    }
    auto end = at;
    while (end < word.size() && is_alnum(word[end])) ++end;
    auto const piece = word.substr(at, end - at);
    if (at > 0 && word[at - 1] == '-' && is_generated_suffix(piece) && ++generated <= 2) {
      at = end;
      continue;
    }
    if (!is_plain_piece(piece)) return false;
    bool const mixed =
        std::ranges::any_of(piece, is_digit) && std::ranges::any_of(piece, is_letter);
    // "a1b-2c3-d4e" is a licence key, not a name.
    if (mixed && !is_quantity(piece) && !is_named_number(piece) && ++odd > 2) return false;
    at = end;
  }
  return true;
}

bool is_rooted(std::string_view word) {
  constexpr std::array<std::string_view, 36> roots = {
      "var",      "etc",    "run",     "usr",  "proc", "sys",   "dev",     "tmp",        "opt",
      "lib",      "boot",   "mnt",     "srv",  "bin",  "sbin",  "api",     "apis",       "healthz",
      "livez",    "readyz", "metrics", "v1",   "v2",   "v3",    "version", "registry",   "system",
      "kubepods", "latest", "haagent", "home", "root", "lib64", "health",  "containers", "pods"};
  if (word == "/") return true;
  if (!word.starts_with('/')) return false;
  word.remove_prefix(1);
  auto const end = word.find_first_of("/:?.");
  return is_one_of(roots, word.substr(0, end));
}

bool names_a_secret(std::string_view key) {
  std::string name;
  for (char c : key)
    if (is_alnum(c)) name += lower(c);
  // A path to it is none.
  for (std::string_view path : {"file", "files", "dir", "path", "ttl", "mode", "name", "timeout",
                                "issuer", "url", "webhookcacheauthorizedttl"})
    if (name.ends_with(path)) return false;
  for (std::string_view word :
       {"passw", "passphrase", "pwd", "secret", "token", "credential", "apikey", "accesskey",
        "privatekey", "encryptionkey", "bearer", "signature", "cookie", "sessionid"})
    if (name.contains(word)) return true;
  return name == "key" || name == "psk" || name == "salt" || name == "auth" ||
         name == "authorization" || name == "proxyauthorization" || name == "pass" || name == "pin";
}

}  // namespace haagent::bundle
