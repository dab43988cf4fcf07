// URLs of HTTP, read by libcurl's own parser, so that what is checked, signed, certified and shown
// is what is connected to.
//
// Read: http:// and https:// in any case; a name, an IPv4 address, or an IPv6 address in brackets,
// with a zone ("%25eth0") or without; a port from 1 to 65535, leading zeros allowed.
// Refused, though libcurl would take it: what it reads as another host than the one that is written
// (escapes, "10.1" and "0x7f.1" for addresses, "https:/host", "https:///host"), and ':' without a
// port. Refused as well: users and passwords, and control characters. Whether a name can be one of
// DNS is not looked at. A space behind the host is read, since AWS's vectors of signatures have
// some; Http does not send it.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace haagent {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // as it is sent; IPv6 without its brackets and zone
  std::string zone;    // of a link-local address: "eth0"; else empty
  int port = 0;        // the scheme's own where none is written
  std::string path;    // "/" at least; escapes and dots as they are written
  std::string query;   // without '?', as it is written

  // The Host header that libcurl sends: without a port that is the scheme's own.
  std::string host_header() const;
  std::string origin() const;  // "https://[fd00::1]:443": with the port, always
  bool operator==(Url const&) const = default;
};

enum class UrlFault {
  no_scheme,     // no "://"
  other_scheme,  // neither http nor https
  user,          // there may be a password in it: do not repeat it
  no_host,
  host,  // letters that no host has, or another spelling than the host's own
  ipv6,  // brackets around something else, or one of them missing
  port,
  other,  // behind the host
};
std::string_view to_string(UrlFault fault);

std::expected<Url, UrlFault> split_url(std::string_view text);

// The host as it stands in a URL or in front of a port: an IPv6 address in brackets.
std::string url_host(std::string_view host);

}  // namespace haagent
