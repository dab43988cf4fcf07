#include "agent/base/url.h"

#include <gtest/gtest.h>

#include <ostream>

namespace haagent {

std::ostream& operator<<(std::ostream& to, UrlFault fault) {
  return to << to_string(fault);
}

namespace {

struct Good {
  std::string text;
  Url url;
  std::string host_header;
};

TEST(Url, ItsPartsAreThoseThatAreConnectedTo) {
  Good const rows[] = {
      {"https://prod-api.elb.amazonaws.com",
       {"https", "prod-api.elb.amazonaws.com", "", 443, "/", ""},
       "prod-api.elb.amazonaws.com"},
      {"http://h", {"http", "h", "", 80, "/", ""}, "h"},
      {"http://h:443", {"http", "h", "", 443, "/", ""}, "h:443"},
      {"https://h:80", {"https", "h", "", 80, "/", ""}, "h:80"},
      {"https://h:443/", {"https", "h", "", 443, "/", ""}, "h"},
      // The scheme's own port, however it is written.
      {"HTTPS://Host.Example:443", {"https", "Host.Example", "", 443, "/", ""}, "Host.Example"},
      {"https://h:00443", {"https", "h", "", 443, "/", ""}, "h"},
      {"https://10.0.0.7:6443", {"https", "10.0.0.7", "", 6443, "/", ""}, "10.0.0.7:6443"},
      {"https://[fd00::7]:6443", {"https", "fd00::7", "", 6443, "/", ""}, "[fd00::7]:6443"},
      {"https://[fd00::7]", {"https", "fd00::7", "", 443, "/", ""}, "[fd00::7]"},
      {"https://[fd00:0:0::7]", {"https", "fd00::7", "", 443, "/", ""}, "[fd00::7]"},
      {"http://[fe80::1%25eth0]:1/", {"http", "fe80::1", "eth0", 1, "/", ""}, "[fe80::1]:1"},
      // The authority ends at a query or a fragment too.
      {"https://h?q=1", {"https", "h", "", 443, "/", "q=1"}, "h"},
      {"https://h:1#f", {"https", "h", "", 1, "/", ""}, "h:1"},
      {"https://h/a#f?no", {"https", "h", "", 443, "/a", ""}, "h"},
      {"https://h/?", {"https", "h", "", 443, "/", ""}, "h"},
      // As they are written: a signature covers them.
      {"https://h/a/../b//c?x=%20y&z", {"https", "h", "", 443, "/a/../b//c", "x=%20y&z"}, "h"},
      {"https://h/a b?c d", {"https", "h", "", 443, "/a b", "c d"}, "h"},
      {"https://h/me@x:1/", {"https", "h", "", 443, "/me@x:1/", ""}, "h"},
      {"https://h?to=http://[x", {"https", "h", "", 443, "/", "to=http://[x"}, "h"},
  };
  for (auto const& row : rows) {
    auto const url = split_url(row.text);
    ASSERT_TRUE(url) << row.text << ": " << to_string(url.error());
    EXPECT_EQ(*url, row.url) << row.text << ": " << url->origin() << ' ' << url->path << ' '
                             << url->query;
    EXPECT_EQ(url->host_header(), row.host_header) << row.text;
  }
}

TEST(Url, AFaultIsNamedByItsPlace) {
  using namespace std::string_view_literals;
  std::pair<std::string_view, UrlFault> const rows[] = {
      {"", UrlFault::no_scheme},
      {"prod-api:6443", UrlFault::no_scheme},
      {"https:/h", UrlFault::no_scheme},
      {"https:h", UrlFault::no_scheme},
      {"://h", UrlFault::other_scheme},
      {"htps://h", UrlFault::other_scheme},
      {"ftp://h", UrlFault::other_scheme},
      {"file:///x", UrlFault::other_scheme},
      {"s3://bucket/key", UrlFault::other_scheme},
      {" https://h", UrlFault::other_scheme},
      {"https://me@h", UrlFault::user},
      {"https://me:secret@h", UrlFault::user},
      {"https://me:secret@h:x", UrlFault::user},
      {"https://@h", UrlFault::user},
      {"https://", UrlFault::no_host},
      {"https:///h", UrlFault::no_host},
      {"https://:443", UrlFault::no_host},
      {"https://?x", UrlFault::no_host},
      {"https://prod api", UrlFault::host},
      {"https://h\\x", UrlFault::host},
      {"https://h\n", UrlFault::host},
      {"https://a,b", UrlFault::host},
      {"https://h\xc3\xa9", UrlFault::host},
      // libcurl would connect to another host than the one that is read here.
      {"https://%68ost", UrlFault::host},
      {"https://h%2fx", UrlFault::host},
      {"https://10.1", UrlFault::host},
      {"https://1", UrlFault::host},
      {"https://0x7f.1", UrlFault::host},
      {"https://010.0.0.1", UrlFault::host},
      {"https://[fd00::1", UrlFault::ipv6},
      {"https://[h]", UrlFault::ipv6},
      {"https://[10.0.0.1]", UrlFault::ipv6},
      {"https://[]", UrlFault::ipv6},
      {"https://h:", UrlFault::port},
      {"https://h:/x", UrlFault::port},
      {"https://[::1]:", UrlFault::port},
      {"https://h:0", UrlFault::port},
      {"https://h:65536", UrlFault::port},
      {"https://h:+1", UrlFault::port},
      {"https://h:44x", UrlFault::port},
      {"https://h:443:444", UrlFault::port},
      {"https://fd00::7", UrlFault::port},
      {"https://[fd00::7]x", UrlFault::port},
      {"https://h/a\tb", UrlFault::other},
      {"https://h/a\nb", UrlFault::other},
      {"https://h\0.evil"sv, UrlFault::other},
      {"https://h/\0"sv, UrlFault::other},
  };
  for (auto const& [text, fault] : rows) {
    auto const url = split_url(text);
    ASSERT_FALSE(url) << text << " is " << url->origin() << url->path;
    EXPECT_EQ(url.error(), fault) << text;
  }
}

TEST(Url, AnIpv6AddressStandsInBrackets) {
  EXPECT_EQ(url_host("fd00::1"), "[fd00::1]");
  EXPECT_EQ(url_host("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(url_host("prod-api"), "prod-api");
}

}  // namespace
}  // namespace haagent
