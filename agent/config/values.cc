#include "agent/config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <span>
#include <utility>
#include <vector>

#include "agent/base/cidr.h"
#include "agent/base/kube_versions.h"
#include "agent/base/node_config.h"
#include "agent/base/state_store.h"
#include "agent/base/url.h"

namespace haagent {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool within(char character, std::initializer_list<std::string_view> sets) {
  return std::ranges::any_of(sets, [&](auto set) { return set.find(character) != set.npos; });
}

bool is_made_of(std::string_view text, std::initializer_list<std::string_view> sets) {
  return std::ranges::all_of(text, [&](char c) { return within(c, sets); });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

Problem problem(std::string message, std::string hint = {}) {
  return {std::move(message), std::move(hint), Severity::error};
}

template <class T>
Verdict verdict_of(Result<T> const& result) {
  if (result) return {};
  return problem(result.error().message.sentence());
}

// The part of a number and the unit behind it; nothing where there are no digits or too many.
std::optional<std::pair<std::uint64_t, std::string_view>> number_and_unit(std::string_view text) {
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return {};
  return std::pair(number, text.substr(static_cast<std::size_t>(end - text.data())));
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
// Longest first, as the printers try them.
constexpr Unit kDurationUnits[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};
constexpr Unit kSizeUnits[] = {
    {"TiB", 1ull << 40u}, {"GiB", 1ull << 30u}, {"MiB", 1ull << 20u}, {"KiB", 1ull << 10u}};

std::string with_unit(std::uint64_t number, std::span<Unit const> units) {
  for (auto const& unit : units) {
    if (number != 0 && number % unit.factor == 0) {
      return fmt::format("{}{}", number / unit.factor, unit.name);
    }
  }
  return {};
}

// One label of a DNS name (RFC 1123).
bool is_dns_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && is_made_of(label, {kLower, kDigits, "-"}) &&
         label.front() != '-' && label.back() != '-';
}

bool is_dns_name(std::string_view text) {
  if (text.size() > 253) return false;
  while (true) {
    auto dot = text.find('.');
    if (!is_dns_label(text.substr(0, dot))) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// The name part of a label's key, and a label's value: [A-Za-z0-9] at both ends, [-_.] between.
bool is_qualified_name(std::string_view text) {
  auto is_end = [](char c) { return within(c, {kLower, kUpper, kDigits}); };
  return !text.empty() && text.size() <= 63 && is_made_of(text, {kLower, kUpper, kDigits, "-_."}) &&
         is_end(text.front()) && is_end(text.back());
}

// The problem with a URL that split_url refuses.
Problem url_problem(std::string_view text, UrlFault fault) {
  constexpr auto kShape = "https://host or https://host:port";
  auto const scheme = text.substr(0, text.find("://"));
  auto const rest = text.substr(std::min(scheme.size() + 3, text.size()));
  auto const authority = rest.substr(0, rest.find_first_of("/?#"));
  switch (fault) {
    case UrlFault::no_scheme:
      if (text.empty()) return problem(fmt::format("is empty; expected {}", kShape));
      return problem(fmt::format("'{}' has no scheme", text),
                     did_you_mean(fmt::format("https://{}", text)));
    case UrlFault::other_scheme:
      return problem(fmt::format("'{}' has the scheme '{}'; expected https", text, scheme),
                     did_you_mean(closest(scheme, {"https"})));
    case UrlFault::user:
      return problem(fmt::format("the URL of '{}' has a user or password in it",
                                 authority.substr(authority.rfind('@') + 1)),
                     "take it out; haagent uses certificates and roles");
    case UrlFault::no_host:
      return problem(fmt::format("'{}' names no host", text));
    case UrlFault::ipv6:
      if (!authority.contains(']'))
        return problem(fmt::format("'{}' has no ']' behind its address", text));
      break;
    case UrlFault::port:
      if (!authority.starts_with('[') && std::ranges::count(authority, ':') > 1)
        return problem(fmt::format("'{}' has more than one colon", authority),
                       "an IPv6 address stands in brackets: https://[fd00::1]:443");
      return problem(fmt::format("'{}' has no port between 1 and 65535", text));
    case UrlFault::host:
      break;
    case UrlFault::other:
      return problem(fmt::format("'{}' is no URL; expected {}", text, kShape));
  }
  return problem(fmt::format("'{}' is no host name or address", authority));
}

// scheme://host:port and nothing behind it, or the problem.
std::expected<Url, Problem> bare_url(std::string_view text) {
  auto url = split_url(text);
  if (!url) return std::unexpected(url_problem(text, url.error()));
  // What the schema's pattern passes, which knows lower case alone.
  if (!text.starts_with(url->scheme))
    return std::unexpected(url_problem(text, UrlFault::other_scheme));
  auto const address = parse_ip(url->host);
  bool const numeric = is_made_of(url->host, {kDigits, ".", ":"});
  if (!url->zone.empty() || (!address && (numeric || !is_dns_name(lower(url->host)))))
    return std::unexpected(url_problem(text, UrlFault::host));
  auto const end = text.find_first_of("/?#", url->scheme.size() + 3);
  if (end != text.npos) {
    return std::unexpected(
        problem(fmt::format("the URL goes on behind the host: '{}'", text.substr(end)),
                did_you_mean(text.substr(0, end))));
  }
  return *std::move(url);
}

// RFC 5737 and RFC 3849. kops leaves 203.0.113.123 in DNS until its own controller has run.
constexpr std::string_view kPlaceholders[] = {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
                                              "2001:db8::/32"};

bool is_example(std::string_view host) {
  return std::ranges::any_of(
      std::array{"example.com", "example.org", "example.net", "example"},
      [&](auto const* name) { return host == name || host.ends_with(fmt::format(".{}", name)); });
}

bool has_dot_dot(std::string_view path) {
  return fmt::format("{}/", path).find("/../") != std::string::npos;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  auto parts = number_and_unit(text);
  if (parts) {
    for (auto const& unit : kDurationUnits) {
      if (parts->second != unit.name) continue;
      // A hundred years: beyond it there is no sense, and the arithmetic stays safe.
      if (parts->first > 876'000ull * 3'600'000 / unit.factor) {
        return fail(Kind::invalid, "'{}' is longer than a century", text);
      }
      return Duration(static_cast<Duration::rep>(parts->first * unit.factor));
    }
  }
  return fail(Kind::invalid, "'{}' is no duration such as 100ms, 5s, 2m or 1h", text);
}

std::string to_text(Duration duration) {
  auto text = with_unit(static_cast<std::uint64_t>(duration.count()), kDurationUnits);
  return text.empty() ? "0ms" : text;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  auto parts = number_and_unit(text);
  if (!parts)
    return fail(Kind::invalid, "'{}' is no size such as 8GiB, 512MiB or plain bytes", text);
  if (parts->second.empty()) return parts->first;
  for (auto const& unit : kSizeUnits) {
    if (parts->second == unit.name) {
      if (parts->first > (1ull << 63u) / unit.factor) {
        return fail(Kind::invalid, "'{}' is more than any disk holds", text);
      }
      return parts->first * unit.factor;
    }
  }
  // "8G", "8Gi", "8GB", "8 GiB", "8gib": the letter says what was meant.
  auto letter =
      parts->second.substr(std::min(parts->second.find_first_not_of(' '), parts->second.size()));
  for (auto const& unit : kSizeUnits) {
    if (!letter.empty() && lower(letter.substr(0, 1)) == lower(unit.name.substr(0, 1))) {
      return fail(Kind::invalid, "'{}' has no known unit (did you mean '{}{}'?)", text,
                  parts->first, unit.name);
    }
  }
  return fail(Kind::invalid, "'{}' is no size such as 8GiB, 512MiB or plain bytes", text);
}

Result<unsigned> parse_count(std::string_view text) {
  unsigned count = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Kind::invalid, "'{}' is no whole number such as 10", text);
  return count;
}

std::string size_to_text(std::uint64_t bytes) {
  auto text = with_unit(bytes, kSizeUnits);
  return text.empty() ? std::to_string(bytes) : text;
}

Verdict check_dns_name(std::string_view text) {
  // "etcd-" + member + ".internal." stands in front of it, and 253 is the end.
  if (text.size() > 200) return problem("is longer than 200 characters");
  if (is_dns_name(text)) return {};
  auto hint = is_dns_name(lower(text)) ? did_you_mean(lower(text)) : "";
  return problem(fmt::format("'{}' is no DNS name: lower-case letters, digits and '-' in labels of "
                             "up to 63, joined by '.'",
                             text),
                 hint);
}

Verdict check_service_url(std::string_view text) {
  auto const url = bare_url(text);
  return url ? Verdict() : url.error();
}

// A program that answers in the issuer's place can make tokens. Plain HTTP is allowed on this
// machine's own link only.
Verdict check_token_issuer(std::string_view text) {
  auto const url = bare_url(text);
  if (!url) return url.error();
  auto const address = parse_ip(url->host);
  bool const is_near =
      address &&
      std::ranges::any_of(std::array{"127.0.0.0/8", "::1/128", "169.254.0.0/16"},
                          [&](auto const* range) { return parse_cidr(range)->contains(*address); });
  if (url->scheme == "https" || is_near) return {};
  return problem("an issuer's keys are read over https alone",
                 "take the URL that 'aws iam get-outbound-web-identity-federation-info' prints");
}

Verdict check_endpoint(std::string_view text) {
  auto const checked = bare_url(text);
  if (!checked) return checked.error();
  auto const& url = *checked;
  if (auto address = parse_ip(url.host)) {
    for (auto const* range = std::begin(kPlaceholders); range != std::end(kPlaceholders); ++range) {
      if (parse_cidr(*range)->contains(*address)) {
        return problem(fmt::format("{} is a placeholder of {}, kept for documentation; kops leaves "
                                   "203.0.113.123 until the name is set",
                                   url.host, *range),
                       "put in the load balancer's DNS name");
      }
    }
    if (*address == *parse_ip("0.0.0.0") || *address == *parse_ip("::")) {
      return problem(fmt::format("{} is no address that a node can reach", url.host),
                     "put in the load balancer's DNS name");
    }
  }
  if (is_example(lower(url.host))) {
    return Problem{fmt::format("'{}' is an example's name; nodes will not reach it", url.host),
                   "put in the load balancer's DNS name", Severity::warning};
  }
  if (url.scheme == "http") {
    return Problem{"plain http; a Kubernetes apiserver speaks TLS alone",
                   did_you_mean(fmt::format("https{}", text.substr(4))), Severity::warning};
  }
  return {};
}

std::expected<StatePlace, Problem> parse_state(std::string_view text) {
  constexpr auto kShape = "expected s3://bucket/prefix or file:///directory";
  auto wrong = [](std::string what, std::string hint = "") {
    return std::unexpected(Problem{std::move(what), std::move(hint)});
  };
  auto without_slashes = [](std::string_view part) {
    while (part.ends_with('/')) part.remove_suffix(1);
    return part;
  };
  if (text.starts_with("s3://")) {
    auto rest = text.substr(5);
    auto bucket = rest.substr(0, rest.find('/'));
    auto prefix = rest.substr(bucket.size());
    // S3's own rules for names of buckets.
    if (bucket.size() < 3 || bucket.size() > 63 || !is_dns_name(bucket) || parse_ip(bucket)) {
      auto hint = is_dns_name(lower(bucket)) && lower(bucket) != bucket
                      ? did_you_mean(fmt::format("s3://{}{}", lower(bucket), prefix))
                      : "";
      return wrong(fmt::format("'{}' is no bucket name: 3 to 63 lower-case letters, digits, '-' "
                               "and '.'",
                               bucket),
                   hint);
    }
    if (prefix.find("//") != prefix.npos || prefix.find_first_of("?#") != prefix.npos) {
      return wrong(fmt::format("'{}' is no plain prefix within the bucket", prefix), kShape);
    }
    if (prefix.starts_with('/')) prefix.remove_prefix(1);
    prefix = without_slashes(prefix);
    // It stands before keys of the store, and S3 takes 1024 bytes of both.
    if (prefix.size() > 500) return wrong("the prefix is longer than 500 characters");
    if (!prefix.empty() && !check_key(prefix)) {
      return wrong(fmt::format("'{}' is no plain prefix within the bucket: printable ASCII without "
                               "spaces, no part of it beginning with '.'",
                               prefix),
                   kShape);
    }
    return StatePlace{.bucket = std::string(bucket), .prefix = std::string(prefix), .folder = ""};
  }
  if (text.starts_with("file://")) {
    auto path = text.substr(7);
    if (!path.starts_with('/')) {
      return wrong(fmt::format("'{}' has no absolute directory", text),
                   did_you_mean(fmt::format("file:///{}", path)));
    }
    if (without_slashes(path).empty() || has_dot_dot(path)) {
      return wrong(fmt::format("'{}' is no directory of its own", path), kShape);
    }
    return StatePlace{.bucket = "", .prefix = "", .folder = std::string(without_slashes(path))};
  }
  if (text.starts_with('/')) {
    return wrong(fmt::format("'{}' has no scheme", text),
                 did_you_mean(fmt::format("file://{}", text)));
  }
  return wrong(fmt::format("'{}' is no state store", text), kShape);
}

Verdict check_state(std::string_view text) {
  auto place = parse_state(text);
  return place ? Verdict() : place.error();
}

Verdict check_kms_key(std::string_view text) {
  constexpr std::string_view kAlias = "alias/";
  auto good = std::ranges::all_of(text, [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c)) || std::string_view("-_/:").contains(static_cast<char>(c));
  });
  bool is_arn = text.starts_with("arn:") && text.find(":kms:") != text.npos;
  bool is_alias = text.starts_with(kAlias) && text.size() > kAlias.size();
  bool is_id = text.starts_with("mrk-") || (text.size() == 36 && text[8] == '-');
  if (good && text.size() <= 2048 && (is_arn || is_alias || is_id)) return {};
  return problem(fmt::format("'{}' is no KMS key", text),
                 "expected its id, its ARN (arn:aws:kms:...), or alias/name");
}

Verdict check_kube_version(std::string_view text) {
  return verdict_of(parse_kube_version(text));
}

Verdict check_cidr(std::string_view text) {
  auto cidr = parse_cidr(text);
  if (!cidr) return problem(cidr.error().message.sentence());
  if (cidr->overlaps(*parse_cidr("169.254.0.0/16"))) {
    return problem(
        fmt::format("{} overlaps with 169.254.0.0/16, where instance metadata lives", text));
  }
  return {};
}

Verdict check_port(std::string_view text) {
  auto const port = parse_count(text);
  if (!port || *port == 0 || *port > 65535) return problem(fmt::format("'{}' is no port", text));
  return {};
}

Verdict check_absolute_path(std::string_view text) {
  if (!text.starts_with('/')) return problem(fmt::format("'{}' is no absolute path", text));
  if (text.find_first_not_of('/') == text.npos || has_dot_dot(text)) {
    return problem(fmt::format("'{}' is no path of its own", text));
  }
  return {};
}

Verdict check_mount_root(std::string_view text) {
  if (auto verdict = check_absolute_path(text)) return verdict;
  constexpr std::string_view kDebians = "/var/lib/etcd";
  if (text == kDebians || text.starts_with(fmt::format("{}/", kDebians)))
    return Problem{
        fmt::format(
            "Debian's package etcd-server empties {} when it is purged, mounted volumes and "
            "all",
            kDebians),
        "take another folder", Severity::warning};
  return {};
}

std::expected<ListenAddress, Problem> parse_listen_address(std::string_view text) {
  auto wrong = [&](std::string_view why) {
    return std::unexpected(
        Problem{fmt::format("'{}' {}", text, why), "write it as 127.0.0.1:9990 or [::1]:9990"});
  };
  auto const colon = text.rfind(':');
  if (colon == text.npos) return wrong("has no port");
  auto host = text.substr(0, colon);
  bool const bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  auto const address = parse_ip(host);
  if (!address) return wrong("is no IP address with a port; names are not looked up");
  if (address->v6 != bracketed)
    return wrong("needs brackets around an IPv6 address, and only there");
  int port = 0;
  auto const digits = text.substr(colon + 1);
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port < 1 || port > 65'535)
    return wrong("has no port between 1 and 65535");
  for (auto const& taken :
       {kEtcdMainPorts.client, kEtcdMainPorts.peer, kEtcdMainPorts.metrics, kEtcdEventsPorts.client,
        kEtcdEventsPorts.peer, kEtcdEventsPorts.metrics, kAgentPort})
    if (port == taken) return wrong("takes a port that etcd's members or the agents use");
  return ListenAddress{std::string(host), port};
}

Verdict check_listen_address(std::string_view text) {
  auto const parsed = parse_listen_address(text);
  if (!parsed) return parsed.error();
  if (*parse_ip(parsed->address) == *parse_ip("0.0.0.0") ||
      *parse_ip(parsed->address) == *parse_ip("::"))
    return Problem{
        fmt::format("'{}' serves everybody who reaches this machine, in the clear", text),
        "127.0.0.1 keeps it on the machine", Severity::warning};
  return {};
}

Verdict check_metrics_namespace(std::string_view text) {
  if (text.starts_with("AWS/"))
    return problem(fmt::format("'{}' is a namespace of AWS' own services", text),
                   "CloudWatch takes no metrics of others there; write a name such as haagent");
  if (text.empty() || text.size() > 255 || text.starts_with(':') ||
      !is_made_of(text, {kLower, kUpper, kDigits, "./_#:-"}))
    return problem(fmt::format("'{}' is no namespace of CloudWatch's", text),
                   "write up to 255 letters, digits and ./_#:- that do not begin with a colon");
  return {};
}

Verdict check_iam_name(std::string_view text) {
  auto name = text;
  if (text.starts_with("arn:")) {
    if (!text.contains(":iam::") || !text.contains('/'))
      return problem(fmt::format("'{}' is no ARN of a role or an instance profile", text),
                     "write it as arn:aws:iam::123456789012:role/NAME");
    name = text.substr(text.rfind('/') + 1);
  }
  if (name.empty() || name.size() > 128 || !is_made_of(name, {kLower, kUpper, kDigits, "+=,.@_-"}))
    return problem(fmt::format("'{}' is no name of IAM's", text),
                   "write the role's name, or its ARN");
  return {};
}

Verdict check_ca_pin(std::string_view text) {
  constexpr std::string_view kSha256 = "sha256:";
  if (text.starts_with(kSha256) && text.size() == kSha256.size() + 64 &&
      is_made_of(text.substr(kSha256.size()), {kDigits, "abcdef"}))
    return {};
  return problem(fmt::format("'{}' is no SHA-256 of a key", text),
                 "run 'haagent join status' on a master: it shows the pin");
}

Verdict check_registry(std::string_view text) {
  if (auto scheme = text.find("://"); scheme != text.npos) {
    return problem(fmt::format("'{}' has a scheme; an image's name has none", text),
                   did_you_mean(text.substr(scheme + 3)));
  }
  auto host = text.substr(0, text.find('/'));
  auto path = text.substr(host.size());
  auto colon = host.rfind(':');
  bool good_port = colon == host.npos ||
                   (colon + 1 < host.size() && is_made_of(host.substr(colon + 1), {kDigits}));
  if (path.ends_with('/')) {
    return problem(fmt::format("'{}' ends in '/'", text),
                   did_you_mean(text.substr(0, text.find_last_not_of('/') + 1)));
  }
  if (!is_dns_name(lower(host.substr(0, colon))) || !good_port || path.find("//") != path.npos ||
      !is_made_of(path, {kLower, kDigits, "-_./"})) {
    return problem(fmt::format("'{}' is no image registry such as registry.k8s.io", text));
  }
  return {};
}

Verdict check_addon_name(std::string_view text) {
  bool const good = !text.empty() && text.size() <= 50 &&
                    is_made_of(text, {kLower, kDigits, "-"}) && text.front() != '-' &&
                    text.back() != '-';
  if (!good)
    return problem(
        fmt::format("'{}' is no add-on's name: up to 50 lower-case letters, digits and "
                    "'-'",
                    text));
  if (text == "core" || text == "network")
    return problem(fmt::format("'{}' is no add-on's name: haagent has taken it", text));
  return {};
}

// Which of them a kubelet may set depends on the role: lint.h of bootstrap/kube says it.
Verdict check_label_key(std::string_view key) {
  return check_taint_key(key);
}

Verdict check_label_value(std::string_view value) {
  if (value.empty() || is_qualified_name(value)) return {};
  return problem(
      fmt::format("'{}' is no label value: up to 63 letters, digits, '-', '_' and '.', "
                  "with a letter or digit at both ends",
                  value));
}

Verdict check_taint_key(std::string_view key) {
  auto slash = key.find('/');
  bool prefix = slash == key.npos || is_dns_name(key.substr(0, slash));
  if (prefix && is_qualified_name(slash == key.npos ? key : key.substr(slash + 1))) return {};
  return problem(
      fmt::format("'{}' is no label key: [prefix/]name, with a DNS name as prefix", key));
}

Verdict check_taint_effect(std::string_view effect) {
  std::vector<std::string> const effects = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
  if (std::ranges::find(effects, effect) != effects.end()) return {};
  return problem(
      fmt::format("'{}' is no effect; expected NoSchedule, PreferNoSchedule or NoExecute", effect),
      did_you_mean(closest(effect, effects)));
}

Verdict check_flag_name(std::string_view name) {
  auto is_flag = [](std::string_view text) {
    return !text.empty() && text.size() <= 100 && is_made_of(text, {kLower, kDigits, "-"}) &&
           text.front() != '-';
  };
  if (is_flag(name)) return {};
  // "--max-pods", "max_pods", "maxPods" and "max-pods=10" all mean max-pods.
  std::string flag;
  auto bare = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  for (char c : bare.substr(0, bare.find('='))) {
    if (within(c, {kUpper}) && !flag.empty() && flag.back() != '-') flag += '-';
    flag += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (name.size() > 100) return problem("is longer than any flag's name");
  return problem(fmt::format("'{}' is no flag's name: lower-case, without dashes in front", name),
                 is_flag(flag) ? did_you_mean(flag) : "");
}

}  // namespace haagent
