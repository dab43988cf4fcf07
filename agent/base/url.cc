#include "agent/base/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "agent/base/libcurl.h"

namespace haagent {
namespace {

struct Deleter {
  void operator()(CURLU* url) const { curl().url_cleanup(url); }
};
using Handle = std::unique_ptr<CURLU, Deleter>;

// Empty where there is no such part.
std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl().url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
  std::string copy(text);
  curl().free(text);
  return copy;
}

UrlFault fault_of(CURLUcode code) {
  switch (code) {
    case CURLUE_BAD_SCHEME:
    case CURLUE_UNSUPPORTED_SCHEME:
      return UrlFault::other_scheme;
    case CURLUE_USER_NOT_ALLOWED:
    case CURLUE_BAD_LOGIN:
    case CURLUE_BAD_USER:
    case CURLUE_BAD_PASSWORD:
      return UrlFault::user;
    case CURLUE_NO_HOST:
      return UrlFault::no_host;
    case CURLUE_BAD_HOSTNAME:
      return UrlFault::host;
    case CURLUE_BAD_IPV6:
      return UrlFault::ipv6;
    case CURLUE_BAD_PORT_NUMBER:
      return UrlFault::port;
    default:
      return UrlFault::other;
  }
}

}  // namespace

std::string Url::host_header() const {
  bool const own = port == (scheme == "https" ? 443 : 80);
  return own ? url_host(host) : fmt::format("{}:{}", url_host(host), port);
}

std::string Url::origin() const {
  return fmt::format("{}://{}:{}", scheme, url_host(host), port);
}

std::string_view to_string(UrlFault fault) {
  switch (fault) {
    case UrlFault::no_scheme:
      return "it has no scheme";
    case UrlFault::other_scheme:
      return "its scheme is neither http nor https";
    case UrlFault::user:
      return "it has a user or password in it";
    case UrlFault::no_host:
      return "it names no host";
    case UrlFault::host:
      return "its host is malformed";
    case UrlFault::ipv6:
      return "what it has in brackets is no IPv6 address";
    case UrlFault::port:
      return "it has no port between 1 and 65535";
    case UrlFault::other:
      break;
  }
  return "it is malformed behind the host";
}

std::expected<Url, UrlFault> split_url(std::string_view text) {
  auto const scheme_end = text.find("://");
  if (scheme_end == text.npos) return std::unexpected(UrlFault::no_scheme);
  if (text.contains('\0')) return std::unexpected(UrlFault::other);  // ends the text for libcurl
  Handle const handle(curl().url());
  auto const code = curl().url_set(handle.get(), CURLUPART_URL, std::string(text).c_str(),
                                   CURLU_PATH_AS_IS | CURLU_DISALLOW_USER | CURLU_ALLOW_SPACE);
  if (code != CURLUE_OK) return std::unexpected(fault_of(code));
  Url url;
  url.scheme = part_of(handle.get(), CURLUPART_SCHEME);
  if (url.scheme != "http" && url.scheme != "https") return std::unexpected(UrlFault::other_scheme);

  auto const rest = text.substr(scheme_end + 3);
  auto const authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.empty()) return std::unexpected(UrlFault::no_host);
  url.host = part_of(handle.get(), CURLUPART_HOST);
  if (url.host.starts_with('[')) {
    url.host = url.host.substr(1, url.host.size() - 2);
    url.zone = part_of(handle.get(), CURLUPART_ZONEID);
  } else if (authority.substr(0, authority.find(':')) != url.host ||
             std::ranges::any_of(url.host, [](unsigned char c) { return c >= 0x80; })) {
    return std::unexpected(UrlFault::host);
  }
  auto const port = part_of(handle.get(), CURLUPART_PORT);
  std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (authority.ends_with(':') || url.port == 0) return std::unexpected(UrlFault::port);
  url.path = part_of(handle.get(), CURLUPART_PATH);
  url.query = part_of(handle.get(), CURLUPART_QUERY);
  return url;
}

std::string url_host(std::string_view host) {
  return host.contains(':') ? fmt::format("[{}]", host) : std::string(host);
}

}  // namespace haagent
