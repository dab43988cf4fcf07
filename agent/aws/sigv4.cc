#include "agent/aws/sigv4.h"
#include "agent/base/sha256.h"
#include "agent/base/url.h"

#include <fmt/chrono.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

namespace haagent::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

std::string hmac(std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size(), digest.data(), &length);
  return {reinterpret_cast<char const*>(digest.data()), length};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Outer blanks trimmed, inner runs (folded lines too) made one space.
std::string squeezed(std::string_view value) {
  std::string result;
  bool blank = false;
  for (char c : value) {
    if (is_blank(c)) {
      blank = !result.empty();
      continue;
    }
    if (blank) result += ' ';
    blank = false;
    result += c;
  }
  return result;
}

// "/a/./b//../c/" is "/a/c/": RFC 3986's dots, and empty segments dropped.
std::string resolved(std::string_view path) {
  std::vector<std::string_view> kept;
  auto segments = split(path, '/');
  for (auto segment : segments) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  auto last = segments.back();
  bool is_folder = last.empty() || last == "." || last == "..";
  auto result = fmt::format("/{}", fmt::join(kept, "/"));
  if (is_folder && !kept.empty()) result += '/';
  return result;
}

std::string canonical_path(std::string_view path, PathRule rule) {
  if (path.empty()) return "/";
  return rule == PathRule::s3 ? uri_encode(uri_decode(path), /*keep_slash=*/true)
                              : uri_encode(resolved(path), /*keep_slash=*/true);
}

using Parameters = std::vector<std::pair<std::string, std::string>>;

Parameters parameters_of(std::string_view query) {
  Parameters parameters;
  for (auto part : split(query, '&')) {
    if (part.empty()) continue;
    auto equals = part.find('=');
    auto value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
    parameters.emplace_back(uri_decode(part.substr(0, equals)), uri_decode(value));
  }
  return parameters;
}

// The signature itself is the one parameter that it does not cover.
std::string canonical_query(std::string_view query) {
  Parameters encoded;
  for (auto const& [name, value] : parameters_of(query)) {
    if (name != "X-Amz-Signature") encoded.emplace_back(uri_encode(name), uri_encode(value));
  }
  std::ranges::sort(encoded);
  std::string result;
  for (auto const& [name, value] : encoded) {
    if (!result.empty()) result += '&';
    result += name;
    result += '=';
    result += value;
  }
  return result;
}

std::optional<std::string> header_of(Headers const& headers, std::string_view name) {
  for (auto const& [key, value] : headers) {
    if (lower(key) == name) return value;
  }
  return {};
}

// What proxies and libcurl add, drop or change on the way.
bool may_change(std::string const& name) {
  static std::set<std::string> const kChanging{"authorization", "connection",
                                               "expect",        "transfer-encoding",
                                               "user-agent",    "x-amzn-trace-id"};
  return kChanging.contains(name);
}

std::vector<std::string> names_to_sign(Headers const& headers, SigningRules const& rules) {
  std::set<std::string> names;
  for (auto const& [key, value] : headers) {
    auto name = lower(key);
    if (may_change(name)) continue;
    if (name == "x-amz-security-token" && !rules.sign_session_token) continue;
    names.insert(name);
  }
  return {names.begin(), names.end()};
}

// Without the body, which may be large: its hash is all that is signed of it.
WireRequest wire_of(HttpRequest const& request) {
  // What is no URL is not sent either: Http says what is wrong with it.
  auto const url = split_url(request.url).value_or(Url{});
  WireRequest wire{request.method, url.path, url.query, request.headers, ""};
  if (!header_of(wire.headers, "host")) wire.headers.emplace_back("host", url.host_header());
  return wire;
}

std::string scope_text(std::string_view date, SigningScope const& scope) {
  return fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
}

std::string string_to_sign(std::string_view time, std::string_view scope,
                           std::string_view canonical) {
  return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope, sha256_hex(canonical));
}

// The value of "Credential=", "SignedHeaders=" or "Signature=" in an Authorization header.
std::string field_of(std::string_view authorization, std::string_view name) {
  for (auto part :
       split(authorization.substr(std::min(kAlgorithm.size(), authorization.size())), ',')) {
    auto text = squeezed(part);
    if (text.starts_with(name) && text.substr(name.size()).starts_with('=')) {
      return text.substr(name.size() + 1);
    }
  }
  return {};
}

std::vector<std::string> list_of(std::string const& names) {
  auto parts = split(names, ';');
  return {parts.begin(), parts.end()};
}

Result<void> read_credential(std::string_view credential, SignatureClaim& claim) {
  auto parts = split(credential, '/');
  if (parts.size() != 5 || parts[4] != "aws4_request") {
    return fail(Kind::invalid,
                "Credential must be <key>/<date>/<region>/<service>/aws4_request, not '{}'",
                credential);
  }
  claim.access_key_id = parts[0];
  claim.date = parts[1];
  claim.scope = {std::string(parts[2]), std::string(parts[3])};
  return {};
}

Result<SignatureClaim> claim_in_query(Parameters const& parameters) {
  auto value = [&](std::string_view name) {
    auto found = std::ranges::find(parameters, name, &Parameters::value_type::first);
    return found == parameters.end() ? std::string() : found->second;
  };
  SignatureClaim claim{.time = value("X-Amz-Date"),
                       .signature = value("X-Amz-Signature"),
                       .session_token = value("X-Amz-Security-Token"),
                       .in_query = true};
  if (auto read = read_credential(value("X-Amz-Credential"), claim); !read) {
    return std::unexpected(read.error());
  }
  auto expires = value("X-Amz-Expires");
  int seconds = 0;
  auto [end, error] = std::from_chars(expires.data(), expires.data() + expires.size(), seconds);
  if (error != std::errc{} || end != expires.data() + expires.size() || seconds < 1) {
    return fail(Kind::invalid, "X-Amz-Expires must be a number of seconds, not '{}'", expires);
  }
  claim.expires = std::chrono::seconds(seconds);
  claim.signed_headers = list_of(value("X-Amz-SignedHeaders"));
  return claim;
}

Result<SignatureClaim> claim_in_header(WireRequest const& request) {
  auto authorization = header_of(request.headers, "authorization").value_or("");
  if (!authorization.starts_with(fmt::format("{} ", kAlgorithm))) {
    return fail(Kind::invalid, "the request has no Authorization of type {}", kAlgorithm);
  }
  SignatureClaim claim{
      .time = header_of(request.headers, "x-amz-date").value_or(""),
      .signature = field_of(authorization, "Signature"),
      .session_token = header_of(request.headers, "x-amz-security-token").value_or("")};
  if (auto read = read_credential(field_of(authorization, "Credential"), claim); !read) {
    return std::unexpected(read.error());
  }
  claim.signed_headers = list_of(field_of(authorization, "SignedHeaders"));
  return claim;
}

}  // namespace

std::optional<UtcTime> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  auto const number = [&](std::size_t at, std::size_t length) {
    int value = -1;
    auto const* end = text.data() + at + length;
    auto [stop, error] = std::from_chars(text.data() + at, end, value);
    return error == std::errc() && stop == end ? value : -1;
  };
  std::chrono::year_month_day const day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(4, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(6, 2)))};
  int const hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  if (!day.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  // What UtcTime can hold of whole years.
  if (number(0, 4) < 1678 || number(0, 4) > 2261) return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

std::string to_amz_date(UtcTime time) {
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(
                                              std::chrono::floor<std::chrono::seconds>(time))));
}

std::string uri_encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  result.reserve(text.size());
  for (unsigned char c : text) {
    bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
    if (plain) {
      result += static_cast<char>(c);
    } else {
      result += '%';
      result += kDigits[c >> 4u];
      result += kDigits[c & 15u];
    }
  }
  return result;
}

std::string uri_decode(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    auto const* hex = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(hex, hex + 2, byte, 16).ptr == hex + 2) {
      result += static_cast<char>(byte);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string canonical_request(WireRequest const& request,
                              std::vector<std::string> const& signed_headers,
                              std::string_view payload_hash, PathRule rule) {
  std::map<std::string, std::string> values;
  for (auto const& [key, value] : request.headers) {
    auto [place, is_new] = values.try_emplace(lower(key), squeezed(value));
    if (!is_new) place->second += "," + squeezed(value);
  }
  std::string lines;
  for (auto const& name : signed_headers) lines += fmt::format("{}:{}\n", name, values[name]);
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, canonical_path(request.path, rule),
                     canonical_query(request.query), lines, fmt::join(signed_headers, ";"),
                     payload_hash);
}

std::string signing_key(Secret const& secret, std::string_view date, SigningScope const& scope) {
  Secret start("AWS4" + secret.reveal());
  return hmac(hmac(hmac(hmac(start.reveal(), date), scope.region), scope.service), "aws4_request");
}

std::string Signer::key(Secret const& secret, std::string const& date) {
  std::lock_guard lock(mutex_);
  if (key_.empty() || key_date_ != date || !(key_secret_ == secret)) {
    key_ = Secret(signing_key(secret, date, scope_));
    key_date_ = date;
    key_secret_ = secret;
  }
  return key_.reveal();
}

void Signer::sign(HttpRequest& request, Credentials const& credentials, UtcTime now) {
  auto time = to_amz_date(now);
  auto date = time.substr(0, 8);
  auto& headers = request.headers;
  std::erase_if(headers, [](auto const& header) {
    auto name = lower(header.first);
    return name == "authorization" || name == "x-amz-date" || name == "x-amz-security-token";
  });
  headers.emplace_back("x-amz-date", time);
  if (!credentials.session_token.empty()) {
    headers.emplace_back("x-amz-security-token", credentials.session_token.reveal());
  }
  auto hash = header_of(headers, "x-amz-content-sha256");
  if (!hash) {
    bool is_signed = rules_.payload != Payload::not_signed;
    hash = is_signed ? sha256_hex(request.body) : std::string(kUnsignedPayload);
    if (rules_.payload != Payload::hashed) headers.emplace_back("x-amz-content-sha256", *hash);
  }
  auto wire = wire_of(request);
  auto names = names_to_sign(wire.headers, rules_);
  auto scope = scope_text(date, scope_);
  auto text = string_to_sign(time, scope, canonical_request(wire, names, *hash, rules_.path));
  auto signature = to_hex(hmac(key(credentials.secret_access_key, date), text));
  headers.emplace_back(
      "authorization",
      fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                  credentials.access_key_id, scope, fmt::join(names, ";"), signature));
}

std::string Signer::presign(HttpRequest const& request, Credentials const& credentials, UtcTime now,
                            std::chrono::seconds expires) {
  auto time = to_amz_date(now);
  auto date = time.substr(0, 8);
  auto scope = scope_text(date, scope_);
  auto wire = wire_of(request);
  auto names = names_to_sign(wire.headers, rules_);
  auto token = uri_encode(credentials.session_token.reveal());
  auto own = fmt::format(
      "X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={}&X-Amz-SignedHeaders={"
      "}",
      kAlgorithm, uri_encode(fmt::format("{}/{}", credentials.access_key_id, scope)), time,
      expires.count(), uri_encode(fmt::format("{}", fmt::join(names, ";"))));
  if (!token.empty() && rules_.sign_session_token) own += "&X-Amz-Security-Token=" + token;
  if (!wire.query.empty()) wire.query += '&';
  wire.query += own;

  auto hash = header_of(wire.headers, "x-amz-content-sha256");
  if (!hash) {
    hash = rules_.payload == Payload::not_signed ? std::string(kUnsignedPayload)
                                                 : sha256_hex(request.body);
  }
  auto text = string_to_sign(time, scope, canonical_request(wire, names, *hash, rules_.path));
  auto signature = to_hex(hmac(key(credentials.secret_access_key, date), text));
  auto url = fmt::format("{}{}{}&X-Amz-Signature={}", request.url,
                         request.url.find('?') == std::string::npos ? "?" : "&", own, signature);
  if (!token.empty() && !rules_.sign_session_token) url += "&X-Amz-Security-Token=" + token;
  return url;
}

Result<SignatureClaim> signature_claim(WireRequest const& request) {
  auto parameters = parameters_of(request.query);
  bool in_query = std::ranges::any_of(
      parameters, [](auto const& each) { return each.first == "X-Amz-Algorithm"; });
  auto claim = TRY(in_query ? claim_in_query(parameters) : claim_in_header(request));
  if (claim.signature.empty()) return fail(Kind::invalid, "the request names no Signature");
  if (std::ranges::find(claim.signed_headers, "host") == claim.signed_headers.end()) {
    return fail(Kind::invalid, "SignedHeaders must name host");
  }
  if (claim.time.size() != 16 || !claim.time.starts_with(claim.date)) {
    return fail(Kind::invalid, "X-Amz-Date '{}' is not of the day {} that the credential names",
                claim.time, claim.date);
  }
  return claim;
}

std::string expected_signature(WireRequest const& request, SignatureClaim const& claim,
                               Secret const& secret) {
  bool is_s3 = claim.scope.service == "s3";
  auto hash = header_of(request.headers, "x-amz-content-sha256");
  if (!hash && is_s3 && claim.in_query) hash = std::string(kUnsignedPayload);
  if (!hash) hash = sha256_hex(request.body);
  auto canonical = canonical_request(request, claim.signed_headers, *hash,
                                     is_s3 ? PathRule::s3 : PathRule::general);
  auto text = string_to_sign(claim.time, scope_text(claim.date, claim.scope), canonical);
  return to_hex(hmac(signing_key(secret, claim.date, claim.scope), text));
}

}  // namespace haagent::aws
